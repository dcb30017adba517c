"""What earlier attempts mean for the next one, and what happens to a message after an outcome. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from worker.contract.jobs import SPARE_RECEIVES, FailureClass, Outcome

#: Failures that the same script on the same job will repeat. They are tried twice in all, because a machine
#: can be at fault.
DETERMINISTIC = frozenset(
    {
        FailureClass.SCRIPT_ERROR,
        FailureClass.MACRO_ERROR,
        FailureClass.NEEDS_DISPLAY,
        FailureClass.NEEDS_ANSWER,
        FailureClass.PLUGIN_ERROR,
        FailureClass.OUT_OF_MEMORY,
        FailureClass.OUTPUTS_MISSING,
        FailureClass.INPUT_MISSING,
        FailureClass.TIMED_OUT,
        FailureClass.STALLED,
    }
)
#: Failures that cannot be the machine's fault: another attempt would only pay for FIJI again.
CERTAIN = frozenset({FailureClass.OUTPUTS_REFUSED, FailureClass.OUTPUTS_TAKEN})
MOST_RUNS = {**dict.fromkeys(DETERMINISTIC, 2), **dict.fromkeys(CERTAIN, 1)}

LONGEST_BACKOFF = 900.0

#: Receives beyond those that setup's queue allows, on a queue that allows more, after which a message that is
#: given up no longer comes back at once.
QUICK_RECEIVES = 3


@dataclass(frozen=True)
class Plan:
    """How to make an attempt. `given_up`: why there should be none; otherwise with how much memory.

    `unexplained`: no record says why earlier attempts failed. `failures`: how many records count.
    """

    given_up: str = ""
    failures: int = 0
    unexplained: bool = False
    whole_memory: bool = False


def plan_attempt(
    records: Iterable[Mapping[str, Any]],
    script_sha256: str,
    sent_at: float,
    *,
    attempt: int,
    job_retries: int,
) -> Plan:
    """Return the plan that follows from a job's failure records and the number of this receive (`attempt`).

    Records of another script, or from before this message was sent (seconds since 1970), do not count. A
    receive without a record was not a failure of the job: its worker was terminated, or gave it back.
    """
    relevant = [
        record
        for record in records
        if record.get("script_sha256") == script_sha256 and float(record.get("time_seconds") or 0) >= sent_at
    ]
    for failure, most in MOST_RUNS.items():
        same = [record for record in relevant if record.get("class") == failure.value]
        if len(same) >= most:
            times = f" {len(same)} times with this script" if most > 1 else ""
            sentence = f"{failure.value}{times}: {same[-1].get('sentence')}"
            return Plan(given_up=sentence, failures=len(relevant))
    if len(relevant) >= job_retries or attempt > job_retries + SPARE_RECEIVES:
        return _out_of_attempts(relevant, attempt - 1)
    memory = FailureClass.OUT_OF_MEMORY.value
    whole = any(record.get("class") == memory for record in relevant)
    return Plan(failures=len(relevant), whole_memory=whole)


def _out_of_attempts(relevant: Sequence[Mapping[str, Any]], receives: int) -> Plan:
    if relevant:
        sentence = f"failed {len(relevant)} times, most recently: {relevant[-1].get('sentence')}"
        return Plan(given_up=sentence, failures=len(relevant))
    return Plan(
        given_up=(
            f"None of {receives} attempts finished. Each time the machine was interrupted, or the worker"
            " had to leave or was killed (by the kernel, if the container ran out of memory). Submit the"
            " job again. A larger JOB_RETRIES allows more interruptions; a larger MEMORY prevents the"
            " kernel from killing the worker."
        ),
        unexplained=True,
    )


class Fate(str, Enum):
    """What happens to a message."""

    DELETE = "delete"
    RELEASE = "release"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Settlement:
    """A message's fate, and the seconds until it may be seen again when it is released."""

    fate: Fate
    delay_seconds: float = 0.0


def settlement(
    outcome: Outcome,
    *,
    receives: int,
    failures: int,
    job_retries: int,
    backoff_seconds: float,
    given_up: bool = False,
) -> Settlement:
    """Return what happens to a message after an outcome. This is the only table of it.

    `receives`: how often SQS has handed it out. `failures`: how often it has failed, including now. A job
    that is given up is released without delay, so that SQS soon moves it to the dead-letter queue. If the
    queue allows more receives than it should, such a message must not keep a worker busy.
    """
    if outcome in (Outcome.DONE, Outcome.SKIPPED):
        return Settlement(Fate.DELETE)
    if outcome is Outcome.LEASE_LOST:
        return Settlement(Fate.NOTHING)
    is_last = outcome is Outcome.REJECTED or given_up or failures >= job_retries
    is_quick = receives < job_retries + SPARE_RECEIVES + QUICK_RECEIVES
    if outcome is Outcome.INTERRUPTED or (is_last and is_quick):
        return Settlement(Fate.RELEASE)
    times = receives if is_last else failures
    return Settlement(Fate.RELEASE, min(backoff_seconds * 2.0 ** min(times - 1, 20), LONGEST_BACKOFF))
