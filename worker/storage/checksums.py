"""Checksums of files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Digests:
    """A file's size in bytes, and its checksums in hex."""

    size: int
    md5: str
    sha256: str


def digests_of(source: Path | bytes, check: Callable[[], None]) -> Digests:
    """Return the checksums of a file, reading it once, or of bytes. `check` may raise to stop."""
    md5, sha256, size = hashlib.md5(usedforsecurity=False), hashlib.sha256(), 0
    for chunk in [source] if isinstance(source, bytes) else _chunks(source, check):
        md5.update(chunk)
        sha256.update(chunk)
        size += len(chunk)
    return Digests(size, md5.hexdigest(), sha256.hexdigest())


def md5_of(path: Path, check: Callable[[], None]) -> str:
    """Read a file once and return its MD5 in hex. `check` may raise to stop."""
    md5 = hashlib.md5(usedforsecurity=False)
    for chunk in _chunks(path, check):
        md5.update(chunk)
    return md5.hexdigest()


def _chunks(path: Path, check: Callable[[], None]) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            check()
            yield chunk
