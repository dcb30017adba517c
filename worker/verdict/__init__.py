"""What a run of FIJI is worth: done, or failed with a class, a sentence and advice. Pure."""
