"""Disk images: fetching, decompression, and the formats that boards boot from."""
