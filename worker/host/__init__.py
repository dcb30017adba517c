"""The machine that the worker runs on: folders, processes, memory, versions."""
