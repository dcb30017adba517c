"""What can go wrong, one sentence each, with the exit code of the command that it ends.

Only run.py turns these into an exit. The codes are in docs/design.md: 0 done, 1 failed, 2 misuse or invalid
input, 3 the work ended with failed jobs, 4 something billable is left, 5 AWS no longer accepts the keys, 130
interrupted.
"""

from __future__ import annotations

from worker.contract.text import one_line

FAILED = 1
INVALID = 2
JOBS_FAILED = 3
SOMETHING_LEFT = 4
KEYS_OVER = 5
INTERRUPTED = 130


class DistributedFijiError(Exception):
    """Raised when a command cannot continue; the text says what happened and what to do next."""

    exit_code = FAILED


class InvalidInput(DistributedFijiError):
    """Raised when settings, files or arguments are wrong. It holds every problem, and nothing was changed."""

    exit_code = INVALID

    def __init__(self, what: str, problems: list[str]) -> None:
        self.what = one_line(what)
        self.problems = [one_line(line) for line in problems]
        lines = [f"{self.what}. Nothing was changed:", *(f"  - {line}" for line in self.problems)]
        super().__init__("\n".join(lines))


class NotConnected(InvalidInput):
    """Raised when AWS cannot be reached, or does not know who asks."""


class NothingThere(DistributedFijiError):
    """Raised when something that an earlier command creates is missing."""

    exit_code = INVALID


def of_file(error: OSError) -> str:
    """Return a sentence about a file, folder or disk that makes a command fail."""
    where = f"{error.filename}: " if error.filename else ""
    return (
        f"{where}{error.strerror or error}. Free some space, or check the permissions, and run the command"
        " again; it continues where it stopped."
    )


class SomethingLeft(DistributedFijiError):
    """Raised when something that costs money could not be removed; the text names it."""

    exit_code = SOMETHING_LEFT


class KeysOver(DistributedFijiError):
    """Raised when AWS has refused the keys for so long that waiting does not help."""

    exit_code = KEYS_OVER
