"""Disk formats that boards boot from, read and written in pure Python."""
