"""What can go wrong, one sentence each, with the exit code of the command that it ends.

Only run.py turns these into an exit; the codes are those of design.md: 0 done, 1 failed, 2 misuse or
invalid input, 3 the work ended with failed jobs, 4 something that costs is left, 5 AWS does not take the
keys any more, 130 interrupted.
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
    """Raised when a command cannot go on; its text says what happened and what to do next."""

    exit_code = FAILED


class InvalidInput(DistributedFijiError):
    """Raised when settings, files or arguments are wrong; holds every problem, and nothing was changed."""

    exit_code = INVALID

    def __init__(self, what: str, problems: list[str]) -> None:
        self.what = one_line(what)
        self.problems = [one_line(line) for line in problems]
        lines = [f"{self.what}. Nothing was changed:", *(f"  - {line}" for line in self.problems)]
        super().__init__("\n".join(lines))


class NothingThere(DistributedFijiError):
    """Raised when a command needs what an earlier command makes, and it is not there."""

    exit_code = INVALID


def of_file(error: OSError) -> str:
    """Return a sentence about a file, a folder or a disk that fails a command."""
    where = f"{error.filename}: " if error.filename else ""
    return (
        f"{where}{error.strerror or error}. Free some space, or check the permissions, and run the command"
        " again; it continues where it stopped."
    )


class SomethingLeft(DistributedFijiError):
    """Raised when something that costs money could not be removed; its text names it."""

    exit_code = SOMETHING_LEFT


class KeysOver(DistributedFijiError):
    """Raised when AWS has not taken the keys for so long that waiting helps nothing."""

    exit_code = KEYS_OVER
