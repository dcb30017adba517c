"""Real workers fail for five causes: five groups, `retry` mends one, and all commands agree on the rest."""

from __future__ import annotations

import csv
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from distributed_fiji.aws.clients import Clients
from distributed_fiji.commands.collect import Wish, collect
from distributed_fiji.commands.failures import Failures, read_failures
from distributed_fiji.commands.logs import Logs
from distributed_fiji.commands.retry import Choice, chosen, retry
from distributed_fiji.commands.status import Looker, Seen
from distributed_fiji.review.facts import from_s3
from distributed_fiji.review.platemap import Mark
from distributed_fiji.settings import Settings, parse_settings
from distributed_fiji.state.jobnames import write_names
from distributed_fiji.state.record import Run, new_run
from distributed_fiji.state.submissions import Submission, write_submission
from tests.monitor.builders import EmulatedSession, SteppedClock
from tests.monitor.screen import Screen
from tests.worker import harness
from worker.contract.jobs import Job, job_name

#: Of each cause three jobs fail, in a column of their own.
CAUSES: dict[int, dict[str, str | int]] = {
    1: {"fail": "macro_error", "line": 12, "message": 'Undefined variable "{well}" in line 12'},
    2: {"fail": "macro_error", "line": 30, "message": 'Undefined variable "{well}" in line 30'},
    3: {"fail": "out_of_memory"},
    4: {"names": "", "files": 0},
    5: {"exit": 3, "say": "cells {well}"},
}
COLUMNS = (*CAUSES, 6)

#: What each job leaves that is done.
TABLE = "Area\n1\n2\n"


def jobs(folder: Path) -> list[Job]:
    """Return three jobs of each column; those of column 1 fail only once, those of column 6 never."""
    made = []
    for column in COLUMNS:
        for row in "ABC":
            well = f"{row}{column:02}"
            told = {
                key: value.format(well=well) if isinstance(value, str) else value
                for key, value in CAUSES.get(column, {}).items()
            }
            once = {"once": str(folder / well)} if column == 1 else {}
            metadata = {
                "Plate": "P1",
                "Well": well,
                "names": f"{well}_Results.csv",
                "content": TABLE,
                "bytes": len(TABLE),
            }
            made.append(Job({**metadata, **told, **once}, f"out/{well}"))
    return made


class Lab:
    """A run of workers, seen as the commands see it."""

    def __init__(self, run: harness.Run, clients: Clients) -> None:
        self.run, self.clients = run, clients
        self.settings = self._settings()
        record = new_run(self.settings, started=time.time() - 1, run_id="", local=False)
        self.record: Run = replace(record, log_group="")

    def _settings(self) -> Settings:
        names = {
            "APP_NAME": self.run.app_name,
            "AWS_BUCKET": self.run.bucket,
            "AWS_REGION": self.clients.region,
        }
        queues = {"SQS_QUEUE_NAME": self.run.app_name, "SQS_DEAD_LETTER_QUEUE": f"{self.run.app_name}-dead"}
        return parse_settings(names | queues | {"SCRIPT_DOWNLOAD_URL": "s3://b/script.py"})[0]

    def submit(self, some: list[Job]) -> None:
        """Submit jobs as submitJob does."""
        attributes = self.clients.sqs.get_queue_attributes(
            QueueUrl=self.run.queue_url, AttributeNames=["All"]
        )
        created = attributes["Attributes"]["CreatedTimestamp"]
        ids = tuple(job.job_id for job in some)
        submission = Submission("s1", "job.json", created, time.time(), ids, "out/{Well}", complete=True)
        names = [(job.job_id, job_name(job.metadata)) for job in some]
        write_submission(self.clients.s3, self.run.bucket, self.run.app_name, submission)
        write_names(self.clients.s3, self.run.bucket, self.run.app_name, "s1", names)
        harness.submit(self.run, some)

    def failures(self) -> Failures:
        return read_failures(self.record, self.clients, from_s3(self.clients.s3))

    def status(self) -> Seen:
        return Looker(self.record, self.clients).look(time.time())


@pytest.fixture
def lab(session: EmulatedSession, clients: Clients, tmp_path: Path) -> Iterator[Lab]:
    with harness.a_run(harness.connect(session.data), tmp_path, retries=1) as run:
        yield Lab(run, clients)


def columns_of(found: Failures) -> list[set[int]]:
    """Return which columns the jobs of each group are of."""
    wells = {job: str(one.metadata["Well"]) for job, one in found.by_job.items()}
    return [{int(wells[job][1:]) for job in group.jobs} for group in found.groups]


def test_five_causes_are_five_groups_and_a_retry_mends_one(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "once").mkdir()
    lab.submit(jobs(tmp_path / "once"))
    harness.start_worker(lab.run, EXPECTED_NUMBER_FILES=1)
    harness.wait_until(
        lambda: sum(harness.counts(lab.run, lab.run.dead_url)) == 15, 90, "15 jobs are given up"
    )
    harness.wait_until_settled(lab.run)

    found = lab.failures()

    assert sorted(columns_of(found), key=min) == [{1}, {2}, {3}, {4}, {5}]
    mended = next(group for group in found.groups if group.example.line == 12)
    assert (len(mended.jobs), mended.given_up) == (3, 3)
    assert "column 1" in mended.traits
    logs = Logs(lab.record, lab.clients, from_s3(lab.clients.s3))
    loud = next(group for group, met in zip(found.groups, columns_of(found), strict=True) if met == {5})
    assert len(list(logs.grep(loud.jobs, "cells", found.states))) == 3
    agree(lab, done=3, given_up=15)

    wanted = chosen(Choice(group=mended.key), found)
    clock, terminal = SteppedClock(time.time()), Screen().terminal
    retry(lab.settings, lab.clients, lab.record, wanted, found.states, clock, terminal)
    harness.wait_until_settled(lab.run)

    assert sorted(columns_of(lab.failures()), key=min) == [{2}, {3}, {4}, {5}]
    agree(lab, done=6, given_up=12)
    wish = Wish("*_Results.csv", tmp_path / "all.csv", "plain")
    collected = collect(lab.record, lab.clients, from_s3(lab.clients.s3), wish, terminal)
    assert collected.wells == {"done": 6, "given up": 12}
    with wish.target.open(encoding="utf-8", newline="") as file:
        assert Counter(row["Well"][1:] for row in csv.DictReader(file)) == {"01": 6, "06": 6}


def agree(lab: Lab, *, done: int, given_up: int) -> None:
    """The numbers and the map say what the bucket says."""
    seen = lab.status()
    standing = seen.standing
    assert (standing.total, standing.done, standing.given_up) == (18, done, given_up)
    assert standing.left == standing.not_submitted == 0
    assert Counter(seen.marks.values()) == {Mark.DONE: done, Mark.GIVEN_UP: given_up}
    assert seen.map is not None and sum(map(len, seen.map.plates["P1"].values())) == 18
    manifests = [key for key in harness.keys(lab.run) if "/manifests/" in key]
    assert len(manifests) == done
