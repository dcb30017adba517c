"""What could not be read. Each reading is independent, so that one refusal hides nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from distributed_fiji.aws.clients import AwsError, error_text

Value = TypeVar("Value")


class Unseen:
    """Collects the readings that AWS refused or did not answer, one sentence each, without repeats."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def __bool__(self) -> bool:
        return bool(self.sentences)

    def note(self, what: str, error: Exception) -> None:
        """Record that something could not be read."""
        sentence = f"could not check {what}: {error_text(error)}"
        if sentence not in self.sentences:
            self.sentences.append(sentence)

    def look(self, what: str, find: Callable[[], Iterable[Value]]) -> list[Value]:
        """Return everything that a reading finds, or what it had found when it was refused."""
        found: list[Value] = []
        try:
            found.extend(find())
        except AwsError as error:
            self.note(what, error)
        return found


class Strict(Unseen):
    """Collects nothing: the first reading that fails raises."""

    def note(self, what: str, error: Exception) -> None:
        """Raise the error."""
        raise error
