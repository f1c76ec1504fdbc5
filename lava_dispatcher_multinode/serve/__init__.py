"""Files for boards to fetch: a shelf of them, over HTTP and TFTP."""
