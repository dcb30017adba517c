"""Checksums of files, and what an ETag can tell about one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Digests:
    """Bytes and checksums of a file, in hex."""

    size: int
    md5: str
    sha256: str


def digests_of(path: Path, check: Callable[[], None]) -> Digests:
    """Read a file once and return its checksums; `check` may raise to break off."""
    md5, sha256, size = hashlib.md5(usedforsecurity=False), hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            check()
            md5.update(chunk)
            sha256.update(chunk)
            size += len(chunk)
    return Digests(size, md5.hexdigest(), sha256.hexdigest())


def etag_fits(etag: str, md5: str) -> bool:
    """Whether an ETag speaks for a file: it is its MD5, or one of an upload in parts, which tells nothing."""
    plain = etag.strip('"')
    return "-" in plain or plain == md5
