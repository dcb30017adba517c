"""The report's RO-Crate under a validator that is not ours, in an environment of its own."""
