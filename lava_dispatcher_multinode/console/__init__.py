"""The console of one board: transports, buffer, transcript, death strings, expect."""
