"""R3, R4 and R8: jobs that outlast many visibilities, heartbeats that fail, messages that come twice."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections import Counter
from collections.abc import Callable

from tests import emulators
from tests.faults.audit import audit, outcomes
from tests.faults.ground import Ground, finish, side_by_side
from tests.faults.report import Report
from tests.faults.twice import Twice
from tests.worker import harness
from tests.worker.harness import Run, a_job, submit

#: The emulators differ: ministack refuses an old receipt, moto deletes with it.
BOTH = ("ministack", "moto")


def on_both(ground: Ground, name: str, of: Callable[[Run, str], None], **options: int) -> None:
    """Run the same on each emulator, at the same time."""

    def lane(emulator: str) -> None:
        with ground.run(name, on=emulator, **options) as run:
            of(run, emulator)

    side_by_side(functools.partial(lane, emulator) for emulator in BOTH)


def long_jobs(ground: Ground, *, jobs: int, visibility: int, times: int) -> Report:
    """Jobs of many times the visibility start only once, while idle workers wait for their messages."""
    report = Report()

    def work(run: Run, _: str) -> None:
        sent = [a_job(number, sleep=visibility * times, trace_name=f"n{number}") for number in range(jobs)]
        submit(run, sent)
        for _worker in range(jobs + 1):
            harness.start_worker(
                run, SQS_MESSAGE_VISIBILITY=visibility, HEARTBEAT_SECONDS=visibility / 3.1, OVERLAP=False
            )
        finish(run, 60 + visibility * times)
        for number in range(jobs):
            starts = len(harness.starts(run, f"n{number}"))
            report.expect(starts == 1, f"job {number} was started {starts} times")
        report.injected[f"jobs of {times} visibilities"] += jobs
        report.outcomes["starts"] += len(list(run.traces.iterdir()))
        audit(run, sent, report)

    on_both(ground, "long", work, retries=3)
    return report


def blocked_heartbeats(ground: Ground, *, jobs: int, workers: int) -> Report:
    """Workers whose heartbeats fail stop before their lease ends; others do the jobs, each once.

    At that time, half of the jobs are in FIJI, and half are uploading (which takes longer than the lease).
    """
    report = Report()

    def work(run: Run, emulator: str) -> None:
        # The proxy distinguishes buckets, not keys.
        results = f"{run.bucket}-results"
        run.cloud.s3.create_bucket(Bucket=results)
        sent = [_long_once(run, number, in_fiji=number % 2 == 0) for number in range(jobs // 2)]
        beats = {"service": "sqs", "operation": "ChangeMessageVisibility", "timeout_ms": 3_000}
        puts = {"service": "s3", "operation": "PutObject", "resource": results, "latency": 3_500}
        with ground.proxy(run.cloud.url, beats, puts) as proxy:
            # No more than there are lonely workers. A returned message is first in the queue, so they would
            # lose the same ones over and over.
            for first in range(0, len(sent), workers):
                batch = sent[first : first + workers]
                submit(run, batch)
                _lose_all(run, batch, workers, AWS_ENDPOINT_URL=proxy, DESTINATION_BUCKET=results)
                for _worker in range(workers):
                    harness.start_worker(run, DESTINATION_BUCKET=results)
                finish(run, 120)
            report.injected[f"heartbeats blocked, {emulator}"] += emulators.fired_by_rule(proxy)[0]
        report.outcomes["jobs that lost a lease"] += len(_lost(run.workers))
        commits = Counter(line["job"] for line in outcomes(run) if line["outcome"] == "DONE")
        report.outcomes["double commits"] += sum(number > 1 for number in commits.values())
        report.expect(not report.outcomes["double commits"], "jobs were committed twice")
        _no_two_at_once(run, sent, report)
        audit(run, sent, report)

    on_both(ground, "blocked", work, retries=30)
    return report


def _lose_all(run: Run, batch: list[harness.Job], workers: int, **changes: object) -> None:
    """Let lonely workers take all jobs of a batch and lose each of them; then kill the workers."""
    changes |= {"SQS_MESSAGE_VISIBILITY": 4, "HEARTBEAT_SECONDS": 1, "OVERLAP": False, "STANDBY": False}
    lonely = [harness.start_worker(run, **changes) for _ in range(workers)]  # type: ignore[arg-type]
    names = {job.job_id for job in batch}
    harness.wait_until(lambda: names <= _lost(lonely), 60 + 12 * len(batch), "all jobs were lost once")
    for worker in lonely:
        worker.process.kill()
        worker.process.wait()


def _long_once(run: Run, number: int, *, in_fiji: bool) -> harness.Job:
    """Return a job that outlasts a lease on its first start: in FIJI, or in its upload."""
    return a_job(
        number,
        sleep=60 if in_fiji else 0,
        slow_once=str(run.folder / f"seen{number}"),
        ticks=True,
        trace_name=f"n{number}",
        content="random",
    )


def _lost(workers: list[harness.WorkerProcess]) -> set[str]:
    return {line["job"] for worker in workers for line in worker.lines() if line["outcome"] == "LEASE_LOST"}


def _no_two_at_once(run: Run, sent: list[harness.Job], report: Report) -> None:
    """The last tick of each start is before the next start."""
    for number in range(len(sent)):
        paths = sorted(run.traces.glob(f"*-n{number}"), key=lambda path: float(path.name.split("-")[0]))
        for before, after in itertools.pairwise(paths):
            last = float(before.read_text() or 0)
            began = float(after.name.split("-")[0])
            report.expect(last <= began, f"job {number} still ran {last - began:.2f} s after its next start")


def delivered_at_once(ground: Ground, *, jobs: int, workers: int) -> Report:
    """Messages arrive two or three times at once, copied or from the queue itself; each job commits once."""
    report = Report()

    def work(run: Run, emulator: str) -> None:
        chance = ground.chance(f"R8 {emulator}")
        sent = [
            a_job(number, sleep=round(chance.uniform(0, 0.6), 2), files=4, content="random")
            for number in range(jobs // 2)
        ]
        copied = sent[::3]
        submit(run, sent)
        submit(run, copied, times=chance.choice([1, 2]))
        report.injected["copies"] += len(copied)
        with contextlib.closing(Twice(run.cloud.url, chance)) as proxy:
            for _ in range(workers):
                harness.start_worker(
                    run,
                    AWS_ENDPOINT_URL_SQS=proxy.url,
                    SQS_MESSAGE_VISIBILITY=9,
                    HEARTBEAT_SECONDS=3,
                )
            finish(run, 120 + jobs)
            report.injected.update(proxy.injected)
        ends = Counter(line["outcome"] for line in outcomes(run))
        report.outcomes.update({f"runs {name.lower()}": number for name, number in ends.items()})
        audit(run, sent, report)
        report.expect(ends["DONE"] == len(sent), f"{ends['DONE']} commits of {len(sent)} jobs")

    on_both(ground, "twice", work, retries=30)
    return report
