"""What becomes of what scripts leave: nothing in output/ is left out, no job replaces what is not its own."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import pytest

from tests.worker import harness
from tests.worker.harness import Run, a_job, content, failures, submit
from worker.contract.jobids import packed, sorted_numbers
from worker.contract.jobs import Job, state_key

#: Commands of a script, and the outputs that must be in the bucket beside log.txt.
KEPT: dict[str, tuple[str, dict[str, bytes]]] = {
    "links to its own files": (
        "mkdir -p work/deep; echo 12 >work/counts.csv; echo 3 >work/deep/more.csv;"
        " ln -s $PWD/work/counts.csv output/counts.csv; ln -s $PWD/work output/all;"
        " ln -s log.txt output/same.txt",
        {
            "counts.csv": b"12\n",
            "all/counts.csv": b"12\n",
            "all/deep/more.csv": b"3\n",
            "same.txt": b"log 0 log ",
        },
    ),
    "a link to its own temporary file": (
        "echo t >$TMPDIR/t; ln -s $TMPDIR/t output/t.txt",
        {"t.txt": b"t\n"},
    ),
    "output as a link": ("mv output results; ln -s results output", {}),
    "a hard link": ("ln output/log.txt output/log2.txt", {"log2.txt": b"log 0 log "}),
    "a file that it may not read": (
        "echo s >output/secret.txt; chmod 000 output/secret.txt",
        {"secret.txt": b"s\n"},
    ),
    "a folder that it may not enter": (
        "mkdir output/closed; echo s >output/closed/s.txt; chmod 000 output/closed",
        {"closed/s.txt": b"s\n"},
    ),
    "a sparse file": ("truncate -s 100000 output/sparse.bin", {"sparse.bin": 100_000 * b"\0"}),
    "an empty folder": ("mkdir -p output/empty/er", {}),
    "names with anything that is text": (
        "for name in 'a b+c%20&?#.txt' '\u00e4\u00f6.txt' '\U0001f600' '*' '~' '-' '...';"
        ' do echo x >output/"$name"; done',
        dict.fromkeys(("a b+c%20&?#.txt", "äö.txt", "😀", "*", "~", "-", "..."), b"x\n"),
    ),
}

#: Commands of a script, and what the failure must say.
REFUSED = {
    "a link that leads out": (
        "ln -s /etc/hostname output/host.txt",
        "output/host.txt is a link to outside the job's folder (/etc/hostname)",
    ),
    "a link to a folder that leads out": ("ln -s /etc output/etc", "output/etc is a link to outside"),
    "a link that climbs out": ("ln -s ../../.. output/up", "output/up is a link to outside"),
    "a link to the worker's own files": (
        "ln -s ../../control output/control",
        "output/control is a link to outside",
    ),
    "a link to a link that leads out": (
        "ln -s /etc/hostname there; ln -s ../there output/host.txt",
        "output/host.txt is a link to outside",
    ),
    "a link to nothing": ("ln -s gone.csv output/x.csv", "output/x.csv is a link that cannot be followed"),
    "links in a circle": ("ln -s b output/a; ln -s a output/b", "output/a is a link that cannot be followed"),
    "a link to its own folder": ("ln -s . output/again", "output/again is a link that points to itself"),
    "a link to the working directory": ("ln -s .. output/up", "output/up/output is a link that points"),
    "output as a link that leads out": ("rm -r output; ln -s /etc output", "output is a link to outside"),
    "output as a file": ("rm -r output; echo x >output", "output is a file, not a folder"),
    "a pipe": ("mkfifo output/pipe.csv", "output/pipe.csv is a pipe"),
    "a socket": (
        "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"output/s\")'",
        "output/s is a socket",
    ),
    "a name that is no UTF-8": (
        "echo x >output/$(printf 'a\\344.txt')",
        "output/a\\xe4.txt contains an invalid character",
    ),
    "a name with a line break": ("echo x >'output/a\nb.txt'", "contains an invalid character"),
    "a path that is too long for S3": (
        'd=output; for i in 1 2 3 4 5; do d=$d/$(printf "%0240d" $i); done; mkdir -p $d; echo x >$d/x.csv',
        "the S3 limit is 1024",
    ),
    "folders deeper than any path": (
        "cd output; for i in $(seq 1200); do mkdir deeper; cd deeper; done; echo x >x.csv",
        "the S3 limit is 1024",
    ),
    "links that make folders without end": (
        "mkdir output/0; for i in $(seq 30); do mkdir output/$i; for x in a b; do"
        " ln -s ../$((i - 1)) output/$i/$x; done; done",
        "paths to the same folder",
    ),
}


def job_of(number: int, shell: str) -> Job:
    return a_job(number, names="log.txt", content="log", bytes=10, shell=shell)


@pytest.fixture(scope="module")
def jobs() -> dict[str, Job]:
    commands = {name: shell for name, (shell, _) in (*KEPT.items(), *REFUSED.items())}
    return {name: job_of(number, shell) for number, (name, shell) in enumerate(commands.items())}


@pytest.fixture(scope="module")
def after(
    cloud: harness.Cloud, tmp_path_factory: pytest.TempPathFactory, jobs: dict[str, Job]
) -> Iterator[Run]:
    """A run whose jobs have all come to their end, each with one attempt."""
    with harness.a_run(cloud, tmp_path_factory.mktemp("outputs"), retries=1) as run:
        submit(run, jobs.values())
        workers = [harness.start_worker(run) for _ in range(2)]
        harness.wait_until_settled(run, 120)
        for worker in workers:
            worker.stop()
        yield run


@pytest.mark.parametrize("name", KEPT)
def test_what_is_the_jobs_own_is_uploaded(after: Run, jobs: dict[str, Job], name: str) -> None:
    harness.check_done(after, [jobs[name]])
    place = f"{jobs[name].output_file_location}/"

    found = {key.removeprefix(place): content(after, key) for key in harness.keys(after, place)}

    assert found == {"log.txt": b"log 0 log ", **KEPT[name][1]}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_uploaded_fails_the_job_by_its_name(
    after: Run, jobs: dict[str, Job], name: str
) -> None:
    (found,) = failures(after, jobs[name].job_id)

    assert REFUSED[name][1] in found["sentence"]
    assert found["class"] == "outputs that cannot be uploaded"
    assert harness.manifest(after, jobs[name]) is None
    assert not harness.keys(after, f"{jobs[name].output_file_location}/")


def test_nothing_of_it_stays_on_the_machine(after: Run) -> None:
    harness.check_nothing_left(after)


#: The class of what may not be written over.
TAKEN = "outputs of another job or an input"


def well(name: object, **parameters: object) -> Job:
    """Return a job of the original's style: one location for all, a script that names its file alike."""
    values = {"names": "result.txt", "content": f"well {name}", **parameters}
    return Job({"Well": name, **values}, "plate1/results")  # type: ignore[arg-type, dict-item]


