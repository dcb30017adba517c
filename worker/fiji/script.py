"""The script: downloaded once per worker, checked, and kept with the digest that manifests record."""

from __future__ import annotations

import hashlib
import http.client
import logging
import re
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from worker.calls import CALL_ERRORS
from worker.contract.scripts import NotAScript, clean, ending_of, script_name, web_address
from worker.errors import ScriptUnavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

log = logging.getLogger(__name__)

ATTEMPTS = 5
FETCH_SECONDS = 30.0


@dataclass(frozen=True)
class Script:
    """The script on local disk, with its fixes. `sha256`: of the downloaded bytes, as `setup` computes it."""

    path: Path
    sha256: str
    text: str

    def copied_to(self, folder: Path) -> Path:
        """Return a copy for one run, so that a script that overwrites its own file changes no other job's."""
        folder.mkdir(exist_ok=True)
        copy = folder / self.path.name
        copy.write_text(self.text, encoding="utf-8", newline="")
        return copy


def fetch_script(
    url: str, expected_sha256: str, folder: Path, s3: S3Client, pause: Callable[[float], Any]
) -> Script:
    """Download the script to `folder`, with retries. Raises ScriptUnavailable with what to do."""
    reason = ""
    for attempt in range(ATTEMPTS):
        if attempt and pause(2.0 ** (attempt - 1)):
            break
        try:
            content = _read(url, s3)
        except (*CALL_ERRORS, OSError, ValueError, http.client.HTTPException) as error:
            reason = str(error)
            log.warning("the script %s could not be fetched: %s", url, error)
            continue
        return _kept(url, content, expected_sha256, folder)
    raise ScriptUnavailable(
        f"The script {url} cannot be downloaded: {reason}. Check SCRIPT_DOWNLOAD_URL in config.py."
    )


def _read(url: str, s3: S3Client) -> bytes:
    if url.startswith("s3://"):
        bucket, _, key = url.removeprefix("s3://").partition("/")
        return bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    with urllib.request.urlopen(web_address(url), timeout=FETCH_SECONDS) as answer:
        return bytes(answer.read())


def _kept(url: str, content: bytes, expected_sha256: str, folder: Path) -> Script:
    sha256 = hashlib.sha256(content).hexdigest()
    if expected_sha256 and sha256 != expected_sha256:
        raise ScriptUnavailable(
            f"The script {url} is not the one that setup found (SHA-256 {sha256}, expected"
            f" {expected_sha256}). If you changed it on purpose, run `run.py setup` again."
        )
    # FIJI recognizes the language by the ending. The rest of the name is kept for messages that mention it.
    name = script_name(url)
    try:
        ending = ending_of(name)
        cleaned = clean(content, ending)
    except NotAScript as error:
        raise ScriptUnavailable(f"The script {url} cannot be run: {error}.") from error
    for warning in cleaned.warnings:
        log.warning("the script %s: %s", name, warning)
    path = folder / (re.sub(r"[^A-Za-z0-9._-]", "_", Path(name).stem) + ending)
    path.write_text(cleaned.text, encoding="utf-8", newline="")
    return Script(path, sha256, cleaned.text)
