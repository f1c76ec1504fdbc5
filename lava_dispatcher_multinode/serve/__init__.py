"""HTTP and TFTP servers from which boards fetch files."""
