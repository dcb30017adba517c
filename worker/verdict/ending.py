"""How a run of FIJI ended."""

from __future__ import annotations

from enum import Enum


class Ending(str, Enum):
    """How a FIJI process ended."""

    BY_ITSELF = "by itself"
    TIMED_OUT = "timed out"
    STALLED = "stalled"
    NO_SIGN_OF_LIFE = "no sign of life"
