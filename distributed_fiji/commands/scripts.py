"""The user's script: download and check it; upload a local file under its content's name."""

from __future__ import annotations

import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from distributed_fiji.aws.clients import error_code
from distributed_fiji.changes import Change
from distributed_fiji.jsonfiles import is_file
from distributed_fiji.settings import Settings
from worker.contract.jobs import state_key
from worker.contract.paths import find_fixed_paths, warnings_of_paths
from worker.contract.scripts import (
    LANGUAGES,
    Cleaned,
    NotAScript,
    clean,
    ending_of,
    script_name,
    source_address,
    web_address,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: No script is longer. The beginning of a longer file shows that it is not one.
MOST_BYTES = 16 * 2**20

#: S3's codes for something that does not exist (API reference, error responses).
NOT_THERE = ("404", "NoSuchKey", "NoSuchBucket")

#: Where a script's server may be without https: on the worker's own machine, for tests.
LOCAL_SERVERS = ("http://127.0.0.1", "http://localhost")


class NoScript(Exception):
    """Raised when there is no script at SCRIPT_DOWNLOAD_URL; the text says why."""


class Unreachable(Exception):
    """Raised when a script cannot be read from here, but workers may be able to; the text says why."""


@dataclass(frozen=True)
class Script:
    """A script: where the worker downloads it, and the digest it must have ('' if not known in advance).

    `text`: as FIJI will get it, '' if it could not be read from here.
    """

    url: str
    sha256: str
    local_file: Path | None = None
    ending: str = ""
    text: str = ""
    warnings: tuple[str, ...] = ()


def locate_script(
    settings: Settings,
    s3: S3Client | None,
    folder: Path,
    languages: Collection[str] | None = None,
    called: str = "",
) -> tuple[Script | None, list[str]]:
    """Return the script that SCRIPT_DOWNLOAD_URL names, or what is wrong with it.

    `s3`: None if the script is a local file. `folder`: the base of relative paths. `languages`: endings of
    the languages that the run's FIJI has, None if unknown. A script that cannot be read from here is accepted
    with a warning, since the workers may reach what this machine cannot; one that does not exist is refused.
    `called`: the user's name for the script, if it was not given by the setting.
    """
    setting = called or f"SCRIPT_DOWNLOAD_URL = {settings.SCRIPT_DOWNLOAD_URL!r}"
    try:
        script = read_script(settings, s3, folder)
    except (NoScript, NotAScript) as error:
        return None, [f"{setting}: {error}"]
    if languages is not None and script.ending not in languages:
        there = ", ".join(f"{LANGUAGES[ending]} ({ending})" for ending in LANGUAGES if ending in languages)
        return None, [
            f"{setting}: the FIJI on this machine does not support {LANGUAGES[script.ending]}; it"
            f" supports {there}"
        ]
    return script, []


def read_script(settings: Settings, s3: S3Client | None, folder: Path) -> Script:
    """Return the script that SCRIPT_DOWNLOAD_URL names, checked. Raises NoScript and NotAScript."""
    address = settings.SCRIPT_DOWNLOAD_URL.strip()
    scheme, marked, rest = address.partition("://")
    if not marked:
        return _local_script(settings, folder / Path(address).expanduser())
    address = f"{scheme.lower()}://{rest}"
    _refuse_address(address)
    ending = ending_of(script_name(address))
    try:
        content = _object(s3, address) if address.startswith("s3://") else _page(address)
    except Unreachable as error:
        line = f"it could not be checked from here ({error}); the workers will fetch it when they start"
        return Script(address, "", ending=ending, warnings=(line,))
    cleaned = clean(content, ending)
    warnings = _warnings_of(cleaned, ending)
    return Script(address, "", ending=ending, text=cleaned.text, warnings=warnings)


def _local_script(settings: Settings, path: Path) -> Script:
    if not is_file(path):
        raise NoScript("this file does not exist, and it is not an https:// or s3:// address")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NoScript(f"it cannot be read: {error.strerror}") from error
    ending = ending_of(path.name)
    cleaned = clean(content, ending)
    digest = hashlib.sha256(content).hexdigest()
    key = state_key(settings.APP_NAME, "scripts", digest, path.name)
    url = f"s3://{settings.AWS_BUCKET}/{key}"
    warnings = _warnings_of(cleaned, ending)
    return Script(url, digest, path, ending, cleaned.text, warnings)


def _warnings_of(cleaned: Cleaned, ending: str) -> tuple[str, ...]:
    paths = warnings_of_paths(find_fixed_paths(cleaned.text, ending))
    return (*cleaned.warnings, *paths)


def _refuse_address(address: str) -> None:
    """Raise NoScript for an address from which no worker could download a script."""
    parts = urlsplit(address)
    if address.startswith("s3://"):
        bucket, _, key = address.removeprefix("s3://").partition("/")
        if not bucket or not key.strip("/") or key.endswith("/"):
            raise NoScript("it does not name an object; write s3://bucket/folder/script.ijm")
    elif parts.scheme != "https" and not address.startswith(LOCAL_SERVERS):
        raise NoScript("workers fetch scripts from https:// and s3:// only")
    elif not parts.hostname:
        raise NoScript("it does not name a server")
    elif source := source_address(address):
        raise NoScript(f"it leads to a web page that shows the script. The script itself is at {source}")


def _page(address: str) -> bytes:
    """Return the content at a web address. Raises NoScript if there is none, else Unreachable."""
    try:
        with urllib.request.urlopen(web_address(address), timeout=10) as answer:
            return bytes(answer.read(MOST_BYTES))
    except urllib.error.HTTPError as error:
        if error.code in (404, 410):
            raise NoScript(f"the server returned {error.code}: it does not exist") from error
        raise Unreachable(f"the server returned {error.code}") from error
    except (http.client.InvalidURL, ValueError) as error:
        raise NoScript(f"it is not a web address ({error})") from error
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(str(error)) from error


def _object(s3: S3Client | None, address: str) -> bytes:
    """Return an object's content. Raises NoScript if there is none, else Unreachable."""
    if s3 is None:
        raise Unreachable("S3 was not asked")
    bucket, _, key = address.removeprefix("s3://").partition("/")
    try:
        return bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read(MOST_BYTES))
    except ClientError as error:
        if error_code(error) in NOT_THERE:
            raise NoScript("this object does not exist") from error
        raise Unreachable(f"S3 returned {error_code(error)}") from error


def ensure_script(s3: S3Client, script: Script) -> Change:
    """Upload a local script unless the bucket has it already; its key contains its hash."""
    name = script.url.rsplit("/", 1)[-1]
    if script.local_file is None:
        return Change("script", name, "kept")
    bucket, key = script.url.removeprefix("s3://").split("/", 1)
    if _holds(s3, bucket, key, script.sha256):
        return Change("script", name, "kept")
    s3.upload_file(str(script.local_file), bucket, key)
    return Change("script", name, "created", f"sha256 {script.sha256[:12]}")


def _holds(s3: S3Client, bucket: str, key: str, sha256: str) -> bool:
    """Whether an object has this content, since somebody may have written to the key by hand."""
    try:
        content = s3.get_object(Bucket=bucket, Key=key)["Body"].read(MOST_BYTES)
    except ClientError:
        return False
    return hashlib.sha256(content).hexdigest() == sha256
