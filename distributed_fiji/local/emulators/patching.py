"""Replace methods of moto's classes and functions of its modules."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any


def add(owner: type | ModuleType, name: str, value: Callable[..., Any] | property) -> None:
    """Set a method or property of one of moto's classes, or a function of a module."""
    setattr(owner, name, value)
