"""Press buttons of the bench from a job."""
