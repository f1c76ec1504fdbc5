"""Boards that are QEMU: a real boot loader and a real kernel, without hardware."""
