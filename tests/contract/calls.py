"""The requests of this process's product code, recorded and judged as they are made.

The stack shows which code asks. A test's own requests are not judged.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tests.contract.model import violations
from tests.contract.rules import broken_rules

CHECKOUT = Path(__file__).resolve().parents[2]
PRODUCT = tuple(f"{CHECKOUT}/{part}" for part in ("distributed_fiji/", "worker/", "run.py"))
#: The embedded cloud, and `tryScript`, which calls nothing else.
EMULATORS = tuple(
    f"{CHECKOUT}/distributed_fiji/{part}" for part in ("local/", "commands/local.py", "commands/trial.py")
)
LIBRARIES = ("/botocore/", "/boto3/", "/s3transfer/", "/concurrent/futures/", "/threading.py", "/moto/")

#: A service, by boto3's name, and an operation.
Operation = tuple[str, str]


class Notebook:
    """Requests since the last look. `ever`: those of all of this process's tests."""

    def __init__(self) -> None:
        self._made: set[Operation] = set()
        self._wrong: set[str] = set()
        self.ever: set[Operation] = set()

    def note(self, service: str, operation: str, parameters: dict[str, Any], shape: Any) -> None:
        """Record a request, and judge it."""
        self._made.add((service, operation))
        lines = violations(shape, parameters) + broken_rules(service, operation, parameters)
        self._wrong.update(f"{service}:{operation} {line}" for line in lines)

    def note_others(self, service: str, operation: str, parameters: dict[str, Any]) -> None:
        """Record another process's request, of which only some parameters are known."""
        self._made.add((service, operation))
        lines = broken_rules(service, operation, parameters)
        self._wrong.update(f"{service}:{operation} {line}" for line in lines)

    def take(self) -> tuple[set[Operation], set[str]]:
        """Return the recorded requests, and those that AWS would refuse; then forget them."""
        self.ever |= self._made
        taken = self._made, self._wrong
        self._made, self._wrong = set(), set()
        return taken


notebook = Notebook()


def watch() -> None:
    """Make every client created from now on report its requests."""
    from botocore import handlers

    def asked(params: dict[str, Any], model: Any, **_: Any) -> None:
        if asked_by_product():
            notebook.note(model.service_model.service_name, model.name, params, model.input_shape)

    handlers.BUILTIN_HANDLERS.append(("before-parameter-build", asked))


def asked_by_product() -> bool:
    """Whether the nearest code outside libraries is the product's; a library's own thread acts for it."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(EMULATORS):
            return False
        if name.startswith(PRODUCT):
            return True
        if name != __file__ and not any(part in name for part in LIBRARIES):
            return False
        frame = frame.f_back  # type: ignore[assignment]
    return True
