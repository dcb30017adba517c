"""Judge a run of FIJI: done, or failed with a class, a sentence and advice. Pure."""
