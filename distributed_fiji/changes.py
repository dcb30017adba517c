"""What an idempotent step did: created, changed or kept something. Plain data for setup's table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Change:
    """One resource and what became of it. `detail` names what differed."""

    kind: str
    name: str
    did: Literal["created", "changed", "kept"]
    detail: str = ""

    @staticmethod
    def of(kind: str, name: str, *, created: bool, changed: bool, detail: str = "") -> Change:
        """Return the change that two findings amount to.

        What differed is kept only if something was changed.
        """
        if created:
            return Change(kind, name, "created")
        return Change(kind, name, "changed", detail) if changed else Change(kind, name, "kept")
