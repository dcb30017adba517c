"""Get FIJI's own download for an image: `archive.py ADDRESS SHA256 TARGET`, ADDRESS a file or https://….

Standard library only. The archive is accepted only with the right SHA-256. Downloads are kept beside this
file, in `.archives/`, by checksum.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import sys
import tempfile
import urllib.request
import zipfile
from pathlib import Path

KEPT = Path(__file__).parent / ".archives"
ANSWER_SECONDS = 60
BLOCK = 1 << 20


class ArchiveError(Exception):
    """Raised when an archive cannot be fetched or is not the expected one; its text says what to do."""


def check_request(address: str, sha256: str) -> None:
    """Raise ArchiveError with everything that is wrong with the request."""
    problems = []
    if "://" in address and not address.startswith("https://"):
        problems.append(f"FIJI_ARCHIVE is an address other than https://…: {address}")
    if "://" not in address and not Path(address).is_file():
        problems.append(f"FIJI_ARCHIVE is not a file: {address}")
    if not sha256:
        problems.append(f"FIJI_SHA256 is missing: {_how_to_get_sha256(address)}")
    elif not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        problems.append(f"FIJI_SHA256 is not a SHA-256 (64 hex digits): {sha256}")
    if problems:
        raise ArchiveError("\n".join(problems))


def published_sha256(address: str) -> str:
    """Return the checksum that an archive's server publishes as ADDRESS.sha256. Raises ArchiveError."""
    try:
        with urllib.request.urlopen(f"{address}.sha256", timeout=ANSWER_SECONDS) as answer:
            text = answer.read(4096).decode("utf-8", "replace")
    except OSError as error:
        raise ArchiveError(
            f"{address}.sha256 cannot be read ({error}). Name an archive by FIJI_ARCHIVE=… and FIJI_SHA256=…,"
            " or FIJI's Java 8 image by FIJI_IMAGE=fiji/fiji:20220415"
        ) from error
    found = re.search(r"\b[0-9a-fA-F]{64}\b", text)
    if found is None:
        raise ArchiveError(f"{address}.sha256 does not contain a SHA-256: set FIJI_SHA256=…")
    return found[0].lower()


def _verified(address: str, sha256: str, *, download: bool) -> Path:
    """Return the archive with the expected checksum; without `download`, a remote one is not checked yet.

    Raises ArchiveError.
    """
    check_request(address, sha256)
    wanted = sha256.lower()
    if "://" in address:
        return _download(address, wanted) if download else KEPT / f"{wanted}.zip"
    source = Path(address)
    if not zipfile.is_zipfile(source):
        raise ArchiveError(f"FIJI_ARCHIVE is not a zip archive like FIJI's downloads: {address}")
    _check_sha256(source, address, wanted)
    return source


def _check_sha256(path: Path, address: str, wanted: str) -> None:
    found = _sha256_of(path)
    if found != wanted:
        raise ArchiveError(
            f"{address} has the SHA-256 {found}, but FIJI_SHA256 is {wanted}: it is another archive, or"
            " was damaged in transit"
        )


def _download(address: str, sha256: str) -> Path:
    """Return the kept archive, downloaded if necessary. A file with another checksum is not kept."""
    KEPT.mkdir(exist_ok=True)
    kept = KEPT / f"{sha256}.zip"
    if kept.is_file() and _sha256_of(kept) == sha256:
        return kept
    print(f"Downloading {address} …", file=sys.stderr, flush=True)
    handle, name = tempfile.mkstemp(dir=KEPT, prefix=".part-")
    part = Path(name)
    try:
        with (
            os.fdopen(handle, "wb") as out,
            urllib.request.urlopen(address, timeout=ANSWER_SECONDS) as answer,
        ):
            shutil.copyfileobj(answer, out, BLOCK)
        _check_sha256(part, address, sha256)
        part.replace(kept)
    except OSError as error:
        raise ArchiveError(f"{address} cannot be downloaded: {error}") from error
    finally:
        part.unlink(missing_ok=True)
    return kept


def _how_to_get_sha256(address: str) -> str:
    if "://" in address:
        return f"FIJI's server keeps it beside the archive, `curl {address}.sha256` prints it"
    return f"`sha256sum {address}` prints it, to be compared with what the archive's source says"


def _sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; return the exit code."""
    parser = argparse.ArgumentParser(prog="archive.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("address", help="FIJI_ARCHIVE: a file, or https://…")
    parser.add_argument("sha256", help="FIJI_SHA256; `published`: the one that FIJI's server gives")
    parser.add_argument("target", nargs="?", type=Path, help="where to put it; without: print its SHA-256")
    options = parser.parse_args(arguments)
    try:
        sha256 = options.sha256
        if sha256 == "published":
            sha256 = published_sha256(options.address)
            print(f"{options.address}: FIJI_SHA256={sha256}, as its server says today", file=sys.stderr)
        source = _verified(options.address, sha256, download=bool(options.target))
        if options.target:
            _link(source, options.target)
        print(sha256.lower())
    except ArchiveError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
