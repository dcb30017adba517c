"""The jars of ImageJ core: which versions, with which checksums, and how they get here.

Talks to Maven Central through jgo, SciJava's own resolver. It does not know what the jars are for.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

PINS = Path(__file__).parent / "jars.txt"


class InstallError(Exception):
    """Raised when a runtime cannot be built; its text is one sentence with the next step."""


@dataclass(frozen=True)
class Jar:
    """One artifact of Maven Central; `use` is `run`, or `build` if only building needs it."""

    sha256: str
    group: str
    artifact: str
    version: str
    use: str

    @property
    def filename(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


def read_pins(text: str | None = None) -> tuple[Jar, ...]:
    """Return the jars that jars.txt names, in class path order."""
    lines = (text if text is not None else PINS.read_text(encoding="utf-8")).splitlines()
    jars = []
    for line in lines:
        if line.strip() and not line.startswith("#"):
            sha256, coordinate, use = line.split()
            group, artifact, version = coordinate.split(":")
            jars.append(Jar(sha256, group, artifact, version, use))
    return tuple(jars)


def version_of(artifact: str) -> str:
    """Return the pinned version of an artifact."""
    return next(jar.version for jar in read_pins() if jar.artifact == artifact)


def sha256_of(path: Path) -> str:
    """Return the hex digest of a file."""
    with path.open("rb") as stream:
        digest = hashlib.sha256()
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def collect(jars: Iterable[Jar], into: Path, known: Iterable[Path]) -> int:
    """Put jars into a folder: from the folders `known` if the checksum matches, else from Maven Central.

    Returns how many were downloaded. Raises InstallError if one cannot be fetched or is not the expected one.
    """
    missing = [jar for jar in jars if not _take_known(jar, into, known)]
    if missing:
        with (
            tempfile.TemporaryDirectory(dir=into, prefix=".download-") as cache,
            ThreadPoolExecutor(6) as pool,
        ):
            list(pool.map(lambda jar: _download(jar, into, Path(cache)), missing))
    return len(missing)


def _take_known(jar: Jar, into: Path, known: Iterable[Path]) -> bool:
    for folder in known:
        candidate = folder / jar.filename
        if candidate.is_file() and sha256_of(candidate) == jar.sha256:
            shutil.copy(candidate, into / jar.filename)
            return True
    return False


def _download(jar: Jar, into: Path, cache: Path) -> None:
    try:
        from jgo.maven import MavenContext  # takes half a second: only where something is to be fetched
    except ImportError as error:
        raise InstallError("jgo is missing: run `pip install -r requirements-local.txt`") from error
    context = MavenContext(repo_cache=cache, timeout=60)
    try:
        fetched = context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
    except Exception as error:  # jgo lets through what requests and urllib3 raise
        raise InstallError(
            f"{jar.filename} cannot be downloaded from Maven Central ({type(error).__name__}: {error}): "
            "check the network or its proxy settings, then run it again"
        ) from error
    if sha256_of(fetched) != jar.sha256:
        raise InstallError(
            f"{jar.filename} from Maven Central does not have the checksum in {PINS.name}: something on"
            " the network changes downloads. Run it again on another network"
        )
    shutil.move(str(fetched), into / jar.filename)
