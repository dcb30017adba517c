"""Distributed-FIJI's commands; `VERSION` is that of pyproject.toml."""

VERSION = "1.0.0"
