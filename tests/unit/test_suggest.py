"""What a rehearsal suggests is a table of what was measured."""

from __future__ import annotations

from typing import Any

import pytest

from distributed_fiji.aws.machinetypes import MachineType
from distributed_fiji.commands.suggest import candidates, suggest
from distributed_fiji.settings import parse_settings
from distributed_fiji.state.rehearsal import RehearsedJob

SIZES = {"large": 1, "xlarge": 2, "2xlarge": 4, "4xlarge": 8}
MEMORY = {"c5": 4096, "m5": 8192, "r5": 16384}
OTHERS = [
    MachineType(f"{family}.{size}", 2 * times, memory * times, ("x86_64",))
    for family, memory in MEMORY.items()
    for size, times in SIZES.items()
]
GB = 10**9


def suggested(own: str, seconds: float, cores: float, fiji_mb: float, **settings: Any) -> dict[str, Any]:
    values = {"APP_NAME": "A", "AWS_BUCKET": "my-bucket", "SCRIPT_DOWNLOAD_URL": "a.ijm", "EBS_VOL_SIZE": 22}
    jobs = [RehearsedJob("0" * 16, GB, {"fiji": seconds}, 500, GB, 2, cores=cores)]
    types = [item for item in OTHERS if item.name == own]
    found = suggest(parse_settings({**values, **settings})[0], jobs, fiji_mb, (GB, GB), 2, (types, OTHERS))
    return {one.name: one.value for one in found}


@pytest.mark.parametrize(
    ("own", "cores", "fiji_mb", "tasks", "kind"),
    [
        ("m5.xlarge", 1.0, 2000, 4, "m5.xlarge"),  # as it is: every processor has a task
        ("m5.xlarge", 4.0, 2000, 1, "m5.xlarge"),  # one job uses the whole machine
        ("c5.large", 1.0, 6000, 7, "r5.2xlarge"),  # too small for one task
        ("c5.4xlarge", 1.0, 12000, 7, "r5.4xlarge"),  # one task would leave most of 16 processors idle
        ("m5.large", 1.0, 90000, 1, "r5.4xlarge"),  # only the largest has the memory
    ],
)
def test_tasks_and_types_fit_what_a_job_uses(
    own: str, cores: float, fiji_mb: float, tasks: int, kind: str
) -> None:
    found = suggested(own, 30, cores, fiji_mb)

    item = next(one for one in OTHERS if one.name == found["MACHINE_TYPE"][0])
    assert found["TASKS_PER_MACHINE"] * found["MEMORY"] <= item.usable_mib
    assert (found["TASKS_PER_MACHINE"], found["MACHINE_TYPE"]) == (tasks, [kind])


def test_where_no_machine_fits_none_is_suggested() -> None:
    assert "MACHINE_TYPE" not in suggested("m5.large", 30, 1.0, 500_000)


@pytest.mark.parametrize(
    ("seconds", "minutes", "visibility", "beat"),
    [(3, 10, 60, 20), (60, 10, 120, 40), (600, 50, 180, 60), (20000, 660, 180, 60)],
)
def test_time_limits_follow_the_jobs(seconds: float, minutes: int, visibility: int, beat: int) -> None:
    found = suggested("m5.xlarge", seconds, 1.0, 2000)

    assert (found["JOB_TIMEOUT_MINUTES"], found["SQS_MESSAGE_VISIBILITY"]) == (minutes, visibility)
    assert found["HEARTBEAT_SECONDS"] == beat and found["STALL_TIMEOUT_MINUTES"] == min(60, minutes)


def test_what_is_suggested_is_a_config_and_the_disk_never_shrinks() -> None:
    found = suggested("m5.xlarge", 30, 1.0, 2000)
    base = {"APP_NAME": "A", "AWS_BUCKET": "my-bucket", "SCRIPT_DOWNLOAD_URL": "a.ijm"}
    settings, _ = parse_settings(base | found)

    assert settings.EBS_VOL_SIZE == 22 + 4 * (3 + 2) and settings.EXPECTED_NUMBER_FILES == 2
    assert suggested("m5.xlarge", 30, 1.0, 2000, EBS_VOL_SIZE=500)["EBS_VOL_SIZE"] == 500


def test_types_are_compared_within_their_architecture() -> None:
    assert candidates([MachineType("m7g.large", 2, 8192, ("arm64",))])[0] == "c6g.large"
    assert {item.name for item in OTHERS} == set(candidates([]))
