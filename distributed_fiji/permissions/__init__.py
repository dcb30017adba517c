"""What a user and the roles of an app have to be allowed, as documents for `policy`."""
