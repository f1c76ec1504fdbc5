"""Emulated boards: QEMU with a real boot loader and a real kernel."""
