"""The test image: a small Linux of Debian's own packages, made without root."""
