"""Upload a job's outputs when it is this run's turn, and write the manifest last. One run commits a job."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from worker.contract.jobs import FailureClass, Outcome
from worker.errors import JobFailed
from worker.job.claim import Contested, DoneByAnother, FirstTurn, Term, Turn, take_claim
from worker.job.held import HeldJob
from worker.job.uploads import Parcel, Uploads
from worker.records import records
from worker.records.ledger import Ledger
from worker.records.records import Sent
from worker.records.validity import find_manifest
from worker.storage import s3 as store
from worker.verdict.verdict import DONE, Verdict

log = logging.getLogger(__name__)

Check = Callable[[], None]

#: How often two workers that did the same job may overtake each other before one gives it back.
OVERTAKINGS = 5


@dataclass(frozen=True)
class Means:
    """What committing needs of the job.

    `manifest`: the document for what has been sent. `look`: reads the manifest that stands; the verdict if it
    makes this run unnecessary. `check_files`: raises JobFailed if the files are no longer those judged.
    """

    manifest: Callable[[list[Sent]], Mapping[str, Any]]
    look: Callable[[], Verdict | None]
    check_files: Callable[[], None]


class Committer:
    """Commits one app's jobs, in whatever thread it is called."""

    def __init__(
        self,
        ledger: Ledger,
        uploads: Uploads,
        term: Term,
        app_name: str,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._ledger = ledger
        self._uploads = uploads
        self._term = term
        self._app_name = app_name
        self._clock, self._sleep = clock, sleep

    def commit(self, held: HeldJob, parcel: Parcel, means: Means, check: Check) -> Verdict:
        """Upload and write the manifest; return DONE, or SKIPPED where another run has done the job.

        A run that was cut off from the world for long may have lost its turn: then the writing of the
        manifest tells. When the other's outputs are ours byte for byte, ours are not needed. When they
        differ, ours may stand where some of its own stood: then all of ours are written again, and our
        manifest replaces just the one that was read.
        """
        first = self._first_turn(held, parcel)
        for _ in range(OVERTAKINGS):
            turn = first or self._claim(held, means, check)
            first = None
            if isinstance(turn, Verdict):
                return turn
            try:
                verdict = self._commit(held, parcel, turn, means, check)
            except Contested:
                log.info("job %s needs its claim: it was not alone, or took long to upload", held.name)
                continue
            except DoneByAnother as error:
                return error.verdict
            if verdict is not None:
                return verdict
        sentence = "Other workers with the same job finished first too often."
        raise JobFailed(FailureClass.UPLOAD_FAILED, sentence)

    def _first_turn(self, held: HeldJob, parcel: Parcel) -> FirstTurn | None:
        """Return a turn without a claim, if the outputs alone can speak for this run.

        Markers of warnings, and of jobs without outputs, are written before the manifest and are not
        conditional: two runs at once could leave one that the other's manifest does not have.
        """
        if held.old_manifest is not None or held.warnings or not self._uploads.may_go_first(parcel):
            return None
        return FirstTurn(self._ledger, held, self._term, self._clock)

    def _claim(self, held: HeldJob, means: Means, check: Check) -> Turn | Verdict:
        """Take the job's claim; a verdict where another worker has done the job meanwhile."""
        with held.timed("claim"):
            return take_claim(
                self._ledger,
                held,
                term=self._term,
                look=means.look,
                check=check,
                clock=self._clock,
                sleep=self._sleep,
            )

    def _commit(
        self, held: HeldJob, parcel: Parcel, turn: Turn, means: Means, check: Check
    ) -> Verdict | None:
        """Upload and write the manifest; None where another run with other outputs was quicker."""

        def check_both() -> None:
            check()
            turn.check()

        sent = self._upload(held, parcel, turn, means, check_both)
        with held.timed("commit"):
            document = means.manifest(sent)
            check_both()
            if self._ledger.commit(held.job_id, document, held.old_manifest, check_both):
                return DONE
            other = store.retried(lambda: self._ledger.manifest(held.job_id), check)
        if other and other.document.get("run_id") == held.run_id:
            # Our own: the answer to the first writing was lost.
            return DONE
        if other and records.same_outputs(other.document, sent):
            turn.give_up()
            return Verdict(Outcome.SKIPPED, sentence="another worker was first")
        held.old_manifest = other.etag if other else None
        held.before = find_manifest(other.document, self._app_name) if other else None
        return None

    def _upload(self, held: HeldJob, parcel: Parcel, turn: Turn, means: Means, check: Check) -> list[Sent]:
        """Upload while lease and turn last; when it ends early, no upload is on its way any more."""
        try:
            with held.timed("upload"):
                sent = self._uploads.send(parcel, turn, check)
                means.check_files()
                check()
                return sent
        except Contested:
            raise
        except BaseException:
            turn.give_up()
            raise
