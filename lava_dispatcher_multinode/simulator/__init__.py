"""Simulated boards: processes with a U-Boot, a kernel log and a real shell behind a pty."""
