"""What comes after FIJI: judge the run, upload, commit the manifest or record the failure, settle.

The message is settled last. A crash before that causes a second delivery, which the manifest then answers.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from worker.aws.queue import Queue
from worker.calls import CALL_ERRORS
from worker.contract.inputs import Address, InvalidAddress, addresses_in
from worker.contract.jobs import FailureClass, Job, Outcome, job_name
from worker.contract.locations import prefix_of
from worker.contract.questions import questions_of
from worker.errors import Interrupted, JobFailed, LeaseLost
from worker.job.attempts import Fate, Settlement, settlement
from worker.job.claim import Term
from worker.job.commit import Committer, Means
from worker.job.engine import Finished
from worker.job.held import HeldJob
from worker.job.joblog import JobLog
from worker.job.prepare import Preparer, failed
from worker.job.thumbnails import Thumbnails
from worker.job.uploads import Parcel, Uploads, changed
from worker.records import records
from worker.records.ledger import Ledger
from worker.records.marks import mark_of
from worker.records.ownership import Writer
from worker.records.records import Origin, Sent
from worker.settings import WorkerSettings
from worker.storage import s3 as store
from worker.storage.outputs import Found, find_outputs
from worker.verdict.verdict import DONE, Expected, Verdict, judge, warnings_of

log = logging.getLogger(__name__)

Check = Callable[[], None]

#: A console of up to so many bytes is part of the manifest: an object of its own would cost a request.
SMALL_CONSOLE = 8 * 1024
#: Of the files that a script wrote elsewhere, so many are named in a manifest.
MOST_LEFT = 1_000


@dataclass(frozen=True)
class FinisherParts:
    """What finishing needs of the rest of the worker."""

    settings: WorkerSettings
    queue: Queue
    ledger: Ledger
    uploads: Uploads
    preparer: Preparer
    origin: Origin
    job_log: JobLog
    thumbnails: Thumbnails


def _go_on() -> None:
    """Break off nothing."""


class Finisher:
    """Finishes jobs, in whatever thread it is called."""

    def __init__(self, office: FinisherParts) -> None:
        self._office = office
        settings = office.settings
        self._expected = Expected(
            settings.expected_number_files, settings.min_file_size_bytes, settings.necessary_string
        )
        self._committer = Committer(
            office.ledger,
            office.uploads,
            Term(settings.heartbeat_seconds, settings.visibility_seconds),
            office.origin.app_name,
        )
        # A console goes up beside the outputs.
        self._consoles = ThreadPoolExecutor(2, thread_name_prefix="console-upload")

    def finish(self, held: HeldJob, finished: Finished, check: Check) -> Verdict:
        """Bring a job that FIJI has ended to its end; return the verdict."""
        held.warnings = warnings_of(finished.run.result)
        held.questions = questions_of(finished.run.result)
        held.console = read_small(finished.folder.console_file)
        kept = [self._consoles.submit(self._keep_log, held, finished)] if held.console is None else []
        try:
            verdict = self._publish(held, finished, check)
        except Exception as error:
            verdict = verdict_on(error, FailureClass.UPLOAD_FAILED)
        wait(kept)
        if not kept and verdict is not DONE:
            self._keep_log(held, finished)
        self.close(held, verdict, finished)
        return verdict

    def close(
        self, held: HeldJob, verdict: Verdict, finished: Finished | None = None, *, check: Check = _go_on
    ) -> None:
        """Record a failure and settle the message."""
        if verdict.failure is not None:
            self._record(held, verdict, finished, check)
        self.settle(held, verdict, check=check)

    def end(self, seconds: float) -> None:
        """Wait for what no job waits for, for a limited time."""
        self._office.thumbnails.close(seconds)

    def settle(self, held: HeldJob, verdict: Verdict, *, check: Check = _go_on) -> None:
        """Delete the message or give it back, once, and write the job's line; then `held.settled` is set.

        Returns at once where another thread is at it. `check` may raise Interrupted between two tries, when
        the worker cannot stay for another.
        """
        if not held.settle_once():
            return
        try:
            self._settle(held, verdict, check)
        finally:
            held.settled.set()

    def _settle(self, held: HeldJob, verdict: Verdict, check: Check) -> None:
        settings = self._office.settings
        what = settlement(
            verdict.outcome,
            receives=held.message.attempt - held.message.earlier,
            failures=held.failures + 1,
            job_retries=settings.job_retries,
            backoff_seconds=settings.retry_backoff_seconds,
            given_up=held.given_up,
        )
        with held.timed("settle"):
            try:
                if held.bundle is not None:
                    held.bundle.settle(held.message.body, verdict.outcome, what, check)
                else:
                    self._settle_alone(held, what, check)
            except (*CALL_ERRORS, Interrupted) as error:
                # It comes back by itself; then a manifest is found, or the job run again.
                log.warning("the message of job %s could not be settled: %s", held.name, error)
        self._office.job_log.write(held, verdict)

    def _settle_alone(self, held: HeldJob, what: Settlement, check: Check) -> None:
        held.lease.end()
        if what.fate is Fate.DELETE:
            store.retried(lambda: self._office.queue.delete(held.message), check)
        elif what.fate is Fate.RELEASE:
            store.retried(lambda: self._office.queue.release(held.message, what.delay_seconds), check)

    def _publish(self, held: HeldJob, finished: Finished, check: Check) -> Verdict:
        """Judge a run; where it is good, upload its outputs and commit the manifest."""
        check()
        job = held.job
        assert job is not None
        found = _found(held, finished)
        verdict = judge(finished.run, found, self._expected, finished.elsewhere)
        if verdict is not DONE:
            return verdict
        if not self._office.settings.collect_all:
            held.left_elsewhere = finished.elsewhere
        held.faults = {output.name: output.fault for output in found.outputs if output.fault}
        parcel = Parcel(
            self._office.settings.destination_bucket,
            prefix_of(job.output_file_location),
            found.outputs,
            self._writer(held),
        )
        self._office.thumbnails.start(held, found.outputs)
        means = Means(
            manifest=lambda sent: self._manifest(held, finished, sent),
            look=lambda: self._office.preparer.done_already(held, job, check),
            check_files=lambda: _expect_unchanged(parcel, _found(held, finished)),
        )
        return self._committer.commit(held, parcel, means, check)

    def _writer(self, held: HeldJob) -> Writer:
        """Return who writes a job's outputs."""
        assert held.job is not None and held.inputs is not None
        settings, origin = self._office.settings, self._office.origin
        name = job_name(held.job.metadata)
        mark = mark_of(origin.app_name, settings.aws_bucket, held.job_id, name, held.run_id)
        inputs = {str(entry["key"]) for entry in held.inputs.used}
        if not settings.download_files:
            inputs |= _mounted(held.job, settings.source_bucket)
        return Writer(mark, origin.script_sha256, held.job.metadata, inputs)

    def _manifest(self, held: HeldJob, finished: Finished, sent: list[Sent]) -> dict[str, Any]:
        assert held.job is not None and held.inputs is not None
        self._look_for_leftovers(held, sent)
        about = {**self._about(held, finished), "inputs": held.inputs.used}
        if held.console is not None:
            about["console"] = held.console
        if held.faults:
            about["faults"] = held.faults
        if held.runs_again:
            about["runs_again"] = held.runs_again
        if held.left_from_before:
            about["left_from_before"] = list(held.left_from_before)
        if held.left_elsewhere:
            about["left_elsewhere"] = list(held.left_elsewhere[:MOST_LEFT])
        destination = self._office.settings.destination_bucket
        return records.manifest(self._office.origin, held.job, about, destination=destination, outputs=sent)

    def _look_for_leftovers(self, held: HeldJob, sent: list[Sent]) -> None:
        """Note what earlier runs wrote, still stands there, and is not among what this one has written."""
        before = held.before
        if before is None or before.destination != self._office.settings.destination_bucket:
            return
        keys = {*before.outputs, *before.left} - {one.key for one in sent}
        found = self._office.ledger.outputs(before.destination, keys) if keys else {}
        held.left_from_before = tuple(sorted(found))

    def _about(self, held: HeldJob, finished: Finished | None) -> Mapping[str, Any]:
        """Return what both kinds of record say of a run."""
        about: dict[str, Any] = {
            "attempt": held.attempt,
            "message_id": held.message.message_id,
            "run_id": held.run_id,
            "seconds": dict(held.seconds),
        }
        if finished:
            about |= {
                "warnings": held.warnings,
                "questions": held.questions,
                "versions": finished.versions,
                "fiji": finished.fiji,
                "peak_memory_mb": finished.peak_memory_mb,
                "heap_mb": finished.run.heap_mb,
                "exit_code": finished.run.exit_code,
                "usage": asdict(finished.run.usage) if finished.run.usage else None,
            }
        return about

    def _keep_log(self, held: HeldJob, finished: Finished) -> None:
        try:
            self._office.ledger.keep_log(held.job_id, held.attempt, finished.folder.console_file)
        except (*CALL_ERRORS, OSError) as error:
            log.warning("the console of job %s could not be saved: %s", held.name, error)

    def _record(self, held: HeldJob, verdict: Verdict, finished: Finished | None, check: Check) -> None:
        console = finished.run.tail if finished else []
        about = {"job_id": held.job_id, **self._about(held, finished)}
        if held.inputs is not None:
            about["inputs"] = held.inputs.used
        document = records.failure(
            self._office.origin, verdict, about, body=held.message.body, console=console
        )
        try:
            store.retried(
                lambda: self._office.ledger.record_failure(held.job_id, held.attempt, document), check
            )
        except (*CALL_ERRORS, Interrupted) as error:
            log.warning("the failure of job %s could not be recorded: %s", held.name, error)


