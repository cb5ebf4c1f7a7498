"""The records of iPaaS.com as the flows from it read them: the fields they use, by their names on the wire.

Unknown properties are kept, so that custom fields can use them.
"""
