"""When a job is taken ahead of its turn, and when it is given back. Pure.

A job taken ahead saves its transfers' time, and must never wait here while another worker is idle.
"""

from __future__ import annotations

from worker.queue import Counts

#: A job that has waited here so long, while nothing is left in the queue, could run elsewhere by now.
LONGEST_WAIT_SECONDS = 30.0


def may_take_ahead(counts: Counts, held_here: int) -> bool:
    """Whether a job may be taken while another is in FIJI; `held_here`: messages that this worker holds.

    Workers that wait have taken what they want: those that could want a job soon hold one now. As long as
    more jobs wait than others hold, each of them finds one after this one has gone.
    """
    others = max(0, counts.in_flight - held_here)
    return counts.visible > others


def should_give_back(counts: Counts, *, attempt: int, waited_seconds: float) -> bool:
    """Whether a job taken ahead goes back: nothing else waits, so that another worker may be idle.

    It costs the message a receive, so that it is done on the first one alone.
    """
    return counts.visible == 0 and attempt == 1 and waited_seconds > LONGEST_WAIT_SECONDS
