"""What a user and an app's roles must be allowed, as documents for `policy`."""
