"""`logs` and `resubmit` over a run's bucket and its log group."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from distributed_fiji.aws.clients import Clients
from distributed_fiji.commands.failures import read_failures
from distributed_fiji.commands.logs import Logs, errors_in, job_meant
from distributed_fiji.commands.resubmit import resubmit
from distributed_fiji.commands.retry import jobs_of_well
from distributed_fiji.commands.submit import Manner
from distributed_fiji.errors import InvalidInput
from distributed_fiji.jobs import JobFile, parse_job_file
from distributed_fiji.review.facts import from_s3
from distributed_fiji.review.jobstates import read_states
from tests.monitor.builders import ARun, SteppedClock, a_run
from tests.monitor.flow import Flow
from tests.monitor.left import done, failed
from tests.monitor.screen import Screen
from worker.contract.jobs import FailureClass, Job, log_key, log_line

ONE, OTHER = (Job({"Plate": plate, "Well": "A02"}, f"out/{plate}") for plate in ("P1", "P2"))


@pytest.fixture
def run(clients: Clients, app: str) -> ARun:
    made = a_run(clients, app, machines=1)
    made.submit([ONE, OTHER], sent=False)
    for attempt in (1, 2):
        console = [
            f"attempt {attempt}",
            "java.lang.Exception: no cells",
            *(f"line {n}" for n in range(30)),
            "end",
        ]
        failed(made, ONE, FailureClass.SCRIPT_ERROR, "no cells", attempt=attempt, console=console)
    failed(made, OTHER, FailureClass.SCRIPT_ERROR, "no cells", console=["quiet"])
    return made


@dataclass(frozen=True)
class Place:
    """Where jobs of an app leave something."""

    app: str
    bucket: str
    clients: Clients


def logs_of(run: ARun) -> Logs:
    return Logs(run.record, run.clients, from_s3(run.clients.s3))


def write(run: ARun, stream: str, lines: list[str]) -> None:
    """Write lines to a stream of the run's log group."""
    group, logs = run.record.log_group, run.clients.logs
    with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
    events = [{"timestamp": int(time.time() * 1000), "message": line} for line in lines]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def texts(lines: Iterable[str]) -> list[str]:
    """Return lines without their times."""
    return [line.split(" ", 1)[1] for line in lines]


def test_the_last_attempts_console_is_shown_and_each_other_one_can_be(run: ARun) -> None:
    logs = logs_of(run)

    assert next(logs.lines(ONE.job_id)) == "attempt 2"
    assert next(logs.lines(ONE.job_id, 1)) == "attempt 1"
    with pytest.raises(InvalidInput, match="--attempt 7: the bucket has 1, 2"):
        next(logs.lines(ONE.job_id, 7))
    with pytest.raises(InvalidInput, match="has not run yet"):
        next(logs.lines("0" * 16))


def test_a_done_jobs_console_is_in_its_manifest_and_the_later_one_of_two_attempts_counts(run: ARun) -> None:
    done(run, ONE, {"a.csv": b"1"}, console=["after a retry", "ü"])

    assert list(logs_of(run).lines(ONE.job_id)) == ["after a retry", "ü"]
    assert next(logs_of(run).lines(ONE.job_id, 1)) == "after a retry"
    assert next(logs_of(run).lines(ONE.job_id, 2)) == "attempt 2"


def test_a_running_jobs_lines_come_from_cloudwatch_until_it_has_ended(clients: Clients, app: str) -> None:
    run = a_run(clients, app, machines=1)
    other = f"{OTHER.job_id}/1 {ONE.job_id}/1 is what this prints"
    write(run, "task", [log_line(ONE.job_id, 1, line) for line in ("first", "", "second")] + [other])
    write(run, "another-task", [log_line(ONE.job_id, 2, "of another attempt")])

    def ends() -> None:
        write(run, "task", [log_line(ONE.job_id, 1, "last")])
        clients.s3.put_object(Bucket=run.bucket, Key=log_key(run.app, ONE.job_id, 1), Body=b"whole")

    shown = texts(logs_of(run).lines(ONE.job_id, 1))
    followed = texts(logs_of(run).follow(ONE.job_id, 1, SteppedClock(time.time(), ends)))

    assert shown == ["first", "", "second"]
    assert followed == [*shown, "last"]
    assert texts(logs_of(run).lines(ONE.job_id, 2)) == ["of another attempt"]
    assert texts(logs_of(run).lines(OTHER.job_id)) == [other.partition(" ")[2]]


def test_the_lines_of_a_worker_of_an_earlier_version_which_gave_each_attempt_a_stream_are_found(
    clients: Clients, app: str
) -> None:
    run = a_run(clients, app, machines=1)
    for attempt in (1, 2):
        write(run, f"{ONE.job_id}/{attempt}", [f"attempt {attempt}"])

    assert texts(logs_of(run).lines(ONE.job_id)) == ["attempt 1", "attempt 2"]
    assert texts(logs_of(run).lines(ONE.job_id, 2)) == ["attempt 2"]


def test_a_text_is_found_in_all_jobs_of_a_group(run: ARun) -> None:
    found = read_failures(run.record, run.clients, from_s3(run.clients.s3))

    lines = list(logs_of(run).grep(found.group("1").jobs, "Exception", found.states))

    assert lines == [f"Plate=P1 Well=A02 (job {ONE.job_id}): java.lang.Exception: no cells"]


def test_only_errors_are_kept_with_some_lines_around() -> None:
    lines = [*"abcdef", "Error: x", *"ghijklmnop", "it failed"]

    assert list(errors_in(lines)) == ["…", "e", "f", "Error: x", *"ghijkl", "…", "o", "p", "it failed"]
    assert list(errors_in(["fine"])) == []


def test_a_well_of_several_plates_is_not_guessed(run: ARun) -> None:
    states = read_states(run.record, run.clients)

    assert job_meant(None, jobs_of_well("P2 a2", states), "P2 a2") == OTHER.job_id
    with pytest.raises(InvalidInput, match=f"2 jobs: .*{ONE.job_id}"):
        job_meant(None, jobs_of_well("A02", states), "A02")


def test_only_jobs_that_are_not_done_are_submitted_again(clients: Clients, app: str, tmp_path: Path) -> None:
    flow = Flow(app, tmp_path / app, clients)
    flow.begin()
    flow.setup(clients)
    wells = ("A1", "A2", "A3", "A4")
    jobs = parse_job_file(
        {"output_file_location": "out/{Well}", "groups": [{"Well": well} for well in wells]}, "job.json"
    )
    place = Place(app, flow.settings.AWS_BUCKET, clients)
    script = (flow.folder / "script.ijm").read_bytes()
    for job in list(jobs)[:3]:
        done(place, job, {"a.csv": b"1"}, script=script)
    clients.s3.delete_object(Bucket=flow.settings.AWS_BUCKET, Key="out/A2/a.csv")
    clients.s3.put_object(Bucket=flow.settings.AWS_BUCKET, Key="out/A3/a.csv", Body=b"half of it")

    assert sent_of(flow, jobs) == (3, 1)

    assert [body["Metadata"]["Well"] for body in flow.messages()] == ["A2", "A3", "A4"]
    (flow.folder / "script.ijm").write_text("print('another');")
    assert sent_of(flow, jobs) == (4, 0)


def sent_of(flow: Flow, jobs: JobFile) -> tuple[int, int]:
    clock, terminal = SteppedClock(time.time()), Screen().terminal
    read, manner = from_s3(flow.clients.s3), Manner(flow.folder)
    found = resubmit(flow.settings, flow.clients, ("job.json", jobs), read, clock, terminal, manner)
    return found.sent, found.left_out
