"""Jobs, one after another: the lanes that a job passes through, and what happens in each."""
