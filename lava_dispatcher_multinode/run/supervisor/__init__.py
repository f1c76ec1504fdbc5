"""The process that cleans up when the dispatcher is killed."""
