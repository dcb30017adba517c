"""`failures` over a run's bucket: causes in groups, read from what workers left there."""

from __future__ import annotations

import csv
import io
import json

import pytest

from distributed_fiji.aws.clients import Clients
from distributed_fiji.commands.failures import Failures, as_csv, as_json, lines_of, read_failures
from distributed_fiji.errors import InvalidInput
from distributed_fiji.review.facts import from_s3
from tests.monitor.builders import ARun, a_run
from tests.monitor.left import done, failed
from tests.monitor.screen import watch
from worker.contract.jobs import FailureClass, Job


def job(plate: int, column: int) -> Job:
    return Job({"Plate": f"P{plate:02}", "Well": f"B{column:02}"}, f"out/P{plate:02}_{column:02}")


def found_in(run: ARun) -> Failures:
    return read_failures(run.record, run.clients, from_s3(run.clients.s3))


@pytest.fixture
def run(clients: Clients, app: str) -> ARun:
    """Two plates of twelve columns: memory runs out on one of them, a macro fails once, the rest is done."""
    made = a_run(clients, app, machines=1)
    jobs = [job(plate, column) for plate in (1, 2) for column in range(1, 13)]
    made.submit(jobs, sent=False)
    for one in jobs[:-1]:
        if one.metadata["Plate"] == "P02":
            heap = f"FIJI ran out of memory (its heap was {len(one.job_id)}00 MB). Raise MEMORY."
            failed(made, one, FailureClass.OUT_OF_MEMORY, heap, input_bytes=48_000_000)
        else:
            done(made, one, {"a.csv": b"Area\n1\n"}, input_bytes=2_000_000)
    said = ["opened", "java.lang.NullPointerException", "bye"]
    failed(made, jobs[-1], FailureClass.MACRO_ERROR, "The macro failed in line 3.", line=3, console=said)
    return made


def test_the_largest_cause_is_first_with_what_its_jobs_share_and_what_to_run(run: ARun) -> None:
    found = found_in(run)

    text = "\n".join(lines_of(found))

    memory, macro = found.groups
    assert text.startswith("12 jobs failed (0 given up, 12 to be tried again), by 2 causes:\n\n1  [")
    assert f"[{memory.key}]  11 jobs, 92%: out of memory" in text
    assert "All 11: Plate P02, inputs of 48 MB and more" in text
    assert f"retry --group {memory.key} --memory MB" in text
    assert f"[{macro.key}]  1 job, 8%: macro error, line 3" in text
    assert "   | java.lang.NullPointerException\n   What helps: mend the macro" in text
    assert "Plate=P02 Well=B12 (job " in text


def test_programs_read_the_same_as_json_and_csv(run: ARun) -> None:
    found = found_in(run)

    memory, macro = json.loads(as_json(found))
    rows = list(csv.DictReader(io.StringIO(as_csv(found))))

    assert (memory["count"], memory["shared"]) == (11, "Plate P02, inputs of 48 MB and more")
    assert (macro["class"], macro["line"]) == ("macro error", 3)
    assert [row["Group"] for row in rows].count(memory["group"]) == 11
    assert (rows[-1]["Plate"], rows[-1]["Well"], rows[-1]["Line"]) == ("P02", "B12", "3")


def test_a_job_that_was_mended_or_submitted_again_is_not_among_them(run: ARun) -> None:
    done(run, job(2, 12), {"a.csv": b""})
    run.submit([job(2, 1)], sent=False, at=run.record.started + 10_000)

    (group,) = found_in(run).groups

    assert len(group.jobs) == 10
    with pytest.raises(InvalidInput, match=rf"(?s)There is no group 7.*now {group.key}"):
        found_in(run).group("7")


def test_a_run_that_was_taken_down_still_says_why_its_jobs_failed(clients: Clients, app: str) -> None:
    run = a_run(clients, app, machines=1)
    run.submit([job(1, 1), job(1, 2)])
    run.work_off()
    given_up = run.give_up()
    (lost,) = [one for one in (job(1, 1), job(1, 2)) if one.job_id == given_up]
    failed(run, lost, FailureClass.SCRIPT_ERROR, "no cells")
    watch(run)

    found = found_in(run)

    assert found.states.over
    assert next(lines_of(found)) == "1 job failed (1 given up, 0 to be tried again), by 1 cause:"


def test_without_failures_it_says_so(clients: Clients, app: str) -> None:
    run = a_run(clients, app, machines=1)

    found = found_in(run)

    assert list(lines_of(found)) == ["No job has failed."]
    assert (json.loads(as_json(found)), as_csv(found)) == ([], "Group,Job")
