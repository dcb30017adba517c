"""The monitor: look at a run, decide what to do about it, do it, and take the run down at its end."""
