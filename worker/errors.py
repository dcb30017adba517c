"""Exceptions that end a job early, each with the facts that its record needs."""

from __future__ import annotations

from worker.contract.jobs import FailureClass


class SettingsError(ValueError):
    """Raised when the environment is not a valid configuration; `problems` lists everything."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class JobFailed(Exception):
    """Raised when a job cannot succeed in this attempt: a class, and a sentence for whoever sent it."""

    def __init__(self, failure: FailureClass, sentence: str, *, line: int | None = None) -> None:
        super().__init__(sentence)
        self.failure = failure
        self.sentence = sentence
        self.line = line


class ChangedMeanwhile(Exception):
    """Raised when an object is no longer the one that was listed; the text is its address."""


class LeaseLost(Exception):
    """Raised when a job's message is no longer ours: another worker has it, or soon will."""


class Interrupted(Exception):
    """Raised when a job must be returned because this worker must stop."""


class ScriptUnavailable(Exception):
    """Raised when the script is unavailable, so that no job can run here."""
