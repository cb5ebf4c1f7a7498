"""The records of Business Central as this project reads them: the fields it uses, by their names on the wire.

A page service and the API name the same thing differently; each has its own model. Unknown properties (localisation,
extensions, a subscriber's own fields) are kept, so that custom fields can use them.
"""
