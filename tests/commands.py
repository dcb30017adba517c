"""Run run.py as a user does: in its own process, with none of the developer's AWS in its environment."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.policy.trail import SITE

CHECKOUT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err


def run_py(
    *arguments: str | Path,
    environment: dict[str, str] | None = None,
    timeout: float = 120,
    cwd: Path = CHECKOUT,
) -> Ended:
    """Run run.py and return how it ended. `environment` is added to this process's."""
    done = subprocess.run(
        [sys.executable, str(CHECKOUT / "run.py"), *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, **(environment or {}), **watched()},
        cwd=cwd,
        timeout=timeout,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def watched() -> dict[str, str]:
    """Return variables that make a command record its calls, which its user's policy must allow."""
    return {"PYTHONPATH": os.environ[SITE]} if SITE in os.environ else {}
