"""Find out what happened to a run's jobs: read from the bucket, group, and draw tables and maps."""
