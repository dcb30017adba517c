"""Which launcher a FIJI has, and the command line for it. Pure but for looking whether files are there.

Older FIJIs come with `ImageJ-linux64`, those since 2025 with `fiji-linux-x64` (Jaunch). Both take
`[JVM options --] --mem=… --headless --run SCRIPT 'key="value", …'`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from worker.contract import FailureClass, Value
from worker.errors import JobFailed

LAUNCHERS = ("fiji-linux-x64", "fiji-linux-arm64", "ImageJ-linux64")
RUNNER_JAR = Path("jars", "distributed-fiji-runner.jar")
#: Mends ImageJ's tables for headless use, beside the runner; ImageJ core, mended already, has none.
AGENT_JAR = Path("jars", "distributed-fiji-agent.jar")
RUNNER_CLASS = "distributedfiji.Runner"

#: Linux takes at most this many bytes in one argument (MAX_ARG_STRLEN).
LONGEST_ARGUMENT = 128 * 1024 - 1

#: What parsington needs escaped between double quotes; everything else, non-ASCII included, goes raw.
ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})


#: Below so many seconds in FIJI, jobs cost less when Java compiles lightly (C1 alone) than when it compiles
#: well (C1, then C2): docs/performance.md has the measurement.
SHORT_SECONDS = 1.5


@dataclass(frozen=True)
class Launch:
    """How FIJI is started: heap in MiB, Java's folder for temporary files, processors (0: all it sees).

    `is_short`: whether a job of seconds is expected, for which compiling well does not pay.
    """

    launcher: Path
    heap_mb: int
    temporary: Path
    cpu_cores: int = 0
    use_xvfb: bool = False
    is_short: bool = False


def expects_short(last_seconds: Sequence[float]) -> bool:
    """Whether the next job is likely to be short, as the last ones were.

    Where nothing is known it is not: a long job loses more by light compiling than a short one gains.
    """
    return bool(last_seconds) and median(last_seconds) < SHORT_SECONDS


def find_launcher(fiji_home: Path) -> Path | None:
    """Return the launcher that a FIJI holds, the newer one first; None where there is none."""
    return next((fiji_home / name for name in LAUNCHERS if (fiji_home / name).is_file()), None)


def has_runner(fiji_home: Path) -> bool:
    """Whether our runner's jar stands in this FIJI."""
    return (fiji_home / RUNNER_JAR).is_file()


def runner_command(launch: Launch, job: str, **arguments: str) -> list[str]:
    """Return the command that runs one job through the runner; `job` is a path, or "-" for a standby."""
    return _command(launch, RUNNER_CLASS, script_argument({"job": job, **arguments}))


def direct_command(launch: Launch, script: Path, parameters: Mapping[str, Value]) -> list[str]:
    """Return the command that runs a script by FIJI's own `--run`. Raises JobFailed when it gets too long."""
    argument = script_argument(parameters)
    if len(argument.encode("utf-8")) > LONGEST_ARGUMENT:
        raise JobFailed(
            FailureClass.SCRIPT_ERROR,
            "The job's parameters are longer than 128 KiB, which FIJI cannot be given on its command line;"
            " FIJI_RUNNER = 'runner' has no such limit.",
        )
    return _command(launch, str(script), argument)


def script_argument(parameters: Mapping[str, Value]) -> str:
    """Return parameters as SciJava's `--run` reads them: always key="value", with what matters escaped."""
    return ", ".join(f'{key}="{_text(value).translate(ESCAPES)}"' for key, value in parameters.items())


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _command(launch: Launch, target: str, argument: str) -> list[str]:
    # 4 is Java's own default; ImageJ core's launcher has another.
    level = 1 if launch.is_short else 4
    jvm = [f"-Djava.io.tmpdir={launch.temporary}", f"-XX:TieredStopAtLevel={level}"]
    if launch.cpu_cores:
        jvm.append(f"-XX:ActiveProcessorCount={launch.cpu_cores}")
    agent = launch.launcher.parent / AGENT_JAR
    if agent.is_file() and not launch.use_xvfb:
        jvm.append(f"-javaagent:{agent}")
    if launch.use_xvfb:
        # Said aloud, as a launcher may be made for headless runs.
        jvm.append("-Djava.awt.headless=false")
    headless = [] if launch.use_xvfb else ["--headless"]
    display = ["xvfb-run", "-a"] if launch.use_xvfb else []
    command = [
        *display,
        str(launch.launcher),
        *jvm,
        "--",
        f"--mem={launch.heap_mb}m",
        *headless,
        "--run",
        target,
    ]
    return [*command, argument] if argument else command
