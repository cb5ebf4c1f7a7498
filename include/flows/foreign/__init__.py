"""Sales documents of Business Central as transactions of other systems make them: the source of both flows, and the
steps by which an order, an invoice and its payments come to be.

Every step is decided by what Business Central has at that moment, so that a transfer that was cut off between any two
of them goes on where it stopped.
"""
