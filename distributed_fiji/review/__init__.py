"""What happened to a run's jobs: read from the bucket, grouped, put into tables and maps."""
