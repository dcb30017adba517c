"""However a worker ends, its job is done once and its message is back in time."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests import emulators
from tests.worker import harness
from tests.worker.harness import Run, a_job, submit, wait_until


def wait_for_start(run: Run, name: str = "job") -> None:
    wait_until(lambda: harness.starts(run, name), what="FIJI has started")


def test_an_idle_worker_leaves_when_asked(run: Run) -> None:
    worker = harness.start_worker(run)
    wait_until(lambda: "waits for jobs" in worker.text())

    assert worker.stop() == 0

    assert "SIGTERM" in worker.text()
    harness.check_nothing_left(run)


def test_a_job_that_cannot_finish_is_given_back_at_once(run: Run) -> None:
    job, ahead = a_job(1, sleep=600, spawn="session"), a_job(2, sleep=600)
    submit(run, [job])
    worker = harness.start_worker(run, STOP_GRACE_SECONDS=1)
    wait_for_start(run)
    submit(run, [ahead])
    asked_at = time.monotonic()

    worker.process.send_signal(signal.SIGTERM)
    wait_until(lambda: harness.counts(run) == (2, 0), 10, "both messages are visible")

    assert worker.process.wait(10) == 0
    assert time.monotonic() - asked_at < 10
    assert {line["outcome"] for line in worker.lines()} == {"INTERRUPTED"}
    assert harness.failures(run, job.job_id) == []
    harness.check_nothing_left(run)


def test_a_job_that_can_finish_does_and_the_one_taken_ahead_goes_back(run: Run) -> None:
    jobs = [a_job(number, sleep=2, trace_name=f"job{number}") for number in range(3)]
    submit(run, jobs)
    worker = harness.start_worker(run, STOP_GRACE_SECONDS=8)
    wait_until(lambda: harness.counts(run) == (1, 2), what="one is in FIJI and one taken ahead")
    wait_until(lambda: list(run.traces.iterdir()), what="FIJI has started")

    worker.process.send_signal(signal.SIGTERM)
    wait_until(lambda: harness.counts(run) == (2, 1), 4, "the one taken ahead is visible")

    assert worker.process.wait(10) == 0
    assert sorted(line["outcome"] for line in worker.lines()) == ["DONE", "INTERRUPTED"]
    assert harness.counts(run) == (2, 0)
    assert len(harness.keys(run, f"distributed-fiji/{run.app_name}/manifests/")) == 1
    harness.check_nothing_left(run)


def test_a_killed_worker_loses_nothing_and_leaves_no_fiji(run: Run) -> None:
    job = a_job(1, sleep=1.5)
    submit(run, [job])
    killed = harness.start_worker(run, SQS_MESSAGE_VISIBILITY=3, HEARTBEAT_SECONDS=1)
    wait_for_start(run)

    killed.process.kill()
    killed.process.wait()

    wait_until(lambda: not harness.processes(run), 5, "FIJI has gone with its worker")
    worker = harness.start_worker(run)
    harness.wait_until_settled(run)
    worker.stop()
    assert harness.check_settled(run, [job]) == []
    assert len(harness.starts(run)) == 2
    harness.check_nothing_left(run)


def test_a_job_of_many_visibilities_is_started_once(run: Run) -> None:
    job = a_job(1, sleep=5)
    submit(run, [job])
    workers = [harness.start_worker(run, SQS_MESSAGE_VISIBILITY=1, HEARTBEAT_SECONDS=0.3) for _ in range(2)]
    harness.wait_until_settled(run)
    for worker in workers:
        worker.stop()

    assert harness.check_settled(run, [job]) == []
    assert len(harness.starts(run)) == 1


def test_a_job_whose_heartbeats_do_not_land_is_stopped_before_the_lease_ends(
    run: Run, tmp_path: Path
) -> None:
    job = a_job(1, sleep=3, content="random")
    submit(run, [job])
    with emulators.microburst(tmp_path, run.cloud.url) as proxy:
        beats = {"service": "sqs", "operation": "ChangeMessageVisibility", "timeout_ms": 2_000}
        emulators.set_faults(proxy, beats)
        lonely = harness.start_worker(
            run, AWS_ENDPOINT_URL=proxy, SQS_MESSAGE_VISIBILITY=3, HEARTBEAT_SECONDS=0.6
        )
        wait_for_start(run)
        wait_until(lambda: lonely.lines(), 3, "the job has been stopped")
        lonely.process.kill()
        assert emulators.fired_faults(proxy)
    assert [line["outcome"] for line in lonely.lines()] == ["LEASE_LOST"]
    assert harness.manifest(run, job) is None
    assert harness.keys(run, "results/") == []

    other = harness.start_worker(run)
    harness.wait_until_settled(run)
    other.stop()

    assert harness.check_settled(run, [job]) == []


class Notices:
    """A metadata service that answers as it is told, in turn; the last answer stays."""

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers)
        self.asked = 0
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                self.answer(200, "token")

            def do_GET(self) -> None:
                if not self.path.endswith("spot/instance-action"):
                    self.answer(200, f"i-of-{self.path.rsplit('/', 1)[-1]}")
                    return
                service.asked += 1
                code = service.answers.pop(0) if len(service.answers) > 1 else service.answers[0]
                if code == 0:
                    time.sleep(30)
                when = datetime.now(timezone.utc) + timedelta(seconds=21)
                self.answer(code, f'{{"action": "terminate", "time": "{when:%Y-%m-%dT%H:%M:%SZ}"}}')

            def answer(self, code: int, text: str) -> None:
                self.send_response(code)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def notices(request: pytest.FixtureRequest) -> Iterator[Notices]:
    service = Notices(*request.param)
    yield service
    service.server.shutdown()
    service.server.server_close()


def start_on_spot(run: Run, notices: Notices) -> harness.WorkerProcess:
    return harness.start_worker(
        run,
        AWS_EC2_METADATA_SERVICE_ENDPOINT=notices.url,
        AWS_EC2_METADATA_DISABLED=None,
        SPOT_POLL_SECONDS=0.2,
    )


@pytest.mark.parametrize("notices", [(404, 401, 500, 0, 200)], indirect=True)
def test_a_spot_notice_gives_the_job_back(run: Run, notices: Notices) -> None:
    job = a_job(1, sleep=600)
    submit(run, [job])
    worker = start_on_spot(run, notices)

    assert worker.process.wait(20) == 0

    assert "spot notice" in worker.text()
    assert worker.lines()[-1]["outcome"] == "INTERRUPTED"
    assert harness.counts(run) == (1, 0)


@pytest.mark.parametrize("notices", [(404, 500, 404)], indirect=True)
def test_without_a_notice_the_machine_is_only_named(run: Run, notices: Notices) -> None:
    job = a_job(1, sleep=1)
    submit(run, [job])
    worker = start_on_spot(run, notices)
    harness.wait_until_settled(run)
    worker.stop()

    document = harness.manifest(run, job)
    assert document
    assert document["machine"]["instance_id"] == "i-of-instance-id"
    assert notices.asked > 3
