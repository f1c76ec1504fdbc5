"""A job file becomes a `Job`: positions kept for messages, nothing touched outside."""
