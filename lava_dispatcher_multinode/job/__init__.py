"""Job files: read, checked against their schema, and turned into a `Job`."""
