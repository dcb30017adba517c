"""When to take a job ahead of its turn, and when to give it back. Pure.

Taking a job ahead overlaps its transfers with the present job. It must never wait here while another worker
is idle.
"""

from __future__ import annotations

from worker.aws.queue import Counts
from worker.settings import LEASE_SECONDS

#: A job that has waited here this long, with nothing left in the queue, could be running elsewhere.
LONGEST_WAIT_SECONDS = 30.0
#: A poll that took longer than a request had to wait: the queue was empty when it began.
AT_ONCE_SECONDS = 0.2
#: After such a poll others may be waiting too, and may receive what arrived with this message a little later.
#: SQS answers an open poll at once, emulators when they next check (ministack: every 0.1 s).
OTHERS_FIRST_SECONDS = 1.0

#: A count of the queue is not trusted for longer: machines may have been added, or messages purged.
LONGEST_TRUST_SECONDS = 300.0


def fits_its_lease(waited_seconds: float, timeout_seconds: float) -> bool:
    """Whether a job that has waited here can still run for its whole time-out; 0: it has none."""
    return waited_seconds + timeout_seconds <= LEASE_SECONDS


def longest_run(timeout_seconds: float, waited_seconds: float) -> float:
    """Return after how many seconds a run is ended. Without a time-out, that is when its message would come
    back.
    """
    return timeout_seconds or max(60.0, LEASE_SECONDS - waited_seconds)


def may_take_ahead(counts: Counts, held_here: int) -> bool:
    """Whether another job may be taken while one is in FIJI. `held_here`: messages that this worker holds.

    Waiting workers have already taken what they want (after the queue had run dry: once OTHERS_FIRST_SECONDS
    have passed), so those that could soon want a job hold one now. As long as more jobs wait than others
    hold, each of them still finds one after this one is gone.
    """
    others = max(0, counts.in_flight - held_here)
    return counts.visible > others


def others_may_wait(waited_seconds: float, *, after_an_empty_poll: bool) -> bool:
    """Whether the queue was empty before this poll's message, so that other workers may be polling too."""
    return after_an_empty_poll or waited_seconds > AT_ONCE_SECONDS


def is_still_deep(counts: Counts, *, taken_since: int, seconds: float) -> bool:
    """Whether a queue that was counted then has jobs for everybody still, so that asking would tell nothing.

    `taken_since`: messages that this worker has received since. Others may have been four times as quick.
    """
    taken = 4 * (taken_since + 2) * max(1, counts.in_flight)
    return seconds <= LONGEST_TRUST_SECONDS and counts.visible > taken


def should_give_back(counts: Counts, *, attempt: int, waited_seconds: float) -> bool:
    """Whether to give back a job taken ahead: no other job waits, so another worker may be idle."""
    return counts.visible == 0 and may_give_back(attempt=attempt, waited_seconds=waited_seconds)


def may_give_back(*, attempt: int, waited_seconds: float) -> bool:
    """Whether giving a job back may be worth it. It costs a receive, so it is done on the first one only."""
    return attempt == 1 and waited_seconds > LONGEST_WAIT_SECONDS
