"""The chain from keys to the first job, as data, and the walk along it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from distributed_fiji.doctor.evidence import Evidence
from distributed_fiji.doctor.judgement import Judgement, broken
from distributed_fiji.doctor.machines import judge_capacity, judge_fleet, judge_instances, judge_joined
from distributed_fiji.doctor.orders import judge_keys, judge_queue, judge_run
from distributed_fiji.doctor.work import judge_image, judge_job, judge_placed, judge_worker


class Link(NamedTuple):
    """A link: its stable id, how it is judged, and what must have been read for that."""

    id: str
    judge: Callable[[Evidence], Judgement]
    needs: tuple[str, ...] = ()


LINKS = (
    Link("credentials", judge_keys),
    Link("run", judge_run, ("ending",)),
    Link("queue", judge_queue, ("queue",)),
    Link("fleet", judge_fleet, ("fleet",)),
    Link("capacity", judge_capacity, ("machines",)),
    Link("instances", judge_instances, ("machines",)),
    Link("joined", judge_joined, ("machines", "cluster")),
    Link("placed", judge_placed, ("service", "tasks")),
    Link("image", judge_image, ("tasks",)),
    Link("worker", judge_worker, ("tasks",)),
    Link("first-job", judge_job, ("jobs",)),
)

NOT_REACHED = Judgement("not reached", "")


class Judged(NamedTuple):
    """A link's id, and what was found about it."""

    link: str
    judgement: Judgement


def walk(found: Evidence) -> list[Judged]:
    """Judge link after link, to the first that does not hold. Those that cannot be seen are passed over."""
    judged = []
    over = False
    for link in LINKS:
        judgement = NOT_REACHED if over else _judge(link, found)
        over = over or judgement.is_last or judgement.state in ("broken", "waiting")
        judged.append(Judged(link.id, judgement))
    return judged


def refused(reason: str, cure: str) -> list[Judged]:
    """Return the chain if AWS does not know who asks."""
    first = broken("credentials", "AWS does not accept your keys", cure, reason)
    return [Judged(LINKS[0].id, first), *(Judged(link.id, NOT_REACHED) for link in LINKS[1:])]


def _judge(link: Link, found: Evidence) -> Judgement:
    missing = tuple(dict.fromkeys(found.unseen[name] for name in link.needs if name in found.unseen))
    if missing:
        return Judgement("unknown", "could not be seen", evidence=missing)
    return link.judge(found)


def find_broken(judged: Sequence[Judged]) -> Judged | None:
    """Return the first broken link, or None."""
    return next((one for one in judged if one.judgement.state == "broken"), None)


def is_open(judged: Sequence[Judged]) -> bool:
    """Whether it is unknown if the run works: a link could not be seen, and none behind it proves it."""
    states = [one.judgement.state for one in judged]
    last = max((place for place, state in enumerate(states) if state == "holds"), default=-1)
    return "unknown" in states[last + 1 :]
