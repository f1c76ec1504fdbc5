"""Reports as text: live display, log lines, summary."""
