"""What ends a job early, each with the facts that its record needs."""

from __future__ import annotations

from worker.contract.jobs import FailureClass


class SettingsError(ValueError):
    """Raised when the environment is no valid configuration; `problems` lists all of it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class JobFailed(Exception):
    """Raised when a job cannot succeed in this attempt: a class, and a sentence for who sent it."""

    def __init__(self, failure: FailureClass, sentence: str, *, line: int | None = None) -> None:
        super().__init__(sentence)
        self.failure = failure
        self.sentence = sentence
        self.line = line


class ChangedMeanwhile(Exception):
    """Raised when an object is no longer the one that was listed; its text is the address."""


class LeaseLost(Exception):
    """Raised when the message of a job is no longer ours: another worker has it, or will have."""


class Interrupted(Exception):
    """Raised when a job must be given back because this worker has to end."""


class ScriptUnavailable(Exception):
    """Raised when the script cannot be had, so that no job can run here."""
