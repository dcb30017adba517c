"""Bodies and values that no reader of the run's state should trust."""

from __future__ import annotations

import json
from typing import Any

#: Values of the wrong type for any field.
WRONG: list[Any] = [None, [], {}, "", "x" * 100_000, -1, 1e308, True, [[[[]]]], {"a": {"b": []}}, "\ud800"]


def broken_bodies() -> list[bytes]:
    """Return bodies that are not JSON objects, or that no reader should read to the end."""
    return [
        b"",
        b"\x00\x00\x00\x01Bud1\x00\x00",
        b"{",
        b'{"job": {"Metadata": {"Well"',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"job":' * 900 + b"1" + b"}" * 900,
        b"null",
        b"[]",
        b'"text"',
        b"1e400",
        b'{"time_seconds": ' + b"9" * 5000 + b"}",
        b'{"time_seconds": NaN, "attempt": Infinity}',
        "\ufeff{}".encode("utf-16"),
        b"\xef\xbb\xbf{}",
        b"\xff\xfe\xfa",
        b"<!doctype html><html></html>",
        json.dumps({"unknown": [1, 2], "nested": {"deep": {}}}).encode(),
    ]
