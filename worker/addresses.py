"""Which values and patterns of a job name inputs in S3, and which local names they may have. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from worker.contract import FailureClass, Value
from worker.errors import JobFailed
from worker.s3 import Object

#: Where the original mounts the bucket; its scripts' parameters start with it.
MOUNT = "/home/ubuntu/bucket/"
WILDCARDS = re.compile(r"[*?]")


@dataclass(frozen=True)
class Address:
    """A place in S3: a key, or a prefix that ends with "/"."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class Pattern:
    """A pattern of keys: what is listed, the folder that names are relative to, and what a key must match."""

    bucket: str
    prefix: str
    folder: str
    keys: re.Pattern[str]


def address_of(value: Value, source_bucket: str) -> Address | None:
    """Return the place in S3 that a metadata value names, or None for any other value.

    Raises JobFailed when it names a whole bucket or climbs.
    """
    if not isinstance(value, str):
        return None
    if value.startswith("s3://"):
        bucket, _, key = value.removeprefix("s3://").partition("/")
    elif value.startswith(MOUNT) or value == MOUNT.rstrip("/"):
        bucket, key = source_bucket, value[len(MOUNT) :].lstrip("/")
    else:
        return None
    if not bucket or not key.strip("/"):
        raise JobFailed(
            FailureClass.INPUT_MISSING, f"{value!r} names a whole bucket; name a file or folder in it."
        )
    if ".." in key.split("/"):
        raise JobFailed(FailureClass.INPUT_MISSING, f"{value!r} must not contain '..'.")
    return Address(bucket, key)


def addresses_of(parameters: Mapping[str, Value], source_bucket: str) -> dict[str, Address]:
    """Return the inputs among a job's parameters, by the parameter's name."""
    found = {name: address_of(value, source_bucket) for name, value in parameters.items()}
    return {name: address for name, address in found.items() if address}


def read_pattern(pattern: str, source_bucket: str) -> Pattern:
    """Read a key pattern: `*` and `?` match anything but "/"; an ending "/" means all below."""
    bucket, key = source_bucket, pattern.lstrip("/")
    if pattern.startswith("s3://"):
        bucket, _, key = pattern.removeprefix("s3://").partition("/")
    wildcard = WILDCARDS.search(key)
    prefix = key[: wildcard.start()] if wildcard else key
    folder = prefix[: prefix.rfind("/") + 1]
    wanted = "".join({"*": "[^/]*", "?": "[^/]"}.get(letter, re.escape(letter)) for letter in key)
    if key.endswith("/"):
        wanted += ".*"
    return Pattern(bucket, prefix, folder, re.compile(wanted, re.DOTALL))


def names_below(folder: str, objects: Iterable[Object]) -> dict[str, Object]:
    """Return objects by their names below a key prefix; markers of folders are left out.

    Raises JobFailed for a key that cannot be a path below a folder.
    """
    named = {}
    for item in objects:
        name = item.key[len(folder) :]
        if name and not name.endswith("/"):
            named[safe_name(name, item.key)] = item
    return named


def safe_name(name: str, key: str) -> str:
    """Return `name` when it is a relative path that stays below its folder; else raise JobFailed."""
    parts = name.split("/")
    if (
        any(part in ("", ".", "..") or len(part.encode("utf-8", "replace")) > 255 for part in parts)
        or "\0" in name
    ):
        raise JobFailed(
            FailureClass.DOWNLOAD_FAILED, f"The key {key!r} cannot be a file's path, so it was not fetched."
        )
    return name


def collisions(names: Iterable[str]) -> list[str]:
    """Return the names that are another one's folder, so that both cannot be on a disk."""
    known = set(names)
    return sorted(
        str(parent) for name in known for parent in PurePosixPath(name).parents if str(parent) in known
    )
