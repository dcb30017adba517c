"""The way of one job through a real worker process: inputs, FIJI (a stand-in), outputs, manifest, message."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from tests import emulators
from tests.worker import harness
from tests.worker.harness import Run, a_job, submit
from worker.contract.jobs import log_key, state_key


def work_off(run: Run, **changes: object) -> harness.WorkerProcess:
    worker = harness.start_worker(run, **changes)
    harness.wait_until_settled(run)
    assert worker.stop() == 0
    return worker


def test_a_job_is_done_and_its_manifest_tells_how(run: Run) -> None:
    job = a_job(1, files=2)
    submit(run, [job])

    worker = work_off(run)

    harness.check_done(run, [job])
    document = harness.manifest(run, job)
    assert document
    assert [output["key"] for output in document["outputs"]] == ["results/1/out0.bin", "results/1/out1.bin"]
    assert document["script_sha256"] == hashlib.sha256(b"# a script for the stand-in\n").hexdigest()
    assert document["attempt"] == 1
    assert document["versions"]["fiji"] == "a stand-in"
    assert document["peak_memory_mb"] > 0
    assert "line 1" in document["console"]
    assert not harness.keys(run, state_key(run.app_name, "logs")), "a small console costs no object"
    assert not harness.keys(run, state_key(run.app_name, "claims")), "a first run costs no claim"
    (line,) = worker.lines()
    assert (line["job"], line["attempt"], line["outcome"]) == (job.job_id, 1, "DONE")
    assert set(line["seconds"]) >= {"look", "inputs", "fiji", "upload", "commit", "settle"}
    harness.check_nothing_left(run)


def test_a_long_console_and_that_of_a_failed_job_are_objects(run: Run) -> None:
    long, failed = a_job(1, print=1_000), a_job(2, fail="script_error")
    submit(run, [long, failed])

    work_off(run)

    document = harness.manifest(run, long)
    assert document
    assert "console" not in document
    assert b"line 1000" in harness.content(run, log_key(run.app_name, long.job_id, 1))
    assert b"as told" in harness.content(run, log_key(run.app_name, failed.job_id, 1))


def test_parameters_arrive_as_sent(run: Run) -> None:
    values = {"date": "2024-01-02", "year": "007", "quote": 'it\'s "so"\n\\ü€', "n": 7, "x": 1.5, "yes": True}
    submit(run, [a_job(1, echo=True, **values)])

    work_off(run)

    arrived = json.loads(harness.content(run, "results/1/parameters.json"))
    assert {name: arrived[name] for name in values} == values


def test_the_same_way_leads_through_moto(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with emulators.moto(tmp_path) as url, harness.a_run(harness.connect(url), tmp_path / "run") as run:
        jobs = [a_job(number) for number in range(3)]
        broken = a_job(9, fail="script_error")
        submit(run, [*jobs, broken], times=2)

        work_off(run)

        assert harness.check_settled(run, [*jobs, broken]) == [broken]
