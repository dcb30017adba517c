"""What a rehearsal measured, kept in files/ beside the run's record: `rehearse` writes it, `estimate` reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from distributed_fiji.errors import InvalidInput
from distributed_fiji.jsonfiles import read_json
from worker.contract.state import Unreadable, flag, number, text


@dataclass(frozen=True)
class RehearsedJob:
    """One job that was run. `seconds`: by phase, as its manifest has them; sizes are bytes."""

    job_id: str
    input_bytes: int
    seconds: Mapping[str, float]
    peak_memory_mb: int
    output_bytes: int
    files: int


@dataclass(frozen=True)
class Law:
    """Seconds of a job as `base + per_byte × input bytes`.

    `low`, `high`: factors of the 80 % range of the whole job file's seconds. `carries`: whether size explains
    time; if not, `base` is the mean and what is made of it is a guess.
    """

    base: float
    per_byte: float = 0.0
    low: float = 1.0
    high: float = 1.0
    carries: bool = True

    def seconds(self, input_bytes: float) -> float:
        """Return the seconds that a job with so many bytes is likely to take."""
        return self.base + self.per_byte * input_bytes


@dataclass(frozen=True)
class Rehearsal:
    """Some jobs of a job file, run for real.

    `finished`: seconds since 1970. `machine`: the EC2 type that ran them, '' for this computer. `total_jobs`,
    `total_bytes`: of the whole job file, inputs alone.
    """

    app_name: str
    job_file: str
    script_sha256: str
    finished: float
    machine: str
    total_jobs: int
    total_bytes: int
    law: Law
    jobs: tuple[RehearsedJob, ...]

    @property
    def job_seconds(self) -> float:
        """The likely seconds of a job of the file, on average."""
        return self.law.seconds(self.total_bytes / max(1, self.total_jobs))


def rehearsal_path(folder: Path, app_name: str) -> Path:
    """Return where an app's rehearsal is kept."""
    return folder / f"{app_name}Rehearsal.json"


def write_rehearsal(path: Path, rehearsal: Rehearsal) -> None:
    """Write a rehearsal, over an earlier one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(rehearsal), indent=2) + "\n", encoding="utf-8")


def find_rehearsal(path: Path) -> Rehearsal | None:
    """Return the rehearsal in a file, None where there is none. Raises InvalidInput for another file."""
    if not path.exists():
        return None
    try:
        return _rehearsal(read_json(path))
    except (Unreadable, KeyError, TypeError, AttributeError) as error:
        problem = f"{error}; `python run.py rehearse` writes it anew"
        raise InvalidInput(f"{path} is not a rehearsal", [problem]) from error


def _rehearsal(document: Any) -> Rehearsal:
    law = document["law"]
    return Rehearsal(
        app_name=text(document, "app_name"),
        job_file=text(document, "job_file"),
        script_sha256=text(document, "script_sha256"),
        finished=number(document, "finished"),
        machine=text(document, "machine"),
        total_jobs=int(number(document, "total_jobs")),
        total_bytes=int(number(document, "total_bytes")),
        law=Law(
            **{name: number(law, name) for name in ("base", "per_byte", "low", "high")},
            carries=flag(law, "carries"),
        ),
        jobs=tuple(map(_job, document["jobs"])),
    )


def _job(document: Any) -> RehearsedJob:
    sizes = {
        name: int(number(document, name))
        for name in ("input_bytes", "peak_memory_mb", "output_bytes", "files")
    }
    seconds = {phase: number(document["seconds"], phase) for phase in document["seconds"]}
    return RehearsedJob(job_id=text(document, "job_id"), seconds=seconds, **sizes)
