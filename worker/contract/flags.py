"""Read and check UPLOAD_FLAGS, in the same way for `setup` and the worker. Pure, standard library only.

The allowed values follow the command reference of `aws s3 cp` (AWS CLI 1.46) and PutObject (S3 API).
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

#: Flags of `aws s3 cp` with one value, with the PutObject argument that each sets.
FLAGS = {
    "--acl": "ACL",
    "--storage-class": "StorageClass",
    "--sse": "ServerSideEncryption",
    "--sse-kms-key-id": "SSEKMSKeyId",
    "--content-type": "ContentType",
    "--cache-control": "CacheControl",
    "--metadata": "Metadata",
    "--content-disposition": "ContentDisposition",
    "--content-encoding": "ContentEncoding",
    "--content-language": "ContentLanguage",
    "--expires": "Expires",
    "--website-redirect": "WebsiteRedirectLocation",
    "--checksum-algorithm": "ChecksumAlgorithm",
    "--request-payer": "RequestPayer",
}
#: Arguments of PutObject about encryption.
ENCRYPTION = ("ServerSideEncryption", "SSEKMSKeyId")
#: PutObject's names for the permissions of --grants.
GRANTS = {
    "read": "GrantRead",
    "readacl": "GrantReadACP",
    "writeacl": "GrantWriteACP",
    "full": "GrantFullControl",
}
#: Values of flags that may be given without one.
ALONE = {"--sse": "AES256", "--request-payer": "requester"}
#: Flags that have no effect here, with the number of their values: they are for downloads or copies inside
#: S3, or the worker does it anyway. Users carry them over from other configs.
WITHOUT_MEANING = {
    "--metadata-directive": 1,
    "--copy-props": 1,
    "--page-size": 1,
    "--expected-size": 1,
    "--source-region": 1,
    "--case-conflict": 1,
    "--region": 1,
    "--cli-read-timeout": 1,
    "--cli-connect-timeout": 1,
    "--only-show-errors": 0,
    "--quiet": 0,
    "--no-progress": 0,
    "--no-follow-symlinks": 0,
    "--ignore-glacier-warnings": 0,
    "--force-glacier-transfer": 0,
    "--debug": 0,
}
_CHOOSES = (
    "it selects files, but everything in output/ is uploaded; let the script write only the files you want"
)
_SYNC = "it is a flag of `aws s3 sync`, but outputs are copied"
_KEYLESS = "the worker could not verify its uploads; use --sse aws:kms to encrypt with your own key"
_PLACE = "the worker already knows S3's address and has its own role"
#: Flags that are refused, with the reason.
REFUSED = {
    **dict.fromkeys(("--exclude", "--include", "--follow-symlinks"), _CHOOSES),
    "--recursive": "the worker itself decides what is uploaded",
    "--dryrun": "nothing would be uploaded",
    **dict.fromkeys(("--delete", "--size-only", "--exact-timestamps"), _SYNC),
    **dict.fromkeys(("--sse-c", "--sse-c-key", "--sse-c-copy-source", "--sse-c-copy-source-key"), _KEYLESS),
    **dict.fromkeys(("--profile", "--endpoint-url", "--no-sign-request", "--no-verify-ssl"), _PLACE),
}
#: Allowed values of flags (API reference, PutObject).
CHOICES = {
    "--acl": (
        "private", "public-read", "public-read-write", "authenticated-read", "aws-exec-read",
        "bucket-owner-read", "bucket-owner-full-control", "log-delivery-write",
    ),
    "--storage-class": (
        "STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING",
        "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE",
    ),
    "--sse": ("AES256", "aws:kms", "aws:kms:dsse"),
    # The others need a library that the worker does without.
    "--checksum-algorithm": ("SHA256", "CRC32", "SHA1"),
    "--request-payer": ("requester",),
}  # fmt: skip
#: The form of values, also in words. Otherwise, a worker would learn of a mistake from S3 only after FIJI has
#: run.
FORMS = {
    "--metadata": (re.compile(r"[\w.-]+=|\s*\{"), "name=value,name=value"),
    "--expires": (re.compile(r".*\d"), "a time such as 2030-01-01T00:00:00Z"),
    "--website-redirect": (re.compile(r"/|https?://"), "an address, or a key that starts with /"),
    "--grants": (
        re.compile(r"(read|readacl|writeacl|full)=\w+=."),
        "for example read=id=… or full=emailaddress=…",
    ),
}
#: How many words may follow a flag with several values.
MOST_WORDS = 100
#: Characters allowed in an HTTP header; botocore refuses others in metadata.
HEADER = re.compile(r"[ -~]*\Z")

#: Every flag that the worker understands.
UNDERSTOOD = (*FLAGS, "--grants", "--no-guess-mime-type")

#: One name=value of --metadata, and what follows it.
PAIR = re.compile(r"""([\w.-]+)=("[^"]*"|'[^']*'|[^,]*)(,|\Z)""")


