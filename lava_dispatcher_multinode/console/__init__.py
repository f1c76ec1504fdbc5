"""Bytes to and from one board: transports, the pump, the transcript, expect."""
