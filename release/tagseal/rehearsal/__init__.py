"""The whole release on this machine: a clone, a tag, the shipped commands as children, one a job."""
