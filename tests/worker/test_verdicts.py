"""No failed job is called done, no good one failed: each way of ending through a real worker process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.worker import harness
from tests.worker.harness import Run, a_job, submit
from worker.contract.jobs import Job, Value

#: What the stand-in is told, and the class of the failure that must follow.
FAILURES: dict[str, tuple[dict[str, Value], str]] = {
    "a script error": ({"fail": "script_error", "message": "division by zero", "line": 7}, "script error"),
    "a macro error": ({"fail": "macro_error", "message": "Undefined variable", "line": 3}, "macro error"),
    "a parameter that does not fit": ({"fail": "parameter", "message": "'n' is no number"}, "script error"),
    "a script that was cancelled": ({"fail": "cancelled"}, "script error"),
    "no display": ({"fail": "needs_display"}, "needs a display"),
    "no display, told as an exception": (
        {"fail": "script_error", "message": "java.awt.HeadlessException"},
        "needs a display",
    ),
    "no memory, told as an exception": (
        {"fail": "script_error", "message": "java.lang.OutOfMemoryError: Java heap space"},
        "out of memory",
    ),
    "no outputs": ({"files": 0, "print": 80}, "outputs missing or too small"),
    "small outputs": ({"bytes": 3}, "outputs missing or too small"),
    "an image that does not open": ({"names": "out.tif"}, "outputs missing or too small"),
    "an exit code without a result": ({"exit": 5}, "script error"),
    "an end without a result": ({"exit": 0}, "script error"),
    "an exit from outside": ({"exit": -9}, "script error"),
    "a disk that is full": ({"fail": "script_error", "message": "No space left on device"}, "disk full"),
    "no sign of life": ({"alive": False, "exit": 1}, "FIJI did not start"),
    "silence": ({"hang": "silent"}, "stalled"),
    "silence on closed streams": ({"hang": "closed"}, "stalled"),
    "an end that is refused": ({"hang": "term"}, "stalled"),
    "an end that is heard": ({"hang": "polite"}, "stalled"),
    "endless noise": ({"hang": "noisy"}, "timed out"),
}
#: What FIJIs that do not start print, and what that means.
DEATHS = {
    "Error occurred during initialization of boot layer\n"
    "java.lang.module.FindException: Module javafx.base not found": "A reduced Java",
    'Exception in thread "AWT-EventQueue-0" java.awt.HeadlessException\n'
    "\tat org.scijava.launcher.Dialogs.lambda$ask$0(Dialogs.java:77)": "asked about its Java in a dialog",
    "[ERROR] Invalid service: net.imagej.legacy.LegacyService": "does not open java.lang",
    "java.lang.UnsupportedClassVersionError: net/imagej/Main": "too old for this FIJI",
}
SUCCESSES: dict[str, dict[str, Value]] = {
    "much that looks like an error": {"print": 2000, "content": "[ERROR] not at all"},
    "a process left in the group": {"spawn": "group"},
    "a process left in another session": {"spawn": "session"},
    "a daemon without environment that writes to outputs": {"spawn": "daemon"},
    "a JVM that stays after its result": {"hang": "result"},
    "silent work": {"busy": 3, "busy_by": "processor"},
    "silent work of a child": {"busy": 3, "busy_by": "child"},
    "silent reading": {"busy": 3, "busy_by": "reading"},
}


@pytest.fixture(scope="module")
def jobs() -> dict[str, Job]:
    told = {**{name: values for name, (values, _) in FAILURES.items()}, **SUCCESSES}
    return {name: a_job(number, **values) for number, (name, values) in enumerate(told.items())}


@pytest.fixture(scope="module")
def after(
    cloud: harness.Cloud, tmp_path_factory: pytest.TempPathFactory, jobs: dict[str, Job]
) -> Iterator[Run]:
    """A run whose jobs have all come to their end, each with one attempt."""
    with harness.a_run(cloud, tmp_path_factory.mktemp("verdicts"), retries=1) as run:
        submit(run, jobs.values())
        workers = [
            harness.start_worker(
                run,
                MIN_FILE_SIZE_BYTES=10,
                STALL_TIMEOUT_MINUTES=1.2 / 60,
                JOB_TIMEOUT_MINUTES=6 / 60,
            )
            for _ in range(4)
        ]
        harness.wait_until_settled(run, 90)
        for worker in workers:
            worker.stop()
        yield run


@pytest.mark.parametrize("name", FAILURES)
def test_what_fails_is_recorded_with_its_class(after: Run, jobs: dict[str, Job], name: str) -> None:
    values, expected = FAILURES[name]

    (found,) = harness.failures(after, jobs[name].job_id)

    assert found["class"] == expected
    assert str(values.get("message", "")) in found["sentence"] or expected in ("out of memory", "disk full")
    assert found["line"] == values.get("line")
    assert harness.manifest(after, jobs[name]) is None


@pytest.mark.parametrize("name", SUCCESSES)
def test_what_ends_well_is_done(after: Run, jobs: dict[str, Job], name: str) -> None:
    harness.check_done(after, [jobs[name]])
    assert harness.failures(after, jobs[name].job_id) == []


def test_each_is_done_or_a_dead_letter_and_nothing_is_left(after: Run, jobs: dict[str, Job]) -> None:
    dead = harness.check_settled(after, jobs.values())

    assert {job.job_id for job in dead} == {jobs[name].job_id for name in FAILURES}
    assert not [key for job in dead for key in harness.keys(after, f"{job.output_file_location}/")]
    harness.check_nothing_left(after)
    assert not [one for one in psutil.process_iter(["cmdline"]) if "echo more >>" in str(one.info["cmdline"])]


def test_a_failure_is_recorded_with_the_last_fifty_lines(after: Run, jobs: dict[str, Job]) -> None:
    (found,) = harness.failures(after, jobs["no outputs"].job_id)

    assert found["console"] == [f"line {number}" for number in range(31, 81)]


def test_what_a_run_has_used_is_recorded(after: Run, jobs: dict[str, Job]) -> None:
    (idle,) = harness.failures(after, jobs["silence"].job_id)
    busy = harness.manifest(after, jobs["silent work"])
    reading = harness.manifest(after, jobs["silent reading"])

    assert busy and reading
    assert 2 * idle["usage"]["cpu_seconds"] < busy["usage"]["cpu_seconds"]
    assert reading["usage"]["read_bytes"] > 10 * 2**20
    assert "printed nothing and hardly used processor or disk" in idle["sentence"]
    assert " s of processor time, read " in idle["sentence"]


def test_fiji_is_asked_to_end_before_it_is_killed(after: Run, jobs: dict[str, Job]) -> None:
    (found,) = harness.failures(after, jobs["an end that is heard"].job_id)

    assert found["console"][-1] == "asked to end"


def test_nothing_of_a_job_stays_on_disk_while_the_worker_waits(cloud: harness.Cloud, tmp_path: Path) -> None:
    with harness.a_run(cloud, tmp_path, retries=1) as run:
        run.cloud.s3.put_object(Bucket=run.bucket, Key="in/a.txt", Body=b"A")
        jobs = [
            a_job(1, image=f"s3://{run.bucket}/in/a.txt"),
            a_job(2, fail="script_error", image=f"s3://{run.bucket}/in/a.txt"),
            a_job(3, image=f"s3://{run.bucket}/no/such.txt"),
            a_job(4, hang="silent"),
        ]
        submit(run, jobs)
        worker = harness.start_worker(run, STALL_TIMEOUT_MINUTES=1 / 60)
        harness.wait_until_settled(run)
        (scratch,) = run.scratch.iterdir()

        left = [*scratch.glob("runs/*"), *scratch.glob("staging/*")]
        harness.wait_until(lambda: not any(path.exists() for path in left), 5, f"{left} are gone")
        worker.stop()


def test_a_fiji_that_does_not_know_the_runner_costs_no_job_an_attempt(run: Run) -> None:
    submit(run, [a_job(1)])

    worker = harness.start_worker(run, FAKE_FIJI_RUNNER="off")

    assert worker.process.wait(30) == 1
    assert (
        "This FIJI does not know the runner: `python -m worker.imagej.install --runner-only" in worker.text()
    )
    assert harness.counts(run) == (1, 0)
    harness.check_nothing_left(run)


@pytest.mark.parametrize("said", DEATHS)
def test_a_fiji_that_does_not_start_says_why_by_its_first_error(run: Run, said: str) -> None:
    trace = "".join(f"\n\tat java.base/java.lang.Thread.run(Thread.java:{line})" for line in range(3))

    worker = harness.start_worker(run, FAKE_FIJI_STANDBY=f"says {said}{trace}", LOG_FORMAT="text")

    assert worker.process.wait(30) == 1
    assert DEATHS[said] in worker.text()
    assert said.splitlines()[0] in worker.text()


def test_what_will_fail_again_is_tried_twice_and_reaches_the_dead_letters(
    cloud: harness.Cloud, tmp_path: Path
) -> None:
    with harness.a_run(cloud, tmp_path, retries=5) as run:
        failing = {
            "script error": a_job(1, fail="script_error"),
            "outputs missing or too small": a_job(2, files=0),
            "input missing": a_job(3, image=f"s3://{run.bucket}/no/such.tif"),
            "stalled": a_job(4, hang="silent"),
        }
        submit(run, failing.values())

        worker = harness.start_worker(run, STALL_TIMEOUT_MINUTES=1 / 60)
        harness.wait_until_settled(run)
        worker.stop()

        assert harness.check_settled(run, failing.values()) == list(failing.values())
        for failure, job in failing.items():
            assert [record["class"] for record in harness.failures(run, job.job_id)] == [failure] * 2
            assert f"{failure} 2 times with this script" in worker.text()


def test_out_of_memory_is_tried_again_with_more_of_it(run: Run) -> None:
    hungry, too_hungry = a_job(1, heap=1500), a_job(2, heap=10_000)
    submit(run, [hungry, too_hungry])

    worker = harness.start_worker(run, MEMORY=2048)
    harness.wait_until_settled(run)
    worker.stop()

    assert harness.check_settled(run, [hungry, too_hungry]) == [too_hungry]
    assert [record["class"] for record in harness.failures(run, too_hungry.job_id)] == ["out of memory"] * 2
    (first,) = harness.failures(run, hungry.job_id)
    document = harness.manifest(run, hungry)
    assert document
    assert first["class"] == "out of memory"
    assert document["heap_mb"] > 1500 > first["heap_mb"]
