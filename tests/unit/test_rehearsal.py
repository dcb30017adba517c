"""What a rehearsal measured survives its file, and another file is not taken for one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from distributed_fiji.errors import InvalidInput
from distributed_fiji.state.rehearsal import (
    Law,
    Rehearsal,
    RehearsedJob,
    find_rehearsal,
    rehearsal_path,
    write_rehearsal,
)

REHEARSAL = Rehearsal(
    app_name="Plate",
    job_file="job.json",
    script_sha256="ab" * 32,
    finished=1795600000.5,
    machine="m5.xlarge",
    total_jobs=3000,
    total_bytes=3000 * 50_000_000,
    law=Law(base=4.0, per_byte=4e-8, low=0.9, high=1.2),
    jobs=(RehearsedJob("0123456789abcdef", 2_000_000, {"inputs": 0.5, "fiji": 5.5}, 512, 4096, 3),),
)


def test_a_rehearsal_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = rehearsal_path(tmp_path / "files", "Plate")
    assert find_rehearsal(path) is None

    write_rehearsal(path, REHEARSAL)

    assert path.name == "PlateRehearsal.json"
    assert find_rehearsal(path) == REHEARSAL
    assert REHEARSAL.job_seconds == pytest.approx(6.0)


@pytest.mark.parametrize("document", [[], {}, {"law": 3}, {"law": {"base": "long"}, "jobs": []}])
def test_another_file_is_no_rehearsal(tmp_path: Path, document: object) -> None:
    path = rehearsal_path(tmp_path, "Plate")
    path.write_text(json.dumps(document))

    with pytest.raises(InvalidInput, match="not a rehearsal"):
        find_rehearsal(path)
