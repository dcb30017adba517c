"""The commands of run.py, a module each, and what only they need."""
