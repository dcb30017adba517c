"""Where makeJob finds images: keys in a bucket, or files in a local folder that will be uploaded."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from distributed_fiji.aws.buckets import list_folder, list_keys
from distributed_fiji.aws.clients import error_code
from distributed_fiji.commands.keypatterns import KeyPattern, TooManyReadings, read_key_pattern
from distributed_fiji.errors import InvalidInput
from distributed_fiji.monitor.result import counted

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

S3 = re.compile(r"s3://([^/]*)/?(.*)\Z", re.IGNORECASE | re.DOTALL)
#: A text that begins like this is a local folder; any other is a key of SOURCE_BUCKET, as in `inputs`.
LOCAL = ("/", "./", "../", "~/")

#: How many keys are compared with a pattern that fits none.
MOST_COMPARED = 500
#: How many keys are listed before each line of progress.
KEYS_A_LINE = 100_000


@dataclass(frozen=True)
class Images:
    """Images, by a pattern of their keys.

    `bucket`: '' for SOURCE_BUCKET in config.py. `folder`: a local one, which stands for the keys that begin
    with `prefix`; None if the bucket is listed.
    """

    pattern: KeyPattern
    bucket: str = ""
    folder: Path | None = None
    prefix: str = ""

    @property
    def input_start(self) -> str:
        """The beginning of an input pattern, naming the bucket as the user did."""
        return f"s3://{self.bucket}/" if self.bucket else ""


def read_place(text: str, uploaded_to: str | None) -> Images:
    """Return the place that a user's pattern means. Raises InvalidInput.

    `uploaded_to`: for a local folder, where its files are in S3; None for a folder with its name.
    """
    try:
        if text.startswith(LOCAL):
            return _local_place(text, uploaded_to)
        if uploaded_to is not None:
            raise ValueError("--uploaded-to belongs to a local folder, which begins with ./, ../, ~/ or /")
        found = S3.match(text)
        if found and not found[1]:
            raise ValueError("it names no bucket: write s3://bucket/key")
        return Images(read_key_pattern(found[2] if found else text), found[1] if found else "")
    except ValueError as error:
        raise InvalidInput(f"The pattern {text!r} cannot be used", [str(error)]) from error


def _local_place(text: str, uploaded_to: str | None) -> Images:
    start = re.split(r"[*?{]", text, maxsplit=1)[0]
    above, _, _ = start.rpartition("/")
    folder = Path(above or "/").expanduser()
    bucket, prefix = "", folder.resolve().name if uploaded_to is None else uploaded_to
    if found := S3.match(prefix):
        bucket, prefix = found[1], found[2]
    prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    return Images(read_key_pattern(prefix + text[len(above) + 1 :]), bucket, folder, prefix)


def local_keys(place: Images) -> Iterator[str]:
    """Yield the keys that a local folder's files will have. Raises InvalidInput if it is missing."""
    if place.folder is None or not place.folder.is_dir():
        raise InvalidInput(f"{place.folder} cannot be read", ["there is no such folder"])
    for folder, _, files in os.walk(place.folder):
        below = Path(folder).relative_to(place.folder)
        yield from (place.prefix + (below / name).as_posix() for name in files)


def bucket_keys(s3: S3Client, bucket: str, start: str, progress: Callable[[str], None]) -> Iterator[str]:
    """Yield the keys that begin with a text. Raises InvalidInput if there is no such bucket."""
    try:
        for number, key in enumerate(list_keys(s3, bucket, start), 1):
            if number % KEYS_A_LINE == 0:
                progress(f"{number:,} keys listed")
            yield key
    except ClientError as error:
        if error_code(error) != "NoSuchBucket":
            raise
        raise InvalidInput(f"s3://{bucket}/ cannot be listed", ["there is no such bucket"]) from error


def nothing_fits(pattern: KeyPattern, unfit: list[str]) -> list[str]:
    """Explain why none of these keys fits a pattern, and name the nearest."""
    near = difflib.get_close_matches(str(pattern), unfit[:MOST_COMPARED], n=3, cutoff=0)
    lines = [
        f"{counted(len(unfit), 'key')} below {pattern.start!r}, and none fits; the nearest: {_named(near)}"
    ]
    wider = read_key_pattern(pattern.text(lambda one: f"{{{one.name}:any}}" if one.is_well else str(one)))
    if any(_fits(wider, key) for key in near):
        lines.append("{Well} takes one or two letters and a number, as A01; {Well:any} takes any characters")
    return lines


def _fits(pattern: KeyPattern, key: str) -> bool:
    try:
        return bool(pattern.readings(key))
    except TooManyReadings:
        return True


def nothing_there(s3: S3Client, bucket: str, start: str) -> list[str]:
    """Report that no key begins like a pattern, and name the nearest in the first folder above it."""
    lines = [f"no key begins with {start!r} in s3://{bucket}/"]
    while start:
        start = start.rstrip("/")
        folder = start[: start.rfind("/") + 1]
        if there := list_folder(s3, bucket, folder):
            near = difflib.get_close_matches(start, there, n=3, cutoff=0)
            return [*lines, f"the nearest in s3://{bucket}/{folder}: {_named(near)}"]
        start = folder
    return [*lines, "the bucket is empty"]


def _named(keys: list[str]) -> str:
    return ", ".join(repr(key) for key in keys)
