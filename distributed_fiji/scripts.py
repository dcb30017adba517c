"""The user's script: checked to be there; a local file goes into the bucket under its content's name."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from distributed_fiji.changes import Change
from distributed_fiji.settings import Settings
from worker.contract import state_key

#: Script languages that FIJI runs by the file's name; others need plugins that only the user knows of.
USUAL_SUFFIXES = (".ijm", ".py", ".groovy", ".js", ".bsh", ".rb", ".clj", ".R", ".m", ".java", ".txt")


@dataclass(frozen=True)
class Script:
    """A script: where the worker fetches it, and the digest it must have ('' where not known ahead)."""

    url: str
    sha256: str
    local_file: Path | None = None


def locate_script(settings: Settings, s3: Any, folder: Path) -> tuple[Script | None, list[str]]:
    """Return the script that SCRIPT_DOWNLOAD_URL names, or what is wrong with it.

    `folder`: what relative paths start from. A web address that cannot be asked from here is believed,
    since the workers may reach what this machine does not; one that answers 404 is not.
    """
    address = settings.SCRIPT_DOWNLOAD_URL
    scheme = urlsplit(address).scheme
    if scheme in ("http", "https"):
        return Script(address, ""), _web_problems(address)
    if scheme == "s3":
        return Script(address, ""), _object_problems(s3, address)
    path = folder / Path(address).expanduser()
    if not path.is_file():
        return None, [
            f"SCRIPT_DOWNLOAD_URL = {address!r}: there is no such file, and it is no https:// or s3://"
        ]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    key = state_key(settings.APP_NAME, "scripts", digest, path.name)
    return Script(f"s3://{settings.AWS_BUCKET}/{key}", digest, path), []


def _web_problems(address: str) -> list[str]:
    try:
        urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=10).close()
    except urllib.error.HTTPError as error:
        if error.code in (404, 410):
            return [f"SCRIPT_DOWNLOAD_URL = {address!r}: the server answers {error.code}, it is not there"]
    except (OSError, ValueError):
        pass
    return []


def _object_problems(s3: Any, address: str) -> list[str]:
    parts = urlsplit(address)
    try:
        s3.head_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"))
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NoSuchBucket"):
            return [f"SCRIPT_DOWNLOAD_URL = {address!r}: there is no such object"]
    return []


def ensure_script(s3: Any, script: Script) -> Change:
    """Upload a local script unless the bucket holds it: its key names its content."""
    name = script.url.rsplit("/", 1)[-1]
    if script.local_file is None:
        return Change("script", name, "kept")
    bucket, key = script.url.removeprefix("s3://").split("/", 1)
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError:
        s3.upload_file(str(script.local_file), bucket, key)
        return Change("script", name, "created", f"sha256 {script.sha256[:12]}")
    return Change("script", name, "kept")
