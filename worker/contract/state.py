"""Read the run's state in the bucket without trusting it, since people and programs put other things there.

Standard library only, like `worker.contract`; both sides read with it. A Finder's `.DS_Store`, half an
upload, another app's record or JSON made to break a reader must stop neither worker nor monitor.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from math import isfinite
from typing import Any

#: A job's id, in the form that `contract.job_id` gives it.
JOB_ID = re.compile(r"[0-9a-f]{16}\Z")

#: The form of our names in the state; a leading dot means a file system's own file.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.json\Z")

#: More than any object of the state has; the largest is the submission of twelve million jobs.
MOST_BYTES = 128 * 1024 * 1024

#: Later than any real time in seconds since 1970, and more than any count.
MOST = 1e11


class Unreadable(ValueError):
    """Raised when an object of the state is not what its key says; the text is the reason."""


def read_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in a body. Raises Unreadable."""
    if len(body) > MOST_BYTES:
        raise Unreadable(f"it is larger than {MOST_BYTES} bytes")
    try:
        document = json.loads(body)
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None
    except (ValueError, MemoryError) as error:
        raise Unreadable(f"it is not JSON ({error!s:.100})") from error
    if not isinstance(document, dict):
        raise Unreadable(f"it is a JSON {type(document).__name__}, not an object")
    return document


def text(document: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """Return a field that must be text; `default` if it is missing. Raises Unreadable."""
    value = document.get(name, default)
    if not isinstance(value, str):
        raise Unreadable(f"{name} is {_kind(value)}, not text")
    return value


def texts(document: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return a field that must be a list of texts; empty if it is missing. Raises Unreadable."""
    value = document.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Unreadable(f"{name} is not a list of texts")
    return tuple(value)


def number(document: Mapping[str, Any], name: str, default: float | None = None) -> float:
    """Return a field that must be a number from 0 to MOST; `default` if it is missing. Raises Unreadable."""
    value = document.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Unreadable(f"{name} is {_kind(value)}, not a number")
    if not (isfinite(value) and 0 <= value <= MOST):
        raise Unreadable(f"{name} is out of range")
    return float(value)


def flag(document: Mapping[str, Any], name: str, default: bool | None = None) -> bool:
    """Return a field that must be true or false; `default` if it is missing. Raises Unreadable."""
    value = document.get(name, default)
    if not isinstance(value, bool):
        raise Unreadable(f"{name} is {_kind(value)}, not true or false")
    return value


def refuse_another_app(document: Mapping[str, Any], app_name: str, name: str = "app_name") -> None:
    """Raise Unreadable for a document that says it is another app's; older ones do not say."""
    if document.get(name, app_name) != app_name:
        raise Unreadable("it belongs to another app")


def _kind(value: Any) -> str:
    return "missing" if value is None else f"a {type(value).__name__}"
