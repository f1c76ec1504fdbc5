"""Methods of deployment, one per file."""
