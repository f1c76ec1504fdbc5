"""What is put on a board: definitions fetched, scripts, one tarball a job."""
