"""What is found about one link of the chain. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["holds", "broken", "unknown", "waiting", "not reached"]


@dataclass(frozen=True)
class Judgement:
    """Whether a link holds, and why not.

    `waiting`: it does not hold yet, and nothing is wrong so far. `cause`: a stable id, for programs.
    `evidence`: figures, and AWS's own words. `is_last`: no later link matters, since the run is over.
    """

    state: State
    found: str
    cause: str = ""
    evidence: tuple[str, ...] = ()
    cure: str = ""
    is_last: bool = False


def holds(found: str, *, is_last: bool = False) -> Judgement:
    """Return that a link holds."""
    return Judgement("holds", found, is_last=is_last)


def waiting(found: str, *evidence: str) -> Judgement:
    """Return that a link does not hold yet, which may be right."""
    return Judgement("waiting", found, evidence=evidence)


def broken(cause: str, found: str, cure: str, *evidence: str) -> Judgement:
    """Return that a link is broken."""
    return Judgement("broken", found, cause, evidence, cure)


def span(seconds: float) -> str:
    """Return a time span in words."""
    for size, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{max(0, seconds):.0f} seconds"
