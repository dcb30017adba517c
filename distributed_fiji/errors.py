"""What can go wrong, one sentence each, with the exit code of the command that it ends.

Only run.py turns these into an exit; the codes are those of design.md: 0 done, 1 failed, 2 misuse or
invalid input, 3 the work ended with failed jobs, 4 something that costs is left, 130 interrupted.
"""

from __future__ import annotations

FAILED = 1
INVALID = 2
JOBS_FAILED = 3
SOMETHING_LEFT = 4
INTERRUPTED = 130


class DistributedFijiError(Exception):
    """Raised when a command cannot go on; its text says what happened and what to do next."""

    exit_code = FAILED


class InvalidInput(DistributedFijiError):
    """Raised when settings, files or arguments are wrong; holds every problem, and nothing was changed."""

    exit_code = INVALID

    def __init__(self, what: str, problems: list[str]) -> None:
        self.what = what
        self.problems = problems
        super().__init__("\n".join([f"{what}: nothing was changed.", *(f"  - {line}" for line in problems)]))


class NothingThere(DistributedFijiError):
    """Raised when a command needs what an earlier command makes, and it is not there."""

    exit_code = INVALID


class SomethingLeft(DistributedFijiError):
    """Raised when something that costs money could not be removed; its text names it."""

    exit_code = SOMETHING_LEFT
