"""Write settings into a config.py: only the values named; every other byte is kept."""

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
    """Write settings into a config.py. Raises InvalidInput if it then does not have their values.

    The new file is read before it replaces the old one, because a config.py may set a name in ways that its
    text does not show.
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
    """Return a config.py's bytes with these values. Names not set at its top level are appended.

    The file is Python. If there are several assignments, the last counts.
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
    """Return where a statement's value begins and ends, since ast counts lines, and bytes of UTF-8."""
    value = node.value
    return starts[value.lineno - 1] + value.col_offset, starts[value.end_lineno - 1] + value.end_col_offset


def _addition(lines: Sequence[bytes], added: Sequence[str]) -> bytes:
    """Return the lines to append, with the file's own line endings."""
    first, last = (lines[0], lines[-1]) if lines else (b"\n", b"\n")
    ending = first[len(first.rstrip(b"\r\n")) :] or b"\n"
    before = b"" if last.endswith((b"\r", b"\n")) else ending
    return before + b"".join(line.encode() + ending for line in added) if added else b""
