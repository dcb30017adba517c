"""What is written of a job in the bucket, by whom, and whether it still holds."""
