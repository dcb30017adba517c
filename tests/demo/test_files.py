"""The demo's job file, settings and script fit each other, and the example job file is valid."""

from __future__ import annotations

import re
from fnmatch import fnmatch

from distributed_fiji.fleetfile import read_fleet_file
from distributed_fiji.jobs import read_job_file
from distributed_fiji.settings import load_settings
from tests.demo.conftest import DEMO, REPOSITORY
from worker.contract.jobs import decode_message, encode_message

WELLS = [f"{row}{column:02d}" for row in "ABCD" for column in range(1, 7)]


def parameters_of_script() -> set[str]:
    script = (DEMO / "segment_nuclei.ijm").read_text(encoding="utf-8")
    return set(re.findall(r"^#@ \w+ +\(.*\) (\w+)$", script, re.MULTILINE))


def test_the_job_file_has_a_job_of_its_own_for_every_well() -> None:
    jobs = list(read_job_file(DEMO / "job.json"))

    assert [job.metadata["Well"] for job in jobs] == WELLS
    assert len({job.job_id for job in jobs}) == len(WELLS)
    assert len({job.output_file_location for job in jobs}) == len(WELLS)
    assert [decode_message(encode_message(job)) for job in jobs] == jobs


def test_each_job_asks_for_exactly_its_wells_images() -> None:
    keys = [f"demo/plate/Demo1/{well}_s{site}.tif" for well in WELLS for site in (1, 2)]

    for job in read_job_file(DEMO / "job.json"):
        wanted = [key for key in keys for pattern in job.inputs if fnmatch(key, pattern)]
        assert wanted == [f"demo/plate/Demo1/{job.metadata['Well']}_s{site}.tif" for site in (1, 2)]


def test_every_shared_value_is_a_parameter_of_the_script() -> None:
    job = next(iter(read_job_file(DEMO / "job.json")))
    of_the_worker = {"input_dir", "output_dir"}

    assert set(job.shared_metadata) == parameters_of_script() - {"Plate", "Well"} - of_the_worker
    assert {"Plate", "Well"} <= set(job.metadata)


def test_the_settings_load_without_a_warning_and_name_the_script() -> None:
    settings, warnings = load_settings(DEMO / "config.py")

    assert warnings == []
    assert (settings.APP_NAME, settings.AWS_BUCKET, settings.tasks) == ("FijiDemo", "demo-bucket", 2)
    script = DEMO / settings.SCRIPT_DOWNLOAD_URL  # setup reads a relative path from the config's folder
    assert script.name == "segment_nuclei.ijm" and script.is_file()


def test_the_fleet_file_is_a_valid_short_form() -> None:
    fleet = read_fleet_file(DEMO / "fleet.json")

    assert (fleet.warnings, len(fleet.specifications)) == ((), 1)


def test_the_example_job_file_is_valid_and_has_two_jobs() -> None:
    job_file = read_job_file(REPOSITORY / "files" / "exampleJob.json")

    assert len(list(job_file)) == 2
    assert (job_file.duplicates, job_file.warnings) == ((), ())
