"""What a rehearsal measured, kept in files/ beside the run's record: `rehearse` writes, `estimate` reads."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from distributed_fiji.errors import InvalidInput
from distributed_fiji.jsonfiles import read_json
from distributed_fiji.wholefiles import replacing

Count = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class RehearsedJob:
    """One job that was run. `seconds`: by phase, as its manifest has them; sizes are bytes.

    `exit`: DONE, or how it failed; `cores`: processors that its FIJI kept busy on average, 0 if unknown.
    """

    job_id: str
    input_bytes: Count
    seconds: dict[str, Amount]
    peak_memory_mb: Count
    output_bytes: Count
    files: Count
    exit: str = "DONE"
    cores: Amount = 0.0

    @property
    def total_seconds(self) -> float:
        """The seconds of all phases, for which the job held a task."""
        return sum(self.seconds.values())


@dataclass(frozen=True)
class Law:
    """Seconds of a job as `base + per_byte × input bytes ** power`.

    `mean`: likely seconds of a job, on average over the whole job file; None: those of a job of average size.
    `low`, `high`: factors of the 80 % range of the whole job file's seconds. `carries`: whether size explains
    time; if not, what is made of it is a guess.
    """

    base: Amount
    per_byte: Amount = 0.0
    low: Amount = 1.0
    high: Amount = 1.0
    carries: bool = True
    power: Annotated[float, Field(ge=-10, le=10)] = 1.0
    mean: Amount | None = None

    def seconds(self, input_bytes: float) -> float:
        """Return the seconds that a job with so many bytes is likely to take."""
        return float(self.base + self.per_byte * max(1.0, input_bytes) ** self.power)


@dataclass(frozen=True)
class Rehearsal:
    """Some jobs of a job file, run for real.

    `finished`: seconds since 1970. `machine`: the EC2 type that ran them, '' for this computer. `total_jobs`,
    `total_bytes`: of the whole job file, inputs alone.
    """

    app_name: str
    job_file: str
    script_sha256: str
    finished: Amount
    machine: str
    total_jobs: Count
    total_bytes: Count
    law: Law
    jobs: tuple[RehearsedJob, ...]

    @property
    def job_seconds(self) -> float:
        """The likely seconds of a job of the file, on average."""
        average = self.total_bytes / max(1, self.total_jobs)
        return self.law.seconds(average) if self.law.mean is None else self.law.mean


def rehearsal_path(folder: Path, app_name: str) -> Path:
    """Return where an app's rehearsal is kept."""
    return folder / f"{app_name}Rehearsal.json"


def write_rehearsal(path: Path, rehearsal: Rehearsal) -> None:
    """Write a rehearsal, over an earlier one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write(json.dumps(asdict(rehearsal), indent=2) + "\n")


def find_rehearsal(path: Path) -> Rehearsal | None:
    """Return the rehearsal in a file, None where there is none. Raises InvalidInput for another file."""
    if not path.exists():
        return None
    document = read_json(path)
    try:
        return TypeAdapter(Rehearsal).validate_python(document)
    except ValidationError as error:
        where = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:5]]
        raise InvalidInput(
            f"{path} is not a rehearsal", [*where, "`python run.py rehearse` writes it anew"]
        ) from error
