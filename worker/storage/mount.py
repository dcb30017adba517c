"""Mount the source bucket as a folder with s3fs, for DOWNLOAD_FILES = False and an image with BUCKET_MOUNT.

s3fs and the mount end with the container.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

MOUNT_SECONDS = 60


class MountFailed(Exception):
    """Raised when the bucket cannot be mounted; the text says what to do."""


@dataclass(frozen=True)
class Mount:
    """What to mount, and where. `endpoint`: the URL of S3. `custom`: whether it is not AWS's own."""

    bucket: str
    folder: Path
    endpoint: str
    region: str
    custom: bool


def mount(wanted: Mount, environ: Mapping[str, str], scratch: Path) -> None:
    """Mount a bucket read-only, unless something is mounted already. Raises MountFailed, quoting s3fs."""
    if os.path.ismount(wanted.folder):
        return
    program = shutil.which("s3fs")
    if program is None:
        raise MountFailed(
            "DOWNLOAD_FILES = False needs s3fs, which this image lacks. Build it with S3FS=1"
            " (docs/image.md), or set DOWNLOAD_FILES = True"
        )
    command = [program, wanted.bucket, str(wanted.folder), "-o", ",".join(options(wanted, environ, scratch))]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=MOUNT_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise MountFailed(f"s3fs does not respond: {wanted.bucket} is not mounted") from error
    if done.returncode or not os.path.ismount(wanted.folder):
        said = (done.stderr + done.stdout).strip()[-1000:] or "it printed nothing"
        raise MountFailed(f"s3fs cannot mount {wanted.bucket} (the container must be privileged): {said}")
    log.info("bucket %s is mounted at %s", wanted.bucket, wanted.folder)


def options(wanted: Mount, environ: Mapping[str, str], scratch: Path) -> list[str]:
    """Return s3fs's options. Keys come from the environment, the task's role or the machine's role."""
    found = ["ro", f"url={wanted.endpoint}", f"endpoint={wanted.region}", f"tmpdir={scratch}"]
    if wanted.custom:
        found.append("use_path_request_style")
    if environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
        found.append("ecs")
    elif not environ.get("AWS_ACCESS_KEY_ID"):
        found.append("iam_role=auto")
    return found