def settle(run: Run, jobs: list[Job], **changes: object) -> None:
    """Send jobs and let one worker bring all to their end."""
    submit(run, jobs)
    worker = harness.start_worker(run, **changes)
    harness.wait_until_settled(run)
    worker.stop()


def test_of_jobs_with_one_output_one_is_done_and_the_others_name_it(run: Run) -> None:
    jobs = [well("A01"), well("A02"), well(0), well("0")]
    submit(run, jobs)
    for _ in range(2):
        harness.start_worker(run)
    harness.wait_until_settled(run)

    dead = harness.check_settled(run, jobs)

    (done,) = [job for job in jobs if job not in dead]
    assert harness.keys(run, "plate1/") == ["plate1/results/result.txt"]
    for job in dead:
        # FIJI ran once: whoever received it after that gave it up.
        first, *others = failures(run, job.job_id)
        assert first["class"] == TAKEN and not any(other["class"] for other in others)
        assert f"an output of the job Well={done.metadata['Well']}" in first["sentence"]
        assert "{Well}" in first["sentence"] and "output_file_location" in first["sentence"]


def test_one_location_for_all_goes_on_where_file_names_differ(run: Run) -> None:
    jobs = [well(name, names=f"{name}.csv,shared/{name}.txt") for name in ("A01", "A02", "A03")]
    settle(run, jobs)

    harness.check_done(run, jobs)
    assert len(harness.keys(run, "plate1/")) == 6


def test_locations_that_lie_in_each_other_do_not_mix(run: Run) -> None:
    outer = a_job(1, location="plate", names="deep/a.csv")
    inner = a_job(2, location="plate/deep", names="a.csv")
    settle(run, [outer, inner])

    assert len(harness.check_settled(run, [outer, inner])) == 1


def test_two_apps_in_one_bucket_do_not_mix(run: Run) -> None:
    jobs = [well("A01"), well("A02")]
    settle(run, jobs[:1])
    settle(run, jobs[1:], APP_NAME="Other")

    (found,) = [item for item in failures_of(run, "Other", jobs[1].job_id) if item]
    assert (
        f'the job Well=A01 names=result.txt content="well A01" of the app {run.app_name}' in found["sentence"]
    )
    harness.check_done(run, jobs[:1])


def failures_of(run: Run, app: str, job_id: str) -> list[dict[str, object] | None]:
    return [harness.read_json(run, state_key(app, "failures", job_id, "1.json"))]


def submission(run: Run, name: str, life: str, jobs: list[Job], job_file: str = "job.json") -> None:
    """Leave the record that submitJob leaves; submission 1 is of a version that listed the jobs' ids."""
    ids = [job.job_id for job in jobs]
    document = {
        "submission_id": name,
        "job_file": job_file,
        "queue_created": life,
        "submitted_at": time.time(),
        "job_ids": ids if name == "1" else packed(sorted_numbers(ids)),
    }
    key = state_key(run.app_name, "submissions", f"{name}.json")
    run.cloud.s3.put_object(Bucket=run.bucket, Key=key, Body=json.dumps(document).encode())


