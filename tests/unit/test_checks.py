"""Decisions of the checks that need neither AWS nor files: networks, quotas, disks, inputs."""

from __future__ import annotations

from typing import Any

import pytest

from distributed_fiji.aws.machinetypes import MachineType
from distributed_fiji.aws.network import WayOut
from distributed_fiji.aws.quotas import quota_code
from distributed_fiji.checks import inputs
from distributed_fiji.checks.cloud import NEEDED, image_findings, network_findings
from distributed_fiji.checks.fit import fit_findings, volume_findings
from distributed_fiji.checks.quotas import quota_findings
from distributed_fiji.jobs import parse_job_file
from distributed_fiji.listedinputs import ListedInputs, listings_for
from distributed_fiji.registry import Answer
from distributed_fiji.settings import Settings, parse_settings

STANDARD = "L-34B43A08"


def settings(**changes: Any) -> Settings:
    values = {"APP_NAME": "Cells", "AWS_BUCKET": "cells", "SCRIPT_DOWNLOAD_URL": "s3://cells/script.py"}
    return parse_settings(values | changes)[0]


def a_type(name: str, vcpus: int = 4) -> MachineType:
    return MachineType(name, vcpus, 16384, ("x86_64",))


def test_memory_that_an_earlier_run_has_seen_goes_before_the_estimate() -> None:
    machine = a_type("m5.xlarge")

    assert not fit_findings(settings(MEMORY=15500), [machine], {"m5.xlarge": 15600})
    assert fit_findings(settings(MEMORY=15000), [machine], {"m5.xlarge": 14000})


QUOTAS = {
    "a thousand": (1000, {STANDARD: 640}, {}, "warn", "4,000 vCPU, this account has 640: 160 machines"),
    "what runs counts": (10, {STANDARD: 64}, {STANDARD: 60}, "warn", "has 64, of which 60 run: 1 machine"),
    "not even one": (3, {STANDARD: 5}, {STANDARD: 4}, "stop", "of which 4 run: 0 machines"),
    "enough": (160, {STANDARD: 640}, {}, "", ""),
    "no figure": (3, {}, {}, "unknown", "names no spot quota"),
}


@pytest.mark.parametrize("name", QUOTAS)
def test_quotas_are_told_in_machines(name: str) -> None:
    machines, quotas, running, severity, words = QUOTAS[name]
    wanted = settings(CLUSTER_MACHINES=machines, MACHINE_TYPE="m5.xlarge")

    found = quota_findings(wanted, [a_type("m5.xlarge")], quotas, running)

    assert [one.severity for one in found] == ([severity] if severity else [])
    assert all(words in one.found and f"quotas/{STANDARD}" in one.next for one in found)


def test_types_of_two_families_count_for_two_quotas() -> None:
    wanted = settings(CLUSTER_MACHINES=10, MACHINE_TYPE=["m5.xlarge", "g4dn.xlarge"])
    types = [a_type("m5.xlarge"), a_type("g4dn.xlarge")]

    assert not quota_findings(wanted, types, {STANDARD: 20, "L-3819A6DF": 20}, {})
    assert quota_findings(wanted, types, {STANDARD: 20, "L-3819A6DF": 0}, {})[0].severity == "warn"
    assert [quota_code(kind) for kind in ("im4gn.large", "vt1.3xlarge", "inf2.xlarge", "dl1.24xlarge")] == [
        STANDARD, "L-3819A6DF", "L-B5D1601B", "L-85EED4F7"
    ]  # fmt: skip


NETWORKS = {
    "a NAT": (False, WayOut("s", internet=False, other=True), ""),
    "a gateway and addresses": (True, WayOut("s", internet=True, other=False), ""),
    "a gateway without addresses": (False, WayOut("s", internet=True, other=False), "stop"),
    "no way": (True, WayOut("s", internet=False, other=False), "stop"),
    "all endpoints": (False, WayOut("s", False, False, frozenset(NEEDED)), ""),
    "S3 alone": (False, WayOut("s", False, False, frozenset({"s3"})), "warn"),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_subnets_without_a_way_out_are_named(name: str) -> None:
    assign, way, severity = NETWORKS[name]

    found = network_findings("registry/image", [way], public=assign)

    assert [one.severity for one in found] == ([severity] if severity else [])


def test_an_image_for_other_machines_is_refused() -> None:
    answer = Answer("there", architectures=frozenset({"x86_64"}))

    assert not image_findings(settings(), answer, "x86_64")
    assert not image_findings(settings(), Answer("there"), "arm64")
    (finding,) = image_findings(settings(), answer, "arm64")
    assert "is for x86_64, but MACHINE_TYPE is arm64" in finding.found


@pytest.mark.parametrize(
    ("gib", "tasks", "severity"), [(1, 4, ""), (3, 4, "warn"), (5, 4, "stop"), (17, 1, "warn")]
)
def test_inputs_that_do_not_fit_on_the_disk_are_named(gib: int, tasks: int, severity: str) -> None:
    found = volume_findings(settings(EBS_VOL_SIZE=30, TASKS_PER_MACHINE=tasks), gib * 2**30)

    assert [one.severity for one in found] == ([severity] if severity else [])


def test_few_listings_hold_all_that_is_wanted() -> None:
    wells = {("b", f"screen/plate{number:03}/A01") for number in range(500)}

    assert listings_for(wells, 8) == [("b", "screen/plate")]
    assert listings_for([("b", "a/x"), ("b", "c/y"), ("d", "")], 8) == [
        ("b", "a/x"),
        ("b", "c/y"),
        ("d", ""),
    ]


def test_inputs_are_found_by_key_by_pattern_by_folder_and_by_value() -> None:
    document = {
        "output_file_location": "out/{W}",
        "inputs": ["p/{W}_*.tif", "p/", "s3://b/p/A_1.tif"],
        "groups": [{"W": "A", "image": "s3://b/p/A_2.tif"}, {"W": "B", "image": "s3://b/p/C.tif"}],
    }
    file = parse_job_file(document, "job.json")
    there = {"p/A_1.tif": 5, "p/A_2.tif": 6, "p/B_1.tif": 0}
    listed = ListedInputs(
        file, "b", lambda *_: ((key, size, False) for key, size in there.items()), values=True
    )

    looked = inputs.compare(file, listed)

    assert looked.largest == 11 + 11 + 5 + 6
    assert looked.lacking == {
        "inputs-empty": [("groups[1]", "s3://b/p/B_1.tif"), ("groups[2]", "s3://b/p/B_1.tif")],
        "inputs-missing": [("groups[2]", "s3://b/p/C.tif")],
    }
    assert [key for _, _, key, _ in looked.heads] == ["p/A_1.tif", "p/A_1.tif"]
    assert [one.severity for one in inputs.input_findings(looked, lambda _: "")] == ["stop", "warn"]


HEADS = [
    (b"II*\0\x08\0\0\0", 100, True),
    (b"MM\0*\0\0\0\x08", 100, True),
    (b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0", 100, True),
    (b"II*\0\xff\0\0\0", 100, False),
    (b"\x89PNG\r\n\x1a\n", 100, False),
    (b"<html>", 6, False),
]


@pytest.mark.parametrize(("head", "size", "opens"), HEADS)
def test_a_tiff_is_known_by_its_head(head: bytes, size: int, opens: bool) -> None:
    assert inputs.is_tiff(head, size) == opens
