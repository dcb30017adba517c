"""Which machine types go together with which settings, and what a machine is told: figures of real types."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from distributed_fiji.aws.documents import cpu_units, stuck_alarm
from distributed_fiji.aws.fleetrequest import LaunchSpec, Subnet, launch_templates
from distributed_fiji.aws.machinetypes import MachineType
from distributed_fiji.checks.fit import fit_findings
from distributed_fiji.fleetfile import parse_fleet_file
from distributed_fiji.settings import Settings, parse_settings

#: Size and what ECS registers of it, in MiB, as people have published it; AWS documents no figures.
REGISTERED = {
    "c5.large": (4096, 3704),
    "m5.large": (8192, 7680),
    "c5.xlarge": (8192, 7624),
    "c5.2xlarge": (16384, 15463),
    "t3.medium": (4096, 3828),
}


def settings(**changes: Any) -> Settings:
    values = {"APP_NAME": "Cells", "AWS_BUCKET": "cells", "SCRIPT_DOWNLOAD_URL": "s3://cells/script.py"}
    return parse_settings(values | changes)[0]


def a_type(name: str, vcpus: int = 2, memory: int = 8192, **more: Any) -> MachineType:
    return MachineType(name, vcpus, memory, ("x86_64",), **more)


@pytest.mark.parametrize("name", REGISTERED)
def test_memory_that_passes_the_check_is_memory_that_ecs_registers(name: str) -> None:
    size, registered = REGISTERED[name]
    machine = a_type(name, memory=size)

    assert fit_findings(settings(MEMORY=registered + 1), [machine])
    assert not fit_findings(settings(MEMORY=machine.usable_mib), [machine])
    assert registered - 400 < machine.usable_mib <= registered


def test_machines_of_unlike_size_are_refused_where_one_would_take_anothers_tasks() -> None:
    unlike = [a_type("m5.large"), a_type("m5.xlarge", vcpus=4, memory=16384)]

    (problem,) = fit_findings(settings(MEMORY=1000, TASKS_PER_MACHINE=2), unlike)

    assert "m5.large has 2, m5.xlarge has 4" in problem.found
    assert not fit_findings(settings(MEMORY=1000), unlike)


def test_processors_hold_tasks_per_machine_although_fiji_may_use_fewer() -> None:
    assert cpu_units(settings(TASKS_PER_MACHINE=2, CPU_CORES=1, MEMORY=1000), 8) == 4 * 1024


def test_types_without_spot_and_mixtures_with_burstable_ones_are_refused() -> None:
    (no_spot,) = fit_findings(settings(MEMORY=1000), [a_type("mac1.metal", spot=False)])
    (mixture,) = fit_findings(settings(MEMORY=1000), [a_type("t3.large"), a_type("m5.large")])

    assert "EC2 does not offer mac1.metal as a spot" in no_spot.found
    (too_old,) = fit_findings(settings(MEMORY=1000), [a_type("a1.large")])
    assert "a1.large cannot run Amazon Linux 2023" in too_old.found
    assert "t3.large" in mixture.found
    assert not fit_findings(settings(MEMORY=1000), [a_type("t3.large"), a_type("t3a.large")])


@pytest.mark.parametrize(("machine_type", "credits"), [("t3.large", "standard"), ("m5.large", None)])
def test_burstable_machines_bill_no_surplus_credits(machine_type: str, credits: str | None) -> None:
    specification = parse_fleet_file({}, "fleet.json").specifications[0]
    pools = ((machine_type, Subnet("subnet-1")),)
    machine = LaunchSpec(specification, "ami-1", "/dev/xvda", 30, "profile", pools)

    ((template, _),) = launch_templates(settings(MACHINE_TYPE=machine_type), machine)

    assert template.get("CreditSpecification", {}).get("CpuCredits") == credits
    lines = base64.b64decode(template["UserData"]).decode().splitlines()
    assert 'ECS_INSTANCE_ATTRIBUTES={"distributed-fiji.app": "Cells"}' in lines
    assert "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION=1m" in lines


@pytest.mark.parametrize("processors", [0, 2, 16, 128, 192])
def test_one_busy_thread_keeps_any_machine_alive(processors: int) -> None:
    threshold = stuck_alarm("Cells", "i-1", "us-east-1", processors)["Threshold"]

    assert 0 < threshold <= 1
    assert threshold < 100 / (processors or 896)
