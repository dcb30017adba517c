"""What the user's side and the worker agree on. Pure, standard library only."""
