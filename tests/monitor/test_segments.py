"""Workers' lines about done jobs: read instead of manifests, and never believed over them."""

from __future__ import annotations

import gzip
import json
import signal
from collections import Counter
from pathlib import Path

from distributed_fiji.aws.clients import Clients
from distributed_fiji.review.facts import DoneJob, Facts, from_s3
from distributed_fiji.review.parallel import Read
from tests.monitor.builders import EmulatedSession
from tests.monitor.test_review import Lab
from tests.worker import harness
from worker.contract.jobs import FACTS, Job, manifest_key, segment_key, state_key
from worker.records.segments import LINES

JOBS = LINES + 8


class Counting:
    """Reads from S3, and counts the keys by their folder in the app's state."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self.read: Counter[str] = Counter()

    def __call__(self, bucket: str, key: str) -> bytes | None:
        self.read[key.split("/")[2]] += 1
        return self._read(bucket, key)


def told(lab: Lab, jobs: list[Job], few: int) -> tuple[list[DoneJob], Counter[str]]:
    """Return what is known of jobs by their ids, and what was read for it."""
    read = Counting(from_s3(lab.clients.s3))
    found = Facts(lab.record, read, lab.clients.s3, few=few).done({job.job_id for job in jobs})
    return sorted(found, key=lambda one: one.job_id), read.read


def test_lines_say_what_manifests_say_and_what_they_miss_is_read(
    session: EmulatedSession, clients: Clients, tmp_path: Path
) -> None:
    jobs = [
        harness.a_job(number, warn="slow" if number < 3 else "", files=number % 2) for number in range(JOBS)
    ]
    with harness.a_run(harness.connect(session.data), tmp_path) as run:
        lab, s3 = Lab(run, clients), clients.s3
        lab.submit(jobs)
        worker = harness.start_worker(run, EXPECTED_NUMBER_FILES=0)
        harness.wait_until_settled(run)
        assert worker.stop() == 0
        from_manifests, read = told(lab, jobs, few=JOBS)
        assert (len(from_manifests), read) == (JOBS, {"manifests": JOBS})

        # A worker that ends has written all: a full object, and the rest.
        assert told(lab, jobs, few=0) == (from_manifests, {FACTS: 2})

        # Jobs that are done again by a worker that is killed have other manifests than their lines.
        lab.submit(jobs[:2])
        killed = harness.start_worker(run, EXPECTED_NUMBER_FILES=0, CHECK_IF_DONE_BOOL=False)
        harness.wait_until_settled(run)
        killed.stop(signal.SIGKILL)
        from_manifests, _ = told(lab, jobs, few=JOBS)
        assert told(lab, jobs, few=0) == (from_manifests, {FACTS: 2, "manifests": 2})

        # What is no line, is of no job, or lies about a manifest, changes nothing.
        etag = s3.head_object(Bucket=run.bucket, Key=manifest_key(run.app_name, jobs[5].job_id))["ETag"]
        lies = [{"job_id": jobs[4].job_id, "etag": "0" * 32}, {"job_id": jobs[5].job_id, "etag": etag}, 7, {}]
        body = gzip.compress("\n".join(map(json.dumps, lies)).encode())
        for number, bad in enumerate([body, b"", b"no gzip", gzip.compress(b"{")]):
            s3.put_object(Bucket=run.bucket, Key=segment_key(run.app_name, "0" * 16, number), Body=bad)
        assert told(lab, jobs, few=0)[0] == from_manifests

        # Without any line, every manifest is read.
        for key in harness.keys(run, state_key(run.app_name, FACTS)):
            s3.delete_object(Bucket=run.bucket, Key=key)
        assert told(lab, jobs, few=0) == (from_manifests, {"manifests": JOBS})
