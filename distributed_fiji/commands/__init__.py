"""The commands of run.py, one module each, and what only they need."""
