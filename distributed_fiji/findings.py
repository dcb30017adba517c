"""Findings about a set-up, and their kinds. Pure.

Ids are stable: programs compare them, and docs/troubleshooting.md has a line for each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Literal

Severity = Literal["stop", "warn", "unknown"]
WORST_FIRST: tuple[Severity, ...] = ("stop", "warn", "unknown")

#: Each kind of finding: what is wanted, and what to do next if the finding itself does not say it better.
KINDS: Mapping[str, tuple[str, str]] = {
    "config": ("settings that a run can use", "correct config.py (docs/config.md)"),
    "job-file": ("a job file that submitJob accepts", "correct the job file (docs/jobs.md)"),
    "fleet-file": ("a fleet file that startCluster accepts", "correct the fleet file (docs/fleet.md)"),
    "memory": ("tasks that fit beside what ECS keeps", "lower MEMORY or TASKS_PER_MACHINE"),
    "processors": ("enough processors for all tasks", "lower CPU_CORES or TASKS_PER_MACHINE"),
    "machine-type": ("types that run as one spot fleet", "change MACHINE_TYPE (docs/fleet.md)"),
    "volume": ("room for the inputs of all tasks", "raise EBS_VOL_SIZE"),
    "time-limits": ("limits that can take effect", "change the time limits (docs/config.md)"),
    "spot-quota": ("a quota for the whole fleet", "ask AWS for a larger quota"),
    "fleet-limits": ("a fleet within EC2's and ECS's limits", "make the fleet smaller"),
    "script": ("a script that workers can run", "correct SCRIPT_DOWNLOAD_URL or the script"),
    "header": ("`#@` lines that SciJava can read", "correct the line (docs/scripts.md)"),
    "syntax": ("a script that can be parsed", "correct the line"),
    "headless": ("calls that work without a person", "docs/scripts.md#windows-and-displays"),
    "parameter-missing": ("a value in every job", "add it to the groups or to shared_metadata"),
    "parameter-unknown": ("names that the script declares", "rename it in the job file"),
    "parameter-value": ("values of the declared type", "correct the value in the job file"),
    "parameter-range": ("values between min and max", "correct the value in the job file"),
    "answer": ("answers to what the script asks", "correct `answers` in the job file"),
    "inputs-missing": ("inputs that exist", "upload them, or correct the job file"),
    "inputs-empty": ("inputs with content", "upload them again"),
    "inputs-archived": ("inputs that can be downloaded", "restore them first"),
    "inputs-broken": ("TIFF files that open", "upload them again"),
    "inputs": ("inputs that are cheap to find", "docs/jobs.md"),
    "outputs": ("a place of its own for each job's outputs", "change output_file_location"),
    "results": ("results of this script", "nothing: such jobs run again"),
    "wells": ("a job for each well", "nothing, if these wells are left out on purpose"),
    "credentials": ("keys that AWS accepts", "aws configure, or aws sso login"),
    "bucket": ("buckets that you and the workers can use", "docs/permissions.md#buckets"),
    "role": ("roles that AWS's services can assume", "docs/permissions.md"),
    "image": ("a worker image that machines can pull", "make image, and make image-push"),
    "network": ("subnets with a way out", "docs/permissions.md#a-network-without-a-way-out"),
    "fleet": ("machines that can start", "docs/fleet.md"),
    "queue": ("an empty queue", "submitJob --replace takes waiting jobs back"),
}


@dataclass(frozen=True)
class Finding:
    """What was found: `id` from KINDS, the setting or file it is about, and what to do next.

    `found` is a whole sentence, as a command prints it. `wanted` and `next` default to those of the kind.
    `unknown`: it could not be checked, which never stops a command.
    """

    id: str
    severity: Severity
    field: str
    found: str
    wanted: str = ""
    next: str = ""

    def document(self) -> dict[str, str]:
        """Return the whole record."""
        wanted, then = KINDS[self.id]
        return asdict(self) | {"wanted": self.wanted or wanted, "next": self.next or then}

    @property
    def sentence(self) -> str:
        """The sentence for commands: what was found, and what to do if that is not in it."""
        return f"{self.found}. {self.next}" if self.next else self.found


def stops(kind: str, lines: Iterable[str]) -> list[Finding]:
    """Return a stopping finding for each sentence; the setting is what a sentence begins with."""
    return [Finding(kind, "stop", _field(line), line) for line in lines]


def doubts(kind: str, lines: Iterable[str]) -> list[Finding]:
    """Return a warning for each sentence."""
    return [Finding(kind, "warn", _field(line), line) for line in lines]


def unknowns(kind: str, lines: Iterable[str]) -> list[Finding]:
    """Return a finding for each sentence about what could not be checked."""
    return [Finding(kind, "unknown", _field(line), line) for line in lines]


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings in order of importance, each once."""
    return sorted(dict.fromkeys(findings), key=lambda one: WORST_FIRST.index(one.severity))


def _field(line: str) -> str:
    """Return the setting, or the part of a file, that a sentence begins with."""
    return line.partition(" = ")[0].partition(":")[0].partition(" ")[0]
