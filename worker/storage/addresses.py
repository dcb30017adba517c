"""The local names that objects of a bucket may have. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from worker.contract.jobs import FailureClass
from worker.errors import JobFailed
from worker.storage.s3 import Object

LONGEST_NAME = 255


def names_below(folder: str, objects: Iterable[Object]) -> dict[str, Object]:
    """Return objects by their local names below a key prefix, without folder markers.

    Names are read as paths: "//" means "/", and "." is no folder of its own. Raises JobFailed for a key that
    cannot be a path below a folder, and for two keys that would be the same file.
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
    """Return `name` as a relative path that stays below its folder. Raises JobFailed if it does not."""
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
    """Raise JobFailed if one name is the folder of another, since no disk can hold both."""
    known = set(names)
    both = sorted(
        str(parent) for name in known for parent in PurePosixPath(name).parents if str(parent) in known
    )
    if both:
        raise JobFailed(
            FailureClass.DOWNLOAD_FAILED,
            f"{both[0]!r} is both a file and a folder in the bucket, which no disk can store.",
        )
