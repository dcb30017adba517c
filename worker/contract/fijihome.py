"""What a FIJI consists of, by its files: the launcher for this machine, Java, versions, languages.

Standard library only, and no FIJI is started. This is the only list of launchers, and of the places where a
FIJI may be, for the worker, the image and --local.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path


class Kind(str, Enum):
    """The launcher of a FIJI; they have different command lines."""

    JAUNCH = "Jaunch"
    CLASSIC = "classic launcher"
    CORE = "ImageJ core"


#: Every launcher on Linux, the newer ones first, since an updated FIJI has both; with its machines in the
#: form of `uname -m`. Sources: apposed/jaunch, imagej/imagej-launcher. ImageJ core's is a script with the
#: classic one's name.
LAUNCHERS: Mapping[str, tuple[Kind, str]] = {
    "fiji-linux-x64": (Kind.JAUNCH, "x86_64"),
    "fiji-linux-arm64": (Kind.JAUNCH, "aarch64"),
    "ImageJ-linux64": (Kind.CLASSIC, "x86_64"),
}

#: Where FIJI's own instructions and packagers put it: below the home folder, then on the machine. The folder
#: is called Fiji.app, or Fiji since 2025. In the image, it is the first of the machine's places.
HOME_PLACES = (
    "Fiji.app",
    "Fiji",
    "Applications/Fiji.app",
    "Applications/Fiji",
    "Desktop/Fiji.app",
    "Desktop/Fiji",
    "opt/Fiji.app",
    "opt/Fiji",
)
MACHINE_PLACES = (
    "/opt/fiji/Fiji.app",
    "/opt/fiji/Fiji",
    "/opt/Fiji.app",
    "/opt/Fiji",
    "/opt/fiji",
    "/usr/local/Fiji.app",
    "/usr/local/Fiji",
)

#: The source of each version: the name of a jar in FIJI's folder `jars`, up to its version.
JARS = {
    "fiji": "fiji",
    "imagej": "ij",
    "scijava": "scijava-common",
    "jython": "jython(?:-standalone|-shaded|-slim)?",
    "groovy": "groovy",
}
#: The jar that provides each script language; ImageJ core has its own. JavaScript is missing: since Java 15,
#: no Java has an engine for it, so only a running FIJI can tell (the runner's sign of life does).
LANGUAGES = {
    "ImageJ Macro": r"imagej-legacy|imagej-core\.jar",
    "Python (Jython)": r"scripting-jython|imagej-core\.jar",
    "Groovy": r"scripting-groovy|imagej-core\.jar",
    "BeanShell": r"scripting-beanshell|imagej-core\.jar",
    "Java": r"scripting-java-",
}

#: Bio-Formats with all its dependencies, as its makers offer it.
BIOFORMATS_JAR = "bioformats_package.jar"

#: A Java home in FIJI's folder: ImageJ core's link, FIJI's own, and one with a JRE inside its JDK.
JAVA_HOMES = ("java", "java/*/*", "java/*/*/jre")
ASK_SECONDS = 20.0


@dataclass(frozen=True)
class Java:
    """A Java: its home and its version, such as 17.0.15 or 1.8.0_322; "" if unknown."""

    home: Path
    version: str
    is_inside: bool = False

    @property
    def feature(self) -> int:
        """8, 11, 17, …; 0 if the version is unknown."""
        numbers = [int(number) for number in re.findall(r"\d+", self.version)[:2]]
        return numbers[-1] if numbers[:1] == [1] else (numbers or [0])[0]


@dataclass(frozen=True)
class FijiHome:
    """A FIJI that this machine can start."""

    home: Path
    launcher: Path
    kind: Kind
    architecture: str
    java: Java | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    languages: Sequence[str] = ()

    def document(self) -> dict[str, object]:
        """Return it in a manifest's form."""
        return {
            "kind": self.kind.value,
            "launcher": self.launcher.name,
            "architecture": self.architecture,
            "java": self.java.version if self.java else "",
            "versions": dict(self.versions),
            "languages": list(self.languages),
        }

    def __str__(self) -> str:
        made_of = [f"{name} {version}" for name, version in self.versions.items()]
        java = "no Java found"
        if self.java:
            where = "in its folder" if self.java.is_inside else f"in {self.java.home}"
            java = f"Java {self.java.version or 'of an unknown version'} {where}"
        return "; ".join(
            (
                f"{self.kind.value} ({self.launcher.name}, {self.architecture})",
                ", ".join(made_of) or "versions unknown",
                java,
                f"languages {', '.join(self.languages) or 'unknown'}",
            )
        )


def runner_problem(value: str) -> str:
    """Return what is wrong with a value of FIJI_RUNNER; "" if nothing is."""
    if value.lower() in ("auto", "runner"):
        return ""
    if value.lower() == "direct":
        return (
            "is no longer supported: with FIJI's own --run nobody can tell whether a script failed, nor"
            " when it ended (docs/worker.md). Leave it out, or use 'auto'"
        )
    return "must be 'auto' or 'runner'"


def is_fiji(folder: Path) -> bool:
    """Return whether a folder has one of FIJI's launchers, for this machine or another."""
    return any((folder / name).is_file() for name in LAUNCHERS)


