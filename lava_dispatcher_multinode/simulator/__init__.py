"""Boards made of nothing but a process: U-Boot and a real shell behind a pty."""
