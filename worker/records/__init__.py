"""What is written about a job in the bucket, by whom, and whether it is still valid."""
