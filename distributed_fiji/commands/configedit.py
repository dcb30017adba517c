"""Write settings into a config.py: just the values named, every other byte kept."""

from __future__ import annotations

import ast
import os
import shutil
import tokenize
from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from distributed_fiji.errors import InvalidInput
from distributed_fiji.settings import load_settings


def apply_settings(path: Path, values: Mapping[str, Any]) -> None:
    """Write settings into a config.py, which then has them. Raises InvalidInput where it does not change.

    The new file is read before it takes the place of the old one: a config.py may set a name in ways that
    are not seen in its text.
    """
    path = path.resolve()
    new = path.with_name(f".{path.stem}-{os.getpid()}.py")
    try:
        new.write_bytes(edited(path.read_bytes(), values))
        shutil.copymode(path, new)
        settings, _ = load_settings(new)
        wrong = [name for name, value in values.items() if getattr(settings, name) != value]
        if wrong:
            how = "is set in a way that cannot be changed here; set it yourself to"
            problems = [f"{name} {how} {values[name]!r}" for name in wrong]
            raise InvalidInput(f"{path} cannot be edited", problems)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def edited(content: bytes, values: Mapping[str, Any]) -> bytes:
    """Return a config.py's bytes with these values; what its top level does not set is added at the end.

    The file is Python. Of several assignments the last counts.
    """
    encoding, _ = tokenize.detect_encoding(iter(content.splitlines(keepends=True)).__next__)
    text = content.decode(encoding).encode()
    lines = text.splitlines(keepends=True)
    starts = [0, *accumulate(map(len, lines))]
    nodes = {name: node for node in ast.parse(content).body for name in _names(node)}
    spans = [(*_span(starts, nodes[name]), repr(value)) for name, value in values.items() if name in nodes]
    for start, end, value in sorted(spans, reverse=True):
        text = text[:start] + value.encode() + text[end:]
    added = [f"{name} = {value!r}" for name, value in values.items() if name not in nodes]
    return (text + _addition(lines, added)).decode().encode(encoding)


def _names(node: ast.stmt) -> list[str]:
    """Return the name that a statement sets to a value of its own."""
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    only = targets[0] if isinstance(node, ast.Assign | ast.AnnAssign) and len(targets) == 1 else None
    return [only.id] if isinstance(only, ast.Name) and getattr(node, "value", None) is not None else []


def _span(starts: Sequence[int], node: Any) -> tuple[int, int]:
    """Return where a statement's value begins and ends: ast counts lines, and bytes of UTF-8."""
    value = node.value
    return starts[value.lineno - 1] + value.col_offset, starts[value.end_lineno - 1] + value.end_col_offset


def _addition(lines: Sequence[bytes], added: Sequence[str]) -> bytes:
    """Return the lines to be added, with the file's own ends of lines."""
    first, last = (lines[0], lines[-1]) if lines else (b"\n", b"\n")
    ending = first[len(first.rstrip(b"\r\n")) :] or b"\n"
    before = b"" if last.endswith((b"\r", b"\n")) else ending
    return before + b"".join(line.encode() + ending for line in added) if added else b""
