"""The command line that starts a FIJI; the same for launchers of every kind and age.

`[JVM options] -- [--headless] --run distributedfiji.Runner 'job="…"'`. What goes where, and why:

- Everything for the JVM comes before `--`: Jaunch (every FIJI since 2025) accepts none of it after that.
  Heap and headless mode are set there with Java's own -Xmx and -D, because `--mem` and `--headless` mean
  different things to launchers of different ages.
- `--headless` comes after `--`, where Jaunch passes it on to SciJava. Before `--`, FIJIs up to November 2025
  insert `-batch` before `--run` (fiji/fiji#416). The classic launcher accepts it on both sides.
- FIJI's app-launcher opens a dialog, even headless, if Java is older than fiji.toml recommends; so 8 is
  recommended.
- The classic launcher does not open java.lang to ImageJ's patcher, as Jaunch does. Java 8 has no
  --add-opens.
- Each run has its own preferences: SciJava stores parameters' values there, and would pass them to the
  next job.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from worker.contract.fijihome import FijiHome, Kind

RUNNER_JAR = Path("jars", "distributed-fiji-runner.jar")
#: Fixes ImageJ's tables for headless use, answers what asks a person, and redirects paths. It is next to the
#: runner. ImageJ core, already fixed, needs it only for paths.
AGENT_JAR = Path("jars", "distributed-fiji-agent.jar")
RUNNER_CLASS = "distributedfiji.Runner"

#: Characters that parsington needs escaped between double quotes. Anything else is passed as it is, including
#: non-ASCII.
ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})

#: If a job takes fewer seconds than this in FIJI, it costs less when Java compiles lightly (C1 only) than
#: when it compiles well (C1, then C2): docs/performance.md has the measurement. FIJI's start is much larger
#: than ImageJ core's. Compiling it well costs 3 s of processor time, which a job must first save.
SHORT_SECONDS = {Kind.CORE: 1.5, Kind.CLASSIC: 6.0, Kind.JAUNCH: 6.0}

#: Folders in every person's home, on Windows, macOS and most of Linux.
HOME_FOLDERS = ("Desktop", "Documents", "Downloads")

OPEN_JAVA_LANG = "--add-opens=java.base/java.lang=ALL-UNNAMED"


@dataclass(frozen=True)
class Launch:
    """How FIJI is started: heap in MiB, the run's folders, processors (0: all it sees).

    `runner_jar`: our runner if FIJI's own jars do not include it, with its agent next to it. `is_short`:
    whether a job of seconds is expected, for which compiling well does not pay. `leads_paths`: whether the
    job has `paths`, for which FIJI needs our agent.
    """

    fiji: FijiHome
    heap_mb: int
    temporary: Path
    preferences: Path
    runner_jar: Path | None = None
    cpu_cores: int = 0
    use_xvfb: bool = False
    is_short: bool = False
    leads_paths: bool = False


def expects_short(last_seconds: Sequence[float], kind: Kind) -> bool:
    """Whether the next job is likely to be short, like the last ones.

    If nothing is known, it is not: light compiling costs a long job more than it saves a short one.
    """
    return bool(last_seconds) and median(last_seconds) < SHORT_SECONDS[kind]


def find_runner(fiji_home: Path, environ: Mapping[str, str]) -> Path | None:
    """Return our runner's jar: in FIJI's own jars, or where FIJI_RUNNER_JAR says. None if there is none."""
    named = environ.get("FIJI_RUNNER_JAR", "")
    places = [fiji_home / RUNNER_JAR, *([Path(named)] if named else [])]
    return next((place for place in places if place.is_file()), None)


def runner_command(launch: Launch, job: str, **arguments: str) -> list[str]:
    """Return the command that runs one job with the runner; `job` is a path, or "-" for a standby."""
    display = ["xvfb-run", "-a"] if launch.use_xvfb else []
    headless = [] if launch.use_xvfb else ["--headless"]
    # All of the runner's parameters are given. If there is a display, SciJava asks for a missing one in a
    # dialog that nobody can answer, even if it is optional.
    values = script_argument({"job": job, "warm": "", "ready": "", **arguments})
    jvm = [*_jvm_options(launch), *_launcher_options(launch)]
    return [*display, str(launch.fiji.launcher), *jvm, "--", *headless, "--run", RUNNER_CLASS, values]


def script_argument(parameters: Mapping[str, str]) -> str:
    """Return parameters as SciJava's `--run` reads them: always key="value", escaped as needed."""
    return ", ".join(f'{key}="{value.translate(ESCAPES)}"' for key, value in parameters.items())


def _jvm_options(launch: Launch) -> list[str]:
    """Return Java's options, which are the same for all launchers."""
    # Java's own default is 4; that of ImageJ core's launcher differs.
    level = 1 if launch.is_short else 4
    options = [
        # Old updates of Java 8 have no ActiveProcessorCount (added in 8u191). Unknown options must not stop
        # Java.
        "-XX:+IgnoreUnrecognizedVMOptions",
        f"-Xmx{launch.heap_mb}m",
        f"-Djava.io.tmpdir={launch.temporary}",
        f"-Djava.util.prefs.userRoot={launch.preferences}",
        # Java takes a user's home from the list of users, and ImageJ finds its own preferences there
        # (~/.imagej/IJ_Prefs.txt). What one job saves there must not reach another, nor must yours reach a
        # rehearsal.
        f"-Duser.home={launch.preferences}",
        f"-Djava.awt.headless={'false' if launch.use_xvfb else 'true'}",
        "-Dscijava.app.java-version-recommended=8",
        f"-XX:TieredStopAtLevel={level}",
    ]
    if launch.cpu_cores:
        options.append(f"-XX:ActiveProcessorCount={launch.cpu_cores}")
    return options


def _launcher_options(launch: Launch) -> list[str]:
    """Return what this launcher needs in addition to Java's options."""
    agent = (launch.runner_jar or launch.fiji.home / RUNNER_JAR).with_name(AGENT_JAR.name)
    with_agent = [f"-javaagent:{agent}"] if agent.is_file() else []
    if launch.fiji.kind is Kind.CORE:
        return [f"{option}=paths" for option in with_agent] if launch.leads_paths else []
    options = ["--no-splash"] if launch.use_xvfb else []
    java = launch.fiji.java
    if launch.fiji.kind is Kind.CLASSIC and not (java and java.feature == 8):
        options.append(OPEN_JAVA_LANG)
    if launch.runner_jar:
        options.append(f"--class-path={launch.runner_jar}")
    return [*options, *with_agent]


def make_preferences(folder: Path) -> None:
    """Create the folder for a run's preferences. Java would create it too, but print that on the console.

    It is also the run's home, with the folders of a person's home that scripts save to.
    """
    (folder / ".java" / ".userPrefs").mkdir(parents=True, exist_ok=True)
    for name in HOME_FOLDERS:
        (folder / name).mkdir(exist_ok=True)
