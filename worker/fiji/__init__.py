"""FIJI as it runs: its command line, its process, what it prints, whether it needs a display."""
