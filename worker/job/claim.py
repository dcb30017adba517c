"""Who may upload a job's outputs: a run takes the claim before its first upload.

SQS delivers at least once, so two workers may run the same job at the same time, with different outputs.
Their uploads must not mix: one that breaks off midway would leave outputs that do not match the other's
manifest, and the message that could repair this may be gone. The claim is a small object in the run's state,
written on the condition that nobody else has written it in the meantime. It stays afterwards: workers delete
nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from worker.calls import CALL_ERRORS
from worker.errors import LeaseLost
from worker.job.held import HeldJob
from worker.records.ledger import Ledger, StandingClaim
from worker.storage import s3 as store
from worker.verdict.verdict import Verdict

log = logging.getLogger(__name__)

Check = Callable[[], None]

#: How often a run that waits for another's upload looks again.
LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class Term:
    """Seconds. A claim is renewed every `renew`, lost by its holder after two of these, and free after
    `valid`.

    `valid` is at least three times `renew`, so that its holder stops before another may begin.
    """

    renew: float
    valid: float


class Claim:
    """A claim that is held. `check` renews it, and raises LeaseLost if it is, or could be, another's."""

    def __init__(self, ledger: Ledger, held: HeldJob, etag: str, *, term: Term, taken_at: float) -> None:
        """`taken_at`: by time.monotonic, just before the claim was written."""
        self._ledger = ledger
        self._job_id = held.job_id
        self._job_name = held.name
        self._run_id = held.run_id
        self._etag: str | None = etag
        self._term = term
        self._renewed_at = taken_at
        self._tried_at = taken_at
        self._renewing = threading.Lock()

    def check(self) -> None:
        """Renew the claim when it is due. May be called from any thread, and costs next to nothing."""
        now = time.monotonic()
        if self._etag is None or now - self._renewed_at > 2 * self._term.renew:
            raise LeaseLost
        is_due = now - self._renewed_at > self._term.renew and now - self._tried_at > self._term.renew / 4
        if is_due and self._renewing.acquire(blocking=False):
            try:
                self._renew()
            finally:
                self._renewing.release()

    def give_up(self) -> None:
        """Let the next run begin at once. Call it only when no upload of this run is under way any more."""
        try:
            if self._etag is not None:
                self._write(replaces=self._etag, over=True)
        except CALL_ERRORS as error:
            log.warning("the claim of job %s remains until it expires: %s", self._job_name, error)
        self._etag = None

    def _write(self, **how: Any) -> str | None:
        return self._ledger.write_claim(self._job_id, self._run_id, self._term.valid, **how)

    def _renew(self) -> None:
        started_at = self._tried_at = time.monotonic()
        try:
            etag = self._write(replaces=self._etag)
            if etag is None:
                # Another's, or ours if the answer to an earlier write was lost.
                standing = self._ledger.claim(self._job_id)
                etag = standing.etag if standing and standing.run_id == self._run_id else None
        except CALL_ERRORS as error:
            log.warning("the claim of job %s could not be renewed: %s", self._job_name, error)
            return
        self._etag = etag
        self._renewed_at = started_at


def take_claim(
    ledger: Ledger,
    held: HeldJob,
    *,
    term: Term,
    look: Callable[[], Verdict | None],
    check: Check,
    sleep: Callable[[float], None] = time.sleep,
) -> Claim | Verdict:
    """Return the claim once it belongs to this run, or a verdict that makes the upload unnecessary.

    `look` reads the job's manifest (held.old_run) and returns that verdict, or None. It is only asked if
    another run has ever claimed the job. `check` may raise while another's upload is awaited.
    """
    replaces: str | None = None
    met_another = False
    while True:
        taken_at = time.monotonic()
        write = partial(ledger.write_claim, held.job_id, held.run_id, term.valid, replaces=replaces)
        etag = store.retried(write, check)
        if etag is not None:
            break
        standing = store.retried(lambda: ledger.claim(held.job_id), check)
        if standing is not None and standing.run_id != held.run_id:
            met_another = True
            if verdict := look():
                return verdict
            if not _is_free(standing, held):
                check()
                sleep(LOOK_SECONDS)
                continue
        # Free, gone, or ours if the answer to the write was lost.
        replaces = standing.etag if standing else None
    claim = Claim(ledger, held, etag, term=term, taken_at=taken_at)
    # The other's manifest may have been written between our look and our claim.
    if met_another and (verdict := look()):
        claim.give_up()
        return verdict
    return claim


def _is_free(standing: StandingClaim, held: HeldJob) -> bool:
    """Whether another's claim may be taken over: its run has ended, or committed, or has been silent for
    long.
    """
    # S3 gives times in whole seconds.
    is_silent = standing.silent_seconds > standing.valid_seconds + 1
    return standing.over or standing.run_id == held.old_run or is_silent
