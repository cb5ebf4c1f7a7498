"""The client of Business Central: token, OData, paging, batches, etags, errors."""
