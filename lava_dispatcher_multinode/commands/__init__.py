"""One verb a file: a parser, and a function that returns an exit code."""
