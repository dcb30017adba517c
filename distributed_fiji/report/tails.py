"""The last lines of failed jobs' consoles that the page shows, within a number of bytes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from distributed_fiji.review.groups import Group
from distributed_fiji.state.record import without_secrets
from worker.contract.text import one_line

#: Bytes of all texts, lines of one, and characters of a line.
BYTES, LINES, LONGEST = 80_000, 12, 200


def tails_of(
    groups: Sequence[Group], consoles: Mapping[str, Sequence[str]], most_bytes: int = BYTES
) -> dict[str, str]:
    """Return the last lines of jobs, as many as fit: one of each group, then the others, largest group first.

    A text that several jobs have takes its bytes once.
    """
    found: dict[str, str] = {}
    texts: set[str] = set()
    for job in dict.fromkeys(_in_turn(groups)):
        text = _tail(consoles.get(job, ()))
        cost = 10 if text in texts else len(text.encode()) + 20
        if text and cost <= most_bytes:
            most_bytes -= cost
            found[job] = text
            texts.add(text)
    return found


def _in_turn(groups: Sequence[Group]) -> Iterator[str]:
    yield from (group.jobs[0] for group in groups)
    for group in groups:
        yield from group.jobs


def _tail(lines: Sequence[str]) -> str:
    return "\n".join(without_secrets(one_line(line))[:LONGEST] for line in lines[-LINES:])