def find_fiji(home: Path) -> Path | None:
    """Return the first FIJI in a usual place that this machine can run, or None. `home`: the user's."""
    places = (*(home / name for name in HOME_PLACES), *map(Path, MACHINE_PLACES))
    return next((place for place in places if find_launcher(place)), None)


def find_launcher(home: Path, machine: str = "") -> Path | None:
    """Return the newest launcher of a FIJI that runs on a machine (`uname -m`; "": this one), or None."""
    wanted = machine or platform.machine()
    fitting = (home / name for name in LAUNCHERS if (home / name).is_file())
    return next((path for path in fitting if _architecture(path) in (wanted, "")), None)


def launcher_problem(home: Path, machine: str = "") -> str:
    """Return why a folder's FIJI cannot be started here, and what to do; "" if it can."""
    wanted = machine or platform.machine()
    if find_launcher(home, wanted):
        return ""
    there = [name for name in LAUNCHERS if (home / name).is_file()]
    if there:
        return (
            f"{home} holds {' and '.join(there)}, which this machine ({wanted}) cannot run. Download FIJI"
            f" for {wanted}, or choose other machines"
        )
    if not home.is_dir():
        return f"{home} is not a folder"
    names = list(LAUNCHERS)
    return f"{home} is not a FIJI: it has no {', '.join(names[:-1])} or {names[-1]}"


def describe(home: Path, environ: Mapping[str, str], machine: str = "") -> FijiHome | None:
    """Return what a FIJI is, by its files, or None if this machine can start none of its launchers.

    `environ`: JAVA_HOME and PATH name the Java of a FIJI without one of its own.
    """
    launcher = find_launcher(home, machine)
    if launcher is None:
        return None
    names = sorted(path.name for folder in ("jars", "plugins") for path in (home / folder).glob("*.jar"))
    languages = [name for name, jar in LANGUAGES.items() if any(re.match(jar, each) for each in names)]
    return FijiHome(
        home,
        launcher,
        _kind(launcher, names),
        machine or platform.machine(),
        find_java(home, environ),
        versions_of(names),
        languages,
    )


def has_bioformats(home: Path) -> bool:
    """Whether a FIJI has Bio-Formats, in one jar or, as FIJI itself includes it, in several."""
    places = ("plugins/bio-formats_plugins*.jar", "jars/bio-formats/formats-gpl*.jar")
    return any(path for place in (*places, f"plugins/{BIOFORMATS_JAR}") for path in home.glob(place))


def versions_of(names: Sequence[str]) -> dict[str, str]:
    """Return the versions in the names of a FIJI's jars."""
    found = {}
    for what, pattern in JARS.items():
        matches = [match for name in names if (match := re.fullmatch(rf"{pattern}-(\d.*)\.jar", name))]
        if matches:
            found[what] = matches[-1][1]
    return found


def find_java(home: Path, environ: Mapping[str, str]) -> Java | None:
    """Return the Java that a FIJI's launcher will use: its own, else JAVA_HOME's, else that on the PATH.

    That order is the classic launcher's (imagej-launcher, java.c) and Jaunch's (jvm.toml, root-paths).
    """
    own = [path for pattern in JAVA_HOMES for path in sorted(home.glob(pattern))]
    folders = [(folder, True) for folder in own]
    if environ.get("JAVA_HOME"):
        folders.append((Path(environ["JAVA_HOME"]), False))
    if on_path := shutil.which("java", path=environ.get("PATH")):
        folders.append((Path(on_path).resolve().parents[1], False))
    for folder, is_inside in folders:
        if os.access(folder / "bin" / "java", os.X_OK):
            return Java(folder, _release(folder) or _ask(folder), is_inside)
    return None


def _release(java: Path) -> str:
    """Return the version in a Java's file `release`, which is faster than starting it."""
    for folder in (java, java.parent if java.name == "jre" else java):
        try:
            text = (folder / "release").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if found := re.search(r'^JAVA_VERSION="([^"]+)"', text, re.MULTILINE):
            return found[1]
    return ""


def _ask(java: Path) -> str:
    """Return the version that a Java itself reports, or "". Java 8 often comes without a file `release`."""
    command = [str(java / "bin" / "java"), "-version"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=ASK_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(r'version "([^"]+)"', done.stderr + done.stdout)
    return found[1] if found else ""


def _kind(launcher: Path, jars: Sequence[str]) -> Kind:
    """ImageJ core's launcher is a script, with no jar of imagej-launcher next to it."""
    if _is_script(launcher) and not any(jar.startswith("imagej-launcher-") for jar in jars):
        return Kind.CORE
    return LAUNCHERS[launcher.name][0]


def _architecture(launcher: Path) -> str:
    """Return the machine (`uname -m`) that a launcher is for; "" for a script, which runs anywhere."""
    return "" if _is_script(launcher) else LAUNCHERS[launcher.name][1]


def _is_script(launcher: Path) -> bool:
    try:
        with launcher.open("rb") as file:
            return file.read(2) == b"#!"
    except OSError:
        return False