@pytest.fixture
def renewed(run: Run) -> Callable[[], None]:
    """Give the run a queue of a new life, as `setup` does after the last run was taken down."""

    def renew() -> None:
        answer = run.cloud.sqs.get_queue_attributes(QueueUrl=run.queue_url, AttributeNames=["All"])
        run.cloud.sqs.delete_queue(QueueUrl=run.queue_url)
        time.sleep(1.1)
        kept = {name: answer["Attributes"][name] for name in ("RedrivePolicy", "VisibilityTimeout")}
        run.queue_url = run.cloud.sqs.create_queue(QueueName=f"{run.app_name}-2", Attributes=kept)["QueueUrl"]

    return renew


def test_results_of_an_earlier_run_are_replaced(run: Run, renewed: Callable[[], None]) -> None:
    first, second = well("A01", sigma=1), well("A01", sigma=2)
    submission(run, "1", "earlier", [first])
    settle(run, [first])
    renewed()
    submission(run, "2", "now", [second])

    settle(run, [second])

    harness.check_done(run, [second])


def test_what_is_skipped_in_this_run_is_not_replaced(run: Run, renewed: Callable[[], None]) -> None:
    jobs = [well("A01"), well("A02")]
    submission(run, "1", "earlier", jobs)
    settle(run, jobs[:1])
    renewed()
    submission(run, "2", "now", jobs)

    settle(run, jobs)

    assert harness.check_settled(run, jobs) == jobs[1:]


def test_a_job_that_failed_for_another_fails_when_it_is_redriven(
    run: Run, renewed: Callable[[], None]
) -> None:
    jobs = [well("A01"), well("A02")]
    submission(run, "1", "earlier", jobs)
    settle(run, jobs[:1])
    renewed()
    submission(run, "2", "now", jobs[1:], job_file="redrive")

    settle(run, jobs[1:])

    assert harness.check_settled(run, jobs) == jobs[1:]


def test_jobs_that_nobody_recorded_do_not_replace_what_still_holds(
    run: Run, renewed: Callable[[], None]
) -> None:
    jobs = [well("A01"), well("A02")]
    settle(run, jobs[:1])
    renewed()

    settle(run, jobs)

    assert harness.check_settled(run, jobs) == jobs[1:]


def test_what_a_person_left_there_is_replaced_but_inputs_are_not(run: Run) -> None:
    for key in ("plate1/results/result.txt", "in/a.tif", "in/b.tif"):
        run.cloud.s3.put_object(Bucket=run.bucket, Key=key, Body=b"mine")
    value = f"s3://{run.bucket}/in/a.tif"
    over = [
        a_job(1, location="in", names="a.tif.txt,a.tif", inputs=["in/a.*"]),
        a_job(2, location="in", names="a.tif.txt,a.tif", image=value),
        a_job(3, location="in", names="b.tif", inputs=["in/a.tif"]),
    ]
    # Images are not looked into, as NECESSARY_STRING lets none of them count that do not open.
    settle(run, [well("A01"), *over], EXPECTED_NUMBER_FILES=0)

    harness.check_done(run, [well("A01")])
    assert harness.check_settled(run, [well("A01"), *over]) == over
    told = [failures(run, job.job_id)[-1]["sentence"] for job in over]
    assert [f"s3://{run.bucket}/in/a.tif is an input of this job" in line for line in told] == [
        True,
        True,
        False,
    ]
    assert f"s3://{run.bucket}/in/b.tif is beside this job's inputs" in told[2]
    assert {content(run, key) for key in ("in/a.tif", "in/b.tif")} == {b"mine"}


@pytest.mark.parametrize("name", ["distributed-fiji/x.json", "exportedlogs/x.txt"])
def test_no_output_goes_into_the_state_of_runs(run: Run, name: str) -> None:
    job = Job({"names": name}, "")
    settle(run, [job])

    *_, last = failures(run, job.job_id)
    folder = name.partition("/")[0]
    assert f"output/{folder} is inside {folder}/" in last["sentence"]
    assert harness.manifest(run, job) is None


def test_an_input_that_is_left_as_a_link_is_uploaded(run: Run) -> None:
    run.cloud.s3.put_object(Bucket=run.bucket, Key="in/a.txt", Body=b"from the plate")
    link = "ln -s $(ls -d $PWD/input/a.txt) output/original.txt"
    job = a_job(1, inputs=["in/a.txt"], shell=link)
    settle(run, [job])

    harness.check_done(run, [job])
    assert content(run, "results/1/original.txt") == b"from the plate"
