"""Which values and patterns of a job name inputs in S3. Pure, standard library only; both sides need it.

A value is read as one address, as several (a list, or a text with commas between them, as SciJava's `File[]`
takes them), as no input at all, or as a mistake: an invalid text that looks like an address is never passed
on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from worker.contract.jobs import Scalar, Value
from worker.contract.patterns import Glob, literal_start, read_glob

#: Where the original mounts the bucket; parameters of its scripts begin with this.
MOUNT = "/home/ubuntu/bucket/"

_S3 = re.compile(r"\s*s3://([^/]*)/?(.*)", re.IGNORECASE | re.DOTALL)
#: A path as the kernel reads it: several slashes are one.
_MOUNTED = re.compile(r"\s*/+home/+ubuntu/+bucket(?:/(.*))?\Z", re.DOTALL)
_BEGINS = r"(?:s3://|/+home/+ubuntu/+bucket/)"
_START = re.compile(rf"\s*\"?{_BEGINS}", re.IGNORECASE)
#: Not after another name: backup/home/ubuntu/bucket/ is an ordinary folder.
_INSIDE = re.compile(rf"(?<![\w.~-]){_BEGINS}", re.IGNORECASE)
_COMMA = re.compile(rf",\s*(?=\"?{_BEGINS})", re.IGNORECASE)
#: Other ways to write a place in S3, which would reach the script unchanged.
_OTHER_FORMS = re.compile(r"\s*(?:s3:/(?!/)|s3[an]://|arn:aws[a-z-]*:s3:::)\S", re.IGNORECASE)


class InvalidAddress(ValueError):
    """Raised when a value or pattern looks like a place in S3 but cannot be one; the text is a sentence."""


@dataclass(frozen=True)
class Address:
    """A place in S3: a key, or a prefix that ends with "/".

    `otherwise`: keys that may be meant if there is nothing at the first.
    """

    bucket: str
    key: str
    otherwise: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class Pattern:
    """A pattern of keys: the prefix to list, the folder that names start from, and what a key must match."""

    bucket: str
    key: str
    prefix: str
    folder: str
    glob: Glob


def addresses_in(value: Value, source_bucket: str) -> list[Address | Scalar] | None:
    """Return the places in S3 that a value names, and the other items if it is a list; None if it names none.

    Raises InvalidAddress for what looks like a place but cannot be one.
    """
    if isinstance(value, list):
        items = [_address_or_scalar(item, source_bucket) for item in value]
        return items if any(isinstance(item, Address) for item in items) else None
    if not isinstance(value, str) or not _START.match(value):
        item = _address_or_scalar(value, source_bucket)
        return [item] if isinstance(item, Address) else None
    return [_address_or_scalar(_unquoted(part), source_bucket) for part in _COMMA.split(value.lstrip())]


def is_several(value: Value) -> bool:
    """Whether a value that names inputs is several: a list, or a text with commas between addresses."""
    return isinstance(value, list) or (isinstance(value, str) and len(_COMMA.split(value)) > 1)


def address_problems(parameters: Mapping[str, Value], source_bucket: str) -> list[str]:
    """Name every parameter whose value looks like a place in S3 but cannot be one."""
    problems = []
    for name, value in parameters.items():
        try:
            addresses_in(value, source_bucket)
        except InvalidAddress as error:
            problems.append(f"{name}: {error}")
    return problems


def read_patterns(text: str, source_bucket: str) -> list[Pattern]:
    """Return what a job's input pattern may mean; the first that matches anything is meant.

    A "/" before a relative pattern, and spaces around it, belong to keys only if nothing is found otherwise;
    then "//" in it means "/". Raises InvalidAddress.
    """
    if found := _S3.match(text):
        bucket, keys = found[1], [found[2]]
    elif found := _MOUNTED.match(text):
        bucket, keys = source_bucket, _as_path(found[1] or "")
    else:
        plain = text.strip().lstrip("/")
        bucket, keys = source_bucket, [text.lstrip("/"), plain, text, _as_path(plain)[0]]
    if not bucket or not keys[0].strip("/"):
        raise _names_no_key(text, bucket)
    return [_pattern(bucket, key) for key in dict.fromkeys(keys)]


def _pattern(bucket: str, key: str) -> Pattern:
    prefix = literal_start(key)
    return Pattern(bucket, key, prefix, prefix[: prefix.rfind("/") + 1], read_glob(key))


def _address_or_scalar(value: Scalar, source_bucket: str) -> Address | Scalar:
    if not isinstance(value, str):
        return value
    if found := _S3.match(value):
        bucket, keys = found[1], [found[2], found[2].rstrip()]
    elif found := _MOUNTED.match(value):
        bucket, keys = source_bucket, _as_path(found[1] or "")
    else:
        _refuse_likeness(value)
        return value
    if not bucket or not keys[0].strip("/"):
        raise _names_no_key(value, bucket)
    if ".." in keys[0].split("/"):
        raise InvalidAddress(f"{value!r} must not contain '..'.")
    if _INSIDE.search(keys[0]):
        raise InvalidAddress(
            f"{value!r} contains several S3 addresses: separate them with commas, or give a list."
        )
    first, *otherwise = dict.fromkeys(keys)
    return Address(bucket, first, tuple(otherwise))


def _as_path(path: str) -> list[str]:
    """Return the keys that a path in the mounted bucket may mean, with the kernel's reading first."""
    names = [name for name in path.split("/") if name not in ("", ".")]
    end = "/" if names and path.rstrip(".").endswith("/") else ""
    return ["/".join(names) + end, path, path.rstrip()]


def _refuse_likeness(value: str) -> None:
    if _OTHER_FORMS.match(value):
        raise InvalidAddress(f"{value!r:.300} looks like an S3 address; write it as s3://bucket/key.")
    if _INSIDE.search(value):
        raise InvalidAddress(
            f"{value!r:.300} contains an S3 address inside other text, so the worker cannot download it."
            " Give the address as a value of its own, and build the text in the script."
        )


def _names_no_key(text: str, bucket: str) -> InvalidAddress:
    what = "a whole bucket; give a file or folder in it" if bucket else "no bucket: write s3://bucket/key"
    return InvalidAddress(f"{text!r} names {what}.")


def _unquoted(text: str) -> str:
    """SciJava removes the quotation marks that protect commas in a file's name."""
    return text[1:-1] if len(text) > 1 and text.startswith('"') and text.endswith('"') else text