def read_small(console: Path) -> list[str] | None:
    """Return a console's lines, joined by newlines exactly what it holds; None if it is long, or no UTF-8."""
    try:
        body = console.read_bytes() if console.stat().st_size <= SMALL_CONSOLE else None
        return body.decode("utf-8").split("\n") if body is not None else None
    except (OSError, UnicodeDecodeError):
        return None


def _mounted(job: Job, source_bucket: str) -> set[str]:
    """Return the addresses in a job's parameters, where a script reads them from the mounted bucket."""
    found: set[str] = set()
    for value in [*job.parameters.values(), *job.answers.values()]:
        # What cannot be one reaches the script as it is.
        with contextlib.suppress(InvalidAddress):
            named = addresses_in(value, source_bucket) or []
            found |= {str(item) for item in named if isinstance(item, Address)}
    return found


def _found(held: HeldJob, finished: Finished) -> Found:
    """Return what a run has left. Its outputs may be links to files of its own and to its inputs."""
    assert held.job is not None and held.inputs is not None
    folder = finished.folder
    own = [folder.work, folder.temporary, folder.collected]
    prefix = prefix_of(held.job.output_file_location)
    return find_outputs(folder.output, own, prefix, collected=folder.collected)


def _expect_unchanged(parcel: Parcel, now: Found) -> None:
    """Raise JobFailed when there is something else in `output/` than what was judged and sent."""
    before = {output.name: output.identity for output in parcel.outputs}
    after = {output.name: output.identity for output in now.outputs}
    if now.refused or before != after:
        names = sorted(name for name in before | after if before.get(name) != after.get(name))
        raise changed(names[0] if names else "")


def verdict_on(error: Exception, otherwise: FailureClass) -> Verdict:
    """Return the verdict on a job that an exception ended; `otherwise`: the class where nothing tells one."""
    if isinstance(error, LeaseLost):
        return Verdict(Outcome.LEASE_LOST, sentence="the lease was lost")
    if isinstance(error, Interrupted):
        return Verdict(Outcome.INTERRUPTED, sentence="this worker has to end")
    if isinstance(error, JobFailed):
        return failed(error)
    if not isinstance(error, (*CALL_ERRORS, OSError)):
        log.error("a job ended with an error in the worker", exc_info=error)
    if otherwise is FailureClass.FIJI_DID_NOT_START and not store.is_disk_full(error):
        return failed(JobFailed(otherwise, f"FIJI could not be started: {error}"))
    return failed(store.as_failure(error, otherwise, "the job's data"))
