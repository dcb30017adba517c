"""Which local names the objects of a bucket may have. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from worker.contract.jobs import FailureClass
from worker.errors import JobFailed
from worker.storage.s3 import Object

LONGEST_NAME = 255


def names_below(folder: str, objects: Iterable[Object]) -> dict[str, Object]:
    """Return objects by their local names below a key prefix; markers of folders are left out.

    A name is read as a path is: "//" is "/", and "." no folder. Raises JobFailed for a key that cannot be a
    path below a folder, and for two that would be the same file.
    """
    named: dict[str, Object] = {}
    for item in objects:
        name = item.key[len(folder) :]
        if not name or name.endswith("/"):
            continue
        local = safe_name(name, item.key)
        if local in named:
            raise JobFailed(
                FailureClass.DOWNLOAD_FAILED,
                f"The keys {named[local].key!r} and {item.key!r} would be the same file; rename one of them.",
            )
        named[local] = item
    return named


def safe_name(name: str, key: str) -> str:
    """Return the relative path that `name` is, if it stays below its folder; else raise JobFailed."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if (
        not parts
        or name.endswith(("/", "/."))
        or any(part == ".." or len(part.encode("utf-8", "replace")) > LONGEST_NAME for part in parts)
        or "\0" in name
    ):
        raise JobFailed(
            FailureClass.DOWNLOAD_FAILED,
            f"The key {key!r} is not a valid file path, so it was not downloaded.",
        )
    return "/".join(parts)


def refuse_collisions(names: Iterable[str]) -> None:
    """Raise JobFailed when one of the names is another one's folder, so that both cannot be on a disk."""
    known = set(names)
    both = sorted(
        str(parent) for name in known for parent in PurePosixPath(name).parents if str(parent) in known
    )
    if both:
        raise JobFailed(
            FailureClass.DOWNLOAD_FAILED,
            f"{both[0]!r} is both a file and a folder in the bucket, which no disk can store.",
        )
