"""Names similar to a key or pattern that was not found, so that a failure can suggest one."""

from __future__ import annotations

import difflib
import json
import unicodedata
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from worker.contract.patterns import WILDCARDS, read_glob

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: The most names to examine in one folder.
MOST_NAMES = 1000


def nearest(s3: S3Client, bucket: str, wanted: str, *, is_pattern: bool) -> str:
    """Return a sentence naming what is closest to a key or pattern, empty if nothing is."""
    names = wanted.split("/")
    literal = len(names) - 1
    if is_pattern:
        literal = next((place for place, name in enumerate(names) if WILDCARDS.search(name)), literal)
    for depth in range(literal, -1, -1):
        folder = "".join(f"{name}/" for name in names[:depth])
        there = _names_in(s3, bucket, folder)
        if not there:
            continue
        name = names[depth] + ("/" if depth < len(names) - 1 else "")
        fits = _matcher(name, is_pattern)
        same = next((one for one in there if fits(one, str)), None)
        if same and WILDCARDS.search(name):
            # That folder exists; what is missing is below it.
            return nearest(s3, bucket, "/".join([folder + same[:-1], *names[depth + 1 :]]), is_pattern=True)
        if same:
            return f" The folder {_quoted(folder + same)} contains no files."
        return _sentence(folder, name, there, fits)
    return " The bucket is empty."


Fits = Callable[[str, Callable[[str], str]], bool]


def _matcher(name: str, is_pattern: bool) -> Fits:
    """Return a test of whether a name equals the wanted one under one way of reading both."""
    if is_pattern:
        return lambda one, reads_as: read_glob(reads_as(name)).matches(reads_as(one))
    return lambda one, reads_as: reads_as(name) == reads_as(one)


def _names_in(s3: S3Client, bucket: str, folder: str) -> list[str]:
    """Return the names in one folder of a bucket; those of folders end with "/"."""
    answer = s3.list_objects_v2(Bucket=bucket, Prefix=folder, Delimiter="/", MaxKeys=MOST_NAMES)
    files = [item["Key"] for item in answer.get("Contents", [])]
    folders = [item["Prefix"] for item in answer.get("CommonPrefixes", [])]
    return [name for name in (key[len(folder) :] for key in files + folders) if name]


def _sentence(folder: str, name: str, there: list[str], fits: Fits) -> str:
    for reads_as, why in WAYS:
        for one in there:
            if fits(one, reads_as):
                return f" {_quoted(folder + one)} exists: {why}."
    if not name.endswith("/") and f"{name}/" in there:
        return (
            f" A folder exists: {_quoted(folder + name + '/')}: to use everything in it, end the value"
            " with /."
        )
    if close := difflib.get_close_matches(name, there, 1):
        return f" The closest match is {_quoted(folder + close[0])}."
    some = ", ".join(_quoted(one) for one in there[:3]) + (", …" if len(there) > 3 else "")
    return f" {_quoted(folder)} contains {some}." if folder else f" The bucket holds {some}."


def _quoted(key: str) -> str:
    """Quote a key as JSON does: lookalike letters differ, and it can be pasted into the job file."""
    return json.dumps(key)


def composed(text: str) -> str:
    """Return a text with its accents composed, as most keyboards write them (NFC)."""
    return unicodedata.normalize("NFC", text)


def other_forms(text: str) -> list[str]:
    """Return the other ways to encode a text that look the same (macOS stores NFD)."""
    forms: Iterable[str] = (unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text))
    return [form for form in dict.fromkeys(forms) if form != text]


def _lower(text: str) -> str:
    return composed(text).casefold()


def _without_spaces(text: str) -> str:
    return "".join(_lower(text).split())


WAYS: tuple[tuple[Callable[[str], str], str], ...] = (
    (
        composed,
        "it looks the same but uses different characters (macOS stores ö as o and U+0308)",
    ),
    (_lower, "upper and lower case differ"),
    (_without_spaces, "the spaces differ"),
)
