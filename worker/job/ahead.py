"""When a job is taken ahead of its turn, and when it is given back. Pure.

A job taken ahead saves its transfers' time, and must never wait here while another worker is idle.
"""

from __future__ import annotations

from worker.aws.queue import Counts
from worker.settings import LEASE_SECONDS

#: A job that has waited here so long, while nothing is left in the queue, could run elsewhere by now.
LONGEST_WAIT_SECONDS = 30.0
#: A poll that took longer than a request takes had to wait: nothing was in the queue when it began.
AT_ONCE_SECONDS = 0.2
#: After such a poll others may wait as well, and theirs bring them what came with it, a little later. SQS
#: answers a poll that is open at once, emulators when they next look (ministack: each 0.1 s).
OTHERS_FIRST_SECONDS = 1.0


def fits_its_lease(waited_seconds: float, timeout_seconds: float) -> bool:
    """Whether a job that has waited here may still run for its whole time-out; 0: it has none."""
    return waited_seconds + timeout_seconds <= LEASE_SECONDS


def longest_run(timeout_seconds: float, waited_seconds: float) -> float:
    """Return after how many seconds a run is ended: without a time-out when its message would come back."""
    return timeout_seconds or max(60.0, LEASE_SECONDS - waited_seconds)


def may_take_ahead(counts: Counts, held_here: int) -> bool:
    """Whether a job may be taken while another is in FIJI; `held_here`: messages that this worker holds.

    Workers that wait have taken what they want (where the queue had run dry, after OTHERS_FIRST_SECONDS):
    those that could want a job soon hold one now. As long as more jobs wait than others hold, each of them
    finds one after this one has gone.
    """
    others = max(0, counts.in_flight - held_here)
    return counts.visible > others


def others_may_wait(waited_seconds: float, *, after_an_empty_poll: bool) -> bool:
    """Whether the queue was empty before this poll's message, so that other workers' polls may be open."""
    return after_an_empty_poll or waited_seconds > AT_ONCE_SECONDS


def should_give_back(counts: Counts, *, attempt: int, waited_seconds: float) -> bool:
    """Whether a job taken ahead goes back: nothing else waits, so that another worker may be idle.

    It costs the message a receive, so that it is done on the first one alone.
    """
    return counts.visible == 0 and attempt == 1 and waited_seconds > LONGEST_WAIT_SECONDS
