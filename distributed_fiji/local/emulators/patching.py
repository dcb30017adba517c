"""How methods of moto's classes are replaced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def add(owner: type, name: str, value: Callable[..., Any] | property) -> None:
    """Set a method or property of one of moto's classes."""
    setattr(owner, name, value)
