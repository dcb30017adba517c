"""R6: the spot notice, from metadata services that answer 401, 404, 500, nonsense or nothing at all."""

from __future__ import annotations

import contextlib
import functools
import time
from collections import Counter

from tests.emulators import free_port
from tests.faults.audit import audit, outcomes
from tests.faults.ground import Ground, finish, seconds_until, side_by_side
from tests.faults.metadata_service import NONSENSE, NOTICE, SILENCE, MetadataService
from tests.faults.report import Report
from tests.worker import harness
from tests.worker.harness import Run, a_job, submit

#: The service's answers in order, and its answers to requests for a token.
WITH_NOTICE: dict[str, tuple[tuple[int, ...], int]] = {
    "404, then the notice": ((404, 404, NOTICE), 200),
    "401, then the notice": ((401, 401, NOTICE), 200),
    "500, then the notice": ((500, 500, NOTICE), 200),
    "silence, then the notice": ((SILENCE, NOTICE), 200),
    "all kinds, then the notice": ((404, 401, 500, NONSENSE, SILENCE, NOTICE), 200),
}
WITHOUT_NOTICE: dict[str, tuple[tuple[int, ...], int]] = {
    "404 always": ((404,), 200),
    "401 always": ((401,), 200),
    "500 always": ((500,), 200),
    "silence always": ((SILENCE,), 200),
    "nonsense always": ((NONSENSE,), 200),
    "no token (403)": ((404,), 403),
    "no token (500)": ((404,), 500),
}
NO_SERVICE = "nobody listens"
VISIBLE_SECONDS = 2
EXIT_SECONDS = 10


def spot_notices(ground: Ground, *, notices: int, lanes: int) -> Report:
    """Workers return their job when the notice comes, and carry on if none does, whatever they are told."""
    report = Report()
    cases = [*WITH_NOTICE, *WITHOUT_NOTICE, NO_SERVICE]
    chosen = [cases[number % len(cases)] for number in range(notices)]

    def lane(number: int) -> None:
        with ground.run(f"spot{number}", retries=40) as run:
            sent = []
            for count, case in enumerate(chosen[number::lanes]):
                # Only its first start takes long, so the next worker soon finishes a returned job.
                job = a_job(count, sleep=8, slow_once=str(run.folder / f"seen{count}"))
                sent.append(job if case in WITH_NOTICE else a_job(count))
                submit(run, sent[-1:])
                report.injected[case] += 1
                (_with_notice if case in WITH_NOTICE else _without_notice)(run, case, report)
            harness.start_worker(run)
            finish(run, 90)
            ends = Counter(line["outcome"] for line in outcomes(run))
            report.outcomes["given back"] += ends["INTERRUPTED"]
            audit(run, sent, report)

    side_by_side(functools.partial(lane, number) for number in range(lanes))
    return report


def start_on_spot(run: Run, endpoint: str) -> harness.WorkerProcess:
    """Start a worker that polls a metadata service often."""
    return harness.start_worker(
        run,
        AWS_EC2_METADATA_SERVICE_ENDPOINT=endpoint,
        AWS_EC2_METADATA_DISABLED=None,
        SPOT_POLL_SECONDS=0.3,
    )


def _with_notice(run: Run, case: str, report: Report) -> None:
    """The running job is visible again within 2 s after the notice's remaining time; the worker ends."""
    answers, token = WITH_NOTICE[case]
    before = len(list(run.traces.iterdir()))

    def runs() -> bool:
        return len(list(run.traces.iterdir())) > before

    with contextlib.closing(MetadataService(answers, token, runs)) as service:
        worker = start_on_spot(run, service.url)
        gone = seconds_until(lambda: worker.process.poll() is not None, 60)
        since = time.monotonic() - (service.given_at or 0)
    report.expect(worker.process.returncode == 0, f"{case}: exit code {worker.process.returncode}")
    report.expect("spot notice" in worker.text(), f"{case}: it did not end by the notice")
    # A second of the notice is left for the job to finish.
    report.expect(gone < 60 and since <= 1 + EXIT_SECONDS, f"{case}: gone {since:.1f} s after the notice")
    report.expect(harness.counts(run)[1] == 0, f"{case}: a message stayed in flight")


def _without_notice(run: Run, case: str, report: Report) -> None:
    """The worker does its jobs, and carries on."""
    answers, token = WITHOUT_NOTICE.get(case, ((404,), 200))
    with contextlib.closing(MetadataService(answers, token)) as service:
        endpoint = service.url if case != NO_SERVICE else f"http://127.0.0.1:{free_port()}"
        worker = start_on_spot(run, endpoint)
        harness.wait_until_settled(run, 90)
        report.expect(worker.process.poll() is None, f"{case}: the worker has ended")
        report.expect(worker.stop() == 0, f"{case}: exit code {worker.process.returncode}")
