"""Lanes that overlap: standby, jobs taken ahead, and a tail that is not longer for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from tests.faults.serving import TARGET, Answer, SqsProxy
from tests.worker import harness
from tests.worker.harness import Run, a_job, submit, wait_until


def test_every_job_has_a_fiji_of_its_own_and_most_find_one_in_standby(run: Run) -> None:
    jobs = [a_job(number, sleep=0.4) for number in range(6)]
    submit(run, jobs)

    worker = harness.start_worker(run)
    harness.wait_until_settled(run)
    worker.stop()

    harness.check_done(run, jobs)
    started = [path.name.split("-") for path in run.traces.iterdir()]
    assert len({pid for _, pid, *_ in started}) == len(jobs)
    assert Counter(how for _, _, how, _ in started)["standby"] >= 3
    harness.check_nothing_left(run)


def test_a_standby_that_dies_costs_no_job(run: Run) -> None:
    jobs = [a_job(number, sleep=0.4) for number in range(4)]
    submit(run, jobs)

    worker = harness.start_worker(run, FAKE_FIJI_STANDBY="dies")
    harness.wait_until_settled(run)
    worker.stop()

    harness.check_done(run, jobs)
    assert [line["attempt"] for line in worker.lines()] == [1] * 4
    harness.check_nothing_left(run)


def test_workers_share_the_tail(run: Run) -> None:
    workers = [harness.start_worker(run) for _ in range(2)]
    for worker in workers:
        wait_until(lambda worker=worker: "waits for jobs" in worker.text())
    jobs = [a_job(number, sleep=2) for number in range(4)]
    submit(run, jobs)
    harness.wait_until_settled(run)
    for worker in workers:
        worker.stop()

    assert [len(worker.lines()) for worker in workers] == [2, 2]


def test_two_jobs_go_to_two_of_four_workers_that_wait(run: Run) -> None:
    workers = [harness.start_worker(run) for _ in range(4)]
    for worker in workers:
        wait_until(lambda worker=worker: "waits for jobs" in worker.text())
    submit(run, [a_job(number, sleep=2) for number in range(2)])
    harness.wait_until_settled(run)
    for worker in workers:
        worker.stop()

    assert sorted(len(worker.lines()) for worker in workers) == [0, 0, 1, 1]


def test_without_overlap_one_job_is_held_at_a_time(run: Run) -> None:
    jobs = [a_job(number, sleep=0.3) for number in range(3)]
    submit(run, jobs)
    worker = harness.start_worker(run, OVERLAP=False, STANDBY=False)
    held = []
    wait_until(lambda: held.append(harness.counts(run)) or held[-1] == (0, 0), 60)
    worker.stop()

    harness.check_done(run, jobs)
    assert max(in_flight for _, in_flight in held) == 1


class Counting(SqsProxy):
    """Counts calls of SQS by operation."""

    def __init__(self, upstream: str) -> None:
        self.calls: Counter[str] = Counter()
        super().__init__(upstream)

    def answer(self, path: str, method: str, headers: Mapping[str, str], body: bytes) -> Answer:
        self.calls[headers.get(TARGET, "").removeprefix("AmazonSQS.")] += 1
        return super().answer(path, method, headers, body)


def test_a_deep_queue_is_counted_once_for_many_jobs(run: Run) -> None:
    submit(run, [a_job(number) for number in range(500)])
    sqs = Counting(run.cloud.url)
    worker = harness.start_worker(run, AWS_ENDPOINT_URL_SQS=sqs.url)
    wait_until(lambda: len(worker.lines()) >= 10)
    calls = Counter(sqs.calls)
    worker.stop()
    sqs.close()

    assert calls["ReceiveMessage"] >= 10
    assert calls["GetQueueAttributes"] == 1
