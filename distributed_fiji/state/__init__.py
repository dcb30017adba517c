"""A run's state in the bucket and in files/: its record, submissions, names, claims. Read without trust."""
