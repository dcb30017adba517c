"""One job after another: the lanes that a job passes through, and what happens to it in each."""
