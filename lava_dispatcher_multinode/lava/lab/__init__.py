"""A LAVA server as the lab that runs a job."""