class InvalidFlags(ValueError):
    """Raised when UPLOAD_FLAGS cannot be used; `problems` lists everything that is wrong."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class UploadFlags:
    """UPLOAD_FLAGS as arguments of PutObject, and whether the content type follows from a file's name."""

    arguments: dict[str, Any]
    guesses_type: bool = True


def read_flags(text: str) -> UploadFlags:
    """Read UPLOAD_FLAGS, split as a shell would, though no shell ever sees them. Raises InvalidFlags."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise InvalidFlags(
            [
                f"it cannot be split into words ({error}). Quote values that contain spaces: --metadata"
                " 'note=two words'"
            ]
        ) from error
    given, problems = _flags_in(words)
    problems += [line for name, values in given for line in _value_problems(name, values)]
    names = {name for name, _ in given}
    arguments: dict[str, Any] = {FLAGS[name]: values[0] for name, values in given if name in FLAGS and values}
    if "--sse-kms-key-id" in names and not arguments.get("ServerSideEncryption", "").startswith("aws:kms"):
        problems.append("--sse-kms-key-id also needs --sse aws:kms")
    if problems:
        raise InvalidFlags(problems)
    if "Metadata" in arguments:
        arguments["Metadata"] = _pairs_in(arguments["Metadata"])
    arguments |= _grants_in(word for name, values in given if name == "--grants" for word in values)
    return UploadFlags(arguments, "--no-guess-mime-type" not in names)


def _pairs_in(text: str) -> dict[str, str] | None:
    """Return the names and values of --metadata, given as name=value,… or as JSON; None if neither."""
    if text.lstrip().startswith("{"):
        try:
            pairs = json.loads(text)
        except ValueError:
            return None
        return pairs if all(isinstance(value, str) for value in pairs.values()) else None
    pairs, at = {}, 0
    while at < len(text):
        found = PAIR.match(text, at)
        if not found:
            return None
        pairs[found[1]] = found[2].strip("\"'")
        at = found.end()
    return pairs


def _grants_in(words: Iterable[str]) -> dict[str, str]:
    """Return the grants of --grants, given as permission=type=id,type=id: lists of grantees by permission."""
    grants: dict[str, str] = {}
    for word in words:
        permission, _, grantees = word.partition("=")
        grants[GRANTS[permission]] = ", ".join(filter(None, (grants.get(GRANTS[permission]), grantees)))
    return grants


def _flags_in(words: list[str]) -> tuple[list[tuple[str, list[str]]], list[str]]:
    """Return the flags that have an effect, with their values, and what is wrong with the words."""
    given: list[tuple[str, list[str]]] = []
    problems: list[str] = []
    rest = list(words)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        values = [value] if equals else _take_values(rest, _most_values(name))
        wrong = _flag_problem(name, values)
        if wrong:
            problems.append(wrong)
        elif name not in WITHOUT_MEANING:
            given.append((name, values or [ALONE[name]] if name in ALONE else values))
    return given, problems


def _take_values(rest: list[str], most: int) -> list[str]:
    """Remove the values that follow a flag from the remaining words, and return them."""
    values: list[str] = []
    while rest and len(values) < most and not rest[0].startswith("--"):
        values.append(rest.pop(0))
    return values


def _most_values(name: str) -> int:
    if name in WITHOUT_MEANING:
        return WITHOUT_MEANING[name]
    if name in UNDERSTOOD and name != "--grants":
        return int(name != "--no-guess-mime-type")
    return MOST_WORDS


def _flag_problem(name: str, values: list[str]) -> str:
    """Return what is wrong with a word and the values after it, '' if nothing is."""
    if not name.startswith("--"):
        return f"{name!r} is not a flag; put values with spaces in quotes"
    if name in REFUSED:
        return f"{name} cannot be used: {REFUSED[name]}"
    if name not in UNDERSTOOD and name not in WITHOUT_MEANING:
        return f"unknown flag {name}; supported flags: {', '.join(UNDERSTOOD)}"
    optional = name in (*ALONE, "--no-guess-mime-type") or WITHOUT_MEANING.get(name) == 0
    return "" if values or optional else f"{name} needs a value"


def _value_problems(name: str, values: list[str]) -> list[str]:
    allowed = CHOICES.get(name)
    if allowed:
        return [
            f"{name} {value}: must be one of {', '.join(allowed)}" for value in values if value not in allowed
        ]
    form, words = FORMS.get(name, (re.compile("."), "a value"))
    return [
        f"{name} {value!r}: must be {words}, in plain ASCII"
        for value in values
        if not form.match(value)
        or not HEADER.match(value)
        or (name == "--metadata" and _pairs_in(value) is None)
    ]
