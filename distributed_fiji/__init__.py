"""What runs on the user's machine: setup, submitJob, startCluster, monitor and their kin."""
