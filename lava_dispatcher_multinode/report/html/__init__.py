"""report.html, and the live page."""
