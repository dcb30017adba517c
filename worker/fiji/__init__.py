"""Run FIJI: its command line, its process, its console, and whether it needs a display."""
