"""The command line that starts a FIJI, one for launchers of every kind and age.

`[JVM options] -- [--headless] --run distributedfiji.Runner 'job="…"'`. What stands where, and why:

- Everything for the JVM stands before `--`: Jaunch (each FIJI since 2025) takes nothing of it behind. Heap
  and headless are given as Java's own -Xmx and -D there, as `--mem` and `--headless` mean other things to
  launchers of other ages.
- `--headless` stands behind `--`, where Jaunch hands it on to SciJava: before it, FIJIs up to November
  2025 insert `-batch` before `--run` (fiji/fiji#416). The classic launcher knows it on both sides.
- FIJI's app-launcher asks in a dialog, headless too, when Java is older than fiji.toml recommends; so 8 is
  recommended.
- The classic launcher does not open java.lang to ImageJ's patcher, as Jaunch does; Java 8 knows no
  --add-opens.
- Preferences are the run's own: SciJava keeps the values of parameters there, and would give them to the
  next job.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from worker.contract.fijihome import FijiHome, Kind

RUNNER_JAR = Path("jars", "distributed-fiji-runner.jar")
#: Mends ImageJ's tables for headless use, and what asks a person, and leads paths elsewhere; beside the
#: runner. ImageJ core, mended already, needs it for the last alone.
AGENT_JAR = Path("jars", "distributed-fiji-agent.jar")
RUNNER_CLASS = "distributedfiji.Runner"

#: What parsington needs escaped between double quotes; everything else, non-ASCII included, goes raw.
ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})

#: Below so many seconds in FIJI, jobs cost less when Java compiles lightly (C1 alone) than when it compiles
#: well (C1, then C2): docs/performance.md has the measurement. FIJI's start alone is far larger than ImageJ
#: core's, and compiling it well costs 3 s of a processor, which a job must first save.
SHORT_SECONDS = {Kind.CORE: 1.5, Kind.CLASSIC: 6.0, Kind.JAUNCH: 6.0}

#: What each person's home has, on Windows, macOS and most of Linux.
HOME_FOLDERS = ("Desktop", "Documents", "Downloads")

OPEN_JAVA_LANG = "--add-opens=java.base/java.lang=ALL-UNNAMED"


@dataclass(frozen=True)
class Launch:
    """How FIJI is started: heap in MiB, the run's folders, processors (0: all it sees).

    `runner_jar`: our runner where FIJI's own jars do not hold it, its agent beside it. `is_short`: whether a
    job of seconds is expected, for which compiling well does not pay. `leads_paths`: whether the job has
    `paths`, for which FIJI needs our agent.
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
    """Whether the next job is likely to be short, as the last ones were.

    Where nothing is known it is not: a long job loses more by light compiling than a short one gains.
    """
    return bool(last_seconds) and median(last_seconds) < SHORT_SECONDS[kind]


def find_runner(fiji_home: Path, environ: Mapping[str, str]) -> Path | None:
    """Return our runner's jar, in FIJI's own jars or where FIJI_RUNNER_JAR says; None where there is none."""
    named = environ.get("FIJI_RUNNER_JAR", "")
    places = [fiji_home / RUNNER_JAR, *([Path(named)] if named else [])]
    return next((place for place in places if place.is_file()), None)


def runner_command(launch: Launch, job: str, **arguments: str) -> list[str]:
    """Return the command that runs one job through the runner; `job` is a path, or "-" for a standby."""
    display = ["xvfb-run", "-a"] if launch.use_xvfb else []
    headless = [] if launch.use_xvfb else ["--headless"]
    # All of the runner's parameters: where there is a display, SciJava asks for one that is not given, in a
    # dialog that nobody can answer, even where it is not required.
    values = script_argument({"job": job, "warm": "", "ready": "", **arguments})
    jvm = [*_jvm_options(launch), *_launcher_options(launch)]
    return [*display, str(launch.fiji.launcher), *jvm, "--", *headless, "--run", RUNNER_CLASS, values]


def script_argument(parameters: Mapping[str, str]) -> str:
    """Return parameters as SciJava's `--run` reads them: always key="value", with what matters escaped."""
    return ", ".join(f'{key}="{value.translate(ESCAPES)}"' for key, value in parameters.items())


def _jvm_options(launch: Launch) -> list[str]:
    """Return Java's options, which are the same for all launchers."""
    # 4 is Java's own default; ImageJ core's launcher has another.
    level = 1 if launch.is_short else 4
    options = [
        # Old updates of Java 8 know no ActiveProcessorCount (8u191); what a Java does not know must not
        # stop it.
        "-XX:+IgnoreUnrecognizedVMOptions",
        f"-Xmx{launch.heap_mb}m",
        f"-Djava.io.tmpdir={launch.temporary}",
        f"-Djava.util.prefs.userRoot={launch.preferences}",
        # Java takes a user's home from the list of users, and ImageJ its own preferences from there
        # (~/.imagej/IJ_Prefs.txt): what one job saves there must not reach another, nor yours a rehearsal.
        f"-Duser.home={launch.preferences}",
        f"-Djava.awt.headless={'false' if launch.use_xvfb else 'true'}",
        "-Dscijava.app.java-version-recommended=8",
        f"-XX:TieredStopAtLevel={level}",
    ]
    if launch.cpu_cores:
        options.append(f"-XX:ActiveProcessorCount={launch.cpu_cores}")
    return options


def _launcher_options(launch: Launch) -> list[str]:
    """Return what this launcher needs beside Java's options."""
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
    """Make the folder of a run's preferences, as Java would, which then says so on the console.

    It is the run's home too, with the folders that scripts save to in a person's.
    """
    (folder / ".java" / ".userPrefs").mkdir(parents=True, exist_ok=True)
    for name in HOME_FOLDERS:
        (folder / name).mkdir(exist_ok=True)
