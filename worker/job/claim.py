"""Who may upload a job's outputs: a run has the turn from its first upload until its manifest is written.

SQS delivers at least once, so two workers may run the same job at the same time, with different outputs.
Their uploads must not mix: one that breaks off midway would leave outputs that do not match the other's
manifest, and the message that could repair this may be gone.

A job's first run writes only keys that hold nothing, one of them before all others, and has little time for
it: `FirstTurn`. That is the usual case, and costs no request. As soon as such a run meets another's object,
or takes too long, it needs the claim, as every other run of a job does: a small object in the run's state,
written on the condition that nobody else has written it in the meantime. The holder of the claim replaces
what another run has left only once that run is known to be over, or has been silent for so long that it must
have stopped. The claim stays afterwards: workers delete nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from worker.calls import CALL_ERRORS
from worker.errors import LeaseLost
from worker.job.held import HeldJob
from worker.records.ledger import Ledger, StandingClaim
from worker.records.marks import Mark, run_mark
from worker.records.ownership import ExistingObject, is_same_job
from worker.storage import s3 as store
from worker.verdict.verdict import Verdict

log = logging.getLogger(__name__)

Check = Callable[[], None]

#: How often a run that waits for another's upload looks again.
LOOK_SECONDS = 0.5
#: Of the runs that had a claim before, so many are named in it.
MOST_BEFORE = 20


@dataclass(frozen=True)
class Term:
    """Seconds. A claim is renewed every `renew`, lost by its holder after two of these, and free after
    `valid`.

    `valid` is at least three times `renew`, so that its holder stops before another may begin.
    """

    renew: float
    valid: float


class Contested(Exception):
    """Raised when a run without a claim meets another's object, or takes too long: it needs the claim."""


class DoneByAnother(Exception):
    """Raised when another run of the job has committed it meanwhile: its uploads are not needed."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.sentence)
        self.verdict = verdict


class Turn(Protocol):
    """What lets a run upload a job's outputs, and commit them."""

    #: Whether one output goes up before all others, so that two runs cannot both go on.
    is_first: bool

    def check(self) -> None:
        """Raise if the turn is over. May be called from any thread, and costs next to nothing."""

    def may_replace(self, standing: ExistingObject, mine: Mark) -> bool:
        """Whether the run that wrote an object can no longer be at work; if not, look again later."""

    def give_up(self) -> None:
        """Let the next run begin at once. Call it only when no upload of this run is under way any more."""


class FirstTurn(Turn):
    """The turn of a job's first run, which holds no claim: its objects in the bucket speak for it.

    Another run leaves them alone for `Term.valid`, and this run stops after two thirds of that at most, as
    the holder of a claim does that it could not renew.
    """

    is_first = True

    def __init__(
        self, ledger: Ledger, held: HeldJob, term: Term, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ledger = ledger
        self._held = held
        self._term = term
        self._clock = clock
        self._began_at = clock()

    def check(self) -> None:
        """Raise Contested when there is no time left."""
        if self._clock() - self._began_at > 2 * self._term.renew:
            raise Contested

    def may_replace(self, standing: ExistingObject, mine: Mark) -> bool:
        """Raise Contested: an object stands already where this run wants to write."""
        raise Contested

    def give_up(self) -> None:
        """Tell the next run, in the claim, that this one is over."""
        held = self._held
        try:
            self._ledger.write_claim(held.job_id, held.run_id, self._term.valid, over=True)
        except CALL_ERRORS as error:
            log.warning("the next run of job %s has to wait for its turn: %s", held.name, error)


class Claim(Turn):
    """A claim that is held. `check` renews it, and raises LeaseLost if it is, or could be, another's."""

    is_first = False

    def __init__(
        self,
        ledger: Ledger,
        held: HeldJob,
        etag: str,
        *,
        term: Term,
        taken_at: float,
        look: Callable[[], Verdict | None] = lambda: None,
        before: Iterable[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`taken_at`: by the clock, just before the claim was written. `look`: as in `take_claim`.

        `before`: ids of runs that are over and had the claim, or told in it that they had a first turn.
        """
        self._ledger = ledger
        self._held = held
        self._etag: str | None = etag
        self._term = term
        self._renewed_at = taken_at
        self._tried_at = taken_at
        self._renewing = threading.Lock()
        self._look, self._looking = look, threading.Lock()
        self._before = tuple(before)
        self._over = set(map(run_mark, self._before))
        self._clock = clock

    def check(self) -> None:
        """Renew the claim when it is due."""
        now = self._clock()
        if self._etag is None or now - self._renewed_at > 2 * self._term.renew:
            raise LeaseLost
        is_due = now - self._renewed_at > self._term.renew and now - self._tried_at > self._term.renew / 4
        if is_due and self._renewing.acquire(blocking=False):
            try:
                self._renew()
            finally:
                self._renewing.release()

    def give_up(self) -> None:
        """Say in the claim that it is free."""
        try:
            if self._etag is not None:
                self._write(replaces=self._etag, over=True)
        except CALL_ERRORS as error:
            log.warning("the claim of job %s remains until it expires: %s", self._held.name, error)
        self._etag = None

    def may_replace(self, standing: ExistingObject, mine: Mark) -> bool:
        """Whether an object's run is over and has not committed the job.

        Raises DoneByAnother if it has. A first turn leaves no claim, so the manifest is read, and read again
        after the time in which it could still be written.
        """
        mark = standing.mark
        if mark is None or not is_same_job(mark, mine) or mark.run in {mine.run, *self._runs_over()}:
            return True
        # S3 gives times in whole seconds.
        is_silent = standing.silent_seconds > self._term.valid + 1
        with self._looking:
            if verdict := self._look():
                raise DoneByAnother(verdict)
        if is_silent:
            self._over.add(mark.run)
        return is_silent or mark.run in self._runs_over()

    def _runs_over(self) -> set[str]:
        """Return the marks of runs that are over: the one whose manifest was read among them."""
        return {*self._over, *(run_mark(run) for run in [self._held.old_run] if run)}

    def _write(self, **how: Any) -> str | None:
        held = self._held
        return self._ledger.write_claim(
            held.job_id, held.run_id, self._term.valid, before=self._before, **how
        )

    def _renew(self) -> None:
        started_at = self._tried_at = self._clock()
        try:
            etag = self._write(replaces=self._etag)
            if etag is None:
                # Another's, or ours if the answer to an earlier write was lost.
                standing = self._ledger.claim(self._held.job_id)
                etag = standing.etag if standing and standing.run_id == self._held.run_id else None
        except CALL_ERRORS as error:
            log.warning("the claim of job %s could not be renewed: %s", self._held.name, error)
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
    clock: Callable[[], float] = time.monotonic,
) -> Claim | Verdict:
    """Return the claim once it belongs to this run, or a verdict that makes the upload unnecessary.

    `look` reads the job's manifest (held.old_run) and returns that verdict, or None. It is only asked if
    another run has ever claimed the job. `check` may raise while another's upload is awaited.
    """
    replaces: str | None = None
    before: tuple[str, ...] = ()
    met_another = False
    while True:
        taken_at = clock()
        write = partial(
            ledger.write_claim, held.job_id, held.run_id, term.valid, before=before, replaces=replaces
        )
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
        before = standing.runs[-MOST_BEFORE:] if standing else ()
    claim = Claim(ledger, held, etag, term=term, taken_at=taken_at, look=look, before=before, clock=clock)
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
