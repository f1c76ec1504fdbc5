"""The overlay: fetched test definitions and on-board scripts, in one tarball per job."""
