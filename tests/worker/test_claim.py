"""The claim on a job's outputs, on an emulator's real conditional writes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from tests.worker import harness
from worker.aws.queue import Message
from worker.contract.jobs import Outcome, claim_key
from worker.errors import LeaseLost
from worker.job.claim import Claim, Term, take_claim
from worker.job.held import HeldJob
from worker.records.ledger import Ledger
from worker.verdict.verdict import Verdict

TERM = Term(renew=0.8, valid=2.4)


class NoLease:
    """Stands for a lease, which claims know nothing of."""


def held(name: str) -> HeldJob:
    message = Message(name, "receipt", "{}", attempt=1, sent_at=0)
    return HeldJob(message, NoLease(), job_id="job", run_id=name)  # type: ignore[arg-type]


def ledger(run: harness.Run) -> Ledger:
    return Ledger(run.cloud.s3, run.bucket, run.app_name)


def take(
    run: harness.Run, by: str, look: Callable[[], Verdict | None] = lambda: None, term: Term = TERM
) -> Claim | Verdict:
    return take_claim(ledger(run), held(by), term=term, look=look, check=lambda: None)


def test_the_first_has_it_at_once_and_the_second_when_the_first_gives_it_up(run: harness.Run) -> None:
    first = take(run, "first", term=Term(renew=10, valid=30))
    assert isinstance(first, Claim)
    threading.Timer(0.7, first.give_up).start()
    started_at = time.monotonic()

    second = take(run, "second")

    assert isinstance(second, Claim)
    assert time.monotonic() - started_at > 0.6
    with pytest.raises(LeaseLost):
        first.check()


def test_a_claim_whose_holder_is_silent_is_taken_over_and_the_holder_stops_before(run: harness.Run) -> None:
    first = take(run, "first")
    assert isinstance(first, Claim)
    time.sleep(2.2 * TERM.renew)
    with pytest.raises(LeaseLost):
        first.check()

    assert isinstance(take(run, "second"), Claim)


def test_a_claim_that_is_kept_is_not_taken_over(run: harness.Run) -> None:
    first = take(run, "first")
    assert isinstance(first, Claim)
    done = Verdict(Outcome.SKIPPED)
    until = time.monotonic() + 1.6 * TERM.valid

    def look() -> Verdict | None:
        first.check()
        return done if time.monotonic() > until else None

    assert take(run, "second", look) is done
    first.check()


def test_the_claim_of_a_run_whose_manifest_was_read_is_free(run: harness.Run) -> None:
    take(run, "first", term=Term(renew=10, valid=30))
    second = held("second")
    second.old_run = "first"

    claim = take_claim(ledger(run), second, term=TERM, look=lambda: None, check=lambda: None)

    assert isinstance(claim, Claim)


def test_an_answer_that_was_lost_costs_no_claim(run: harness.Run) -> None:
    # As if the first writing had come through without its answer.
    ledger(run).write_claim("job", "first", TERM.valid)

    claim = take(run, "first")

    assert isinstance(claim, Claim)
    ledger(run).write_claim("job", "first", TERM.valid, replaces=claim._etag)
    time.sleep(1.2 * TERM.renew)
    claim.check()
    claim.check()


def test_no_claim_is_valid_for_longer_than_a_message_can_be_hidden(run: harness.Run) -> None:
    ledger(run).write_claim("job", "of nobody", 1e9)
    standing = ledger(run).claim("job")

    assert standing is not None
    assert standing.valid_seconds == 12 * 3600


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b'{"run_id": [], "valid_seconds": "long"}'])
def test_what_is_no_claim_is_free(run: harness.Run, body: bytes) -> None:
    run.cloud.s3.put_object(Bucket=run.bucket, Key=claim_key(run.app_name, "job"), Body=body)

    assert isinstance(take(run, "first"), Claim)
