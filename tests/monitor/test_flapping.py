"""Counts that read 0 for up to 90 s at a time, whatever the queue holds: no run ends with work left or late.

Many simulated runs through `decide` alone; one through the real monitor, against the emulators.
"""

from __future__ import annotations

import random
import time
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any

import pytest

from distributed_fiji.aws.clients import Clients
from distributed_fiji.aws.tasks import Task
from distributed_fiji.commands.monitor import LONGEST_WAIT, monitor, wait_seconds
from distributed_fiji.monitor.actions import TakeDown
from distributed_fiji.monitor.decide import Memory, decide
from distributed_fiji.monitor.rounds import DOUBTFUL_WAIT
from distributed_fiji.monitor.snapshot import Jobs, Snapshot
from tests.monitor.builders import EmulatedSession, SteppedClock, a_run, some_jobs
from tests.monitor.screen import Screen
from tests.monitor.test_decide import LIMITS, RUN, ids, seen
from tests.monitor.world import World

Spans = list[tuple[float, float]]

LONGEST_FLAP = 90.0
#: Seconds until a message that was given back is visible again, and until a task takes it then.
BACK_OFF, TAKING = 60.0, 20.0


def flaps(chance: random.Random, shortest_truth: float, end: float) -> Spans:
    """Return when counts read 0, until some time: again and again, right only for a moment in between."""
    found, start = [], chance.uniform(1, 30)
    while start < end:
        found.append((start, start + chance.uniform(1, LONGEST_FLAP)))
        start = found[-1][1] + shortest_truth + chance.expovariate(1 / 20)
    return found


def inside(spans: Spans, now: float) -> bool:
    """Whether a time is within one of some spans that are in order."""
    number = bisect_right(spans, (now, float("inf"))) - 1
    return number >= 0 and now < spans[number][1]


@dataclass(frozen=True)
class Work:
    """One job's life: the spans in which a task holds it, and whether it is given up after the last."""

    spans: Spans
    dead: bool

    def ended(self, now: float) -> bool:
        return self.spans[-1][1] <= now

    def held(self, now: float) -> bool:
        return inside(self.spans, now)

    def failed(self, now: float) -> int:
        ended = sum(end <= now for _, end in self.spans)
        return ended - (self.ended(now) and not self.dead)


def works(chance: random.Random, tasks: int) -> list[Work]:
    """Return the jobs of a run: most are done at once, some at a later attempt, some never."""
    free, found = [0.0] * tasks, []
    for _ in range(chance.randint(1, 12)):
        attempts = chance.choices((1, 2, 3), (8, 1, 1))[0]
        spans: Spans = []
        ready = 0.0
        for _ in range(attempts):
            task = min(range(tasks), key=free.__getitem__)
            begin = max(ready, free[task]) + chance.uniform(0, TAKING if ready > free[task] else 1)
            free[task] = begin + chance.lognormvariate(0, 0.8) * 60
            spans.append((begin, free[task]))
            ready = free[task] + BACK_OFF
        found.append(Work(spans, dead=attempts == 3 and chance.random() < 0.5))
    return found


@dataclass(frozen=True)
class Case:
    """Who submitted the jobs: 'ours', 'foreign' or 'both'; whether tasks say that they hold one."""

    jobs: str
    known: bool

    @property
    def shortest_truth(self) -> float:
        """Seconds that counts are right at least: where nothing else tells of work, one look must see it."""
        return 1.0 if self.known or self.jobs == "ours" else DOUBTFUL_WAIT

    @property
    def allowed(self) -> float:
        """Seconds after its end by which a run must be taken down: two polls, and what foreign jobs need."""
        proof = {"ours": 0.0, "foreign": LIMITS.settle if self.known else LIMITS.doubt}
        return 2 * LONGEST_WAIT + proof.get(self.jobs, LIMITS.doubt)


@dataclass
class Life:
    """A simulated run."""

    case: Case
    works: list[Work]
    tasks: int
    flaps: Spans
    submitted: int = field(init=False)

    def __post_init__(self) -> None:
        counts = {"ours": len(self.works), "foreign": 0, "both": (len(self.works) + 1) // 2}
        self.submitted = counts[self.case.jobs]

    @property
    def end(self) -> float:
        return max(work.spans[-1][1] for work in self.works)

    def look(self, now: float) -> Snapshot:
        """Return what the monitor sees."""
        flat = inside(self.flaps, now)
        held = sum(work.held(now) for work in self.works)
        states = [number < held if self.case.known else None for number in range(self.tasks)]
        left = 0 if flat else sum(not work.ended(now) for work in self.works)
        tasks = tuple(Task(f"task-{n}", f"place-{n}", "RUNNING", state) for n, state in enumerate(states))
        return seen(now, left=left, machines=self.tasks, jobs=self._jobs(now), tasks=tasks)

    def _jobs(self, now: float) -> Jobs:
        ended = [number for number, work in enumerate(self.works) if work.ended(now)]
        dead = [number for number in ended if self.works[number].dead]
        done = [number for number in ended if number not in dead]
        return Jobs(
            submitted=ids(*range(self.submitted)),
            done_ids=ids(*(number for number in done if number < self.submitted)),
            dead=ids(*(number for number in dead if number < self.submitted)),
            others=sum(number >= self.submitted for number in done),
            dead_letters=len(dead),
            failed_attempts=sum(work.failed(now) for work in self.works),
        )


def taken_down(life: Life) -> float:
    """Look as the monitor looks, and return when the run was taken down."""
    memory, now = Memory(), 0.0
    while True:
        actions, memory = decide(RUN, LIMITS, life.look(now), memory)
        if any(isinstance(action, TakeDown) for action in actions):
            return now
        assert now < life.end + 3600, "never taken down"
        wait = wait_seconds(now, 0)
        now += min(wait, DOUBTFUL_WAIT) if memory.empty else wait


CASES = [Case(jobs, known) for jobs in ("ours", "foreign", "both") for known in (True, False)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_no_run_ends_with_work_left_and_none_late(case: Case) -> None:
    for seed in range(200):
        chance = random.Random(seed)
        tasks = chance.randint(1, 4)
        jobs = works(chance, tasks)
        end = max(work.spans[-1][1] for work in jobs)
        life = Life(case, jobs, tasks, flaps(chance, case.shortest_truth, end + 600))

        ended = taken_down(life)

        assert life.end <= ended <= life.end + case.allowed, f"seed {seed}: {ended - life.end:.0f} s"


class FlappingSession(EmulatedSession):
    """A session whose queues count nothing for a while, again and again, by a clock that is set later."""

    def __init__(self, session: EmulatedSession, spans: Spans) -> None:
        super().__init__(session.control, session.data, session.region_name)
        self.boto = session.boto
        self.spans = spans
        self.clock: SteppedClock | None = None
        self.start = 0.0
        self.lies = 0

    def client(self, service: str, config: Any) -> Any:
        client = super().client(service, config)
        client.meta.events.register("after-call.sqs.GetQueueAttributes", self._flatten)
        return client

    def _flatten(self, parsed: dict[str, Any], **_: Any) -> None:
        now = self.clock.now() - self.start if self.clock else 0.0
        if inside(self.spans, now):
            counts = [name for name in parsed.get("Attributes", {}) if name.startswith("ApproximateNumber")]
            self.lies += any(parsed["Attributes"][name] != "0" for name in counts)
            parsed["Attributes"].update(dict.fromkeys(counts, "0"))


def test_the_real_monitor_ends_a_run_whose_counts_flap_at_its_end(
    session: EmulatedSession, clients: Clients, app: str
) -> None:
    chance = random.Random(6)
    run = a_run(clients, app, machines=2)
    run.clients.sqs.set_queue_attributes(QueueUrl=run.queue_url, Attributes={"VisibilityTimeout": "43200"})
    run.submit(some_jobs(2))
    run.send(some_jobs(2, start=2))
    flapping = FlappingSession(session, flaps(chance, 1.0, 7200))
    flapping.start = time.time()
    world = World(run, [chance.uniform(40, 90) for _ in range(4)], flapping.start)
    world.begin()
    flapping.clock = clock = SteppedClock(flapping.start)
    clock.on_sleep = lambda: world.advance(clock.now())

    result = monitor(run.record, Clients(flapping), cheapest=False, clock=clock, out=Screen().terminal)
    world.advance(clock.now())

    assert (result.exit_code, result.done) == (0, 4)
    assert flapping.lies > 0
    ended = max(place.ended or float("inf") for place in world.places)
    assert world.last_end <= ended <= world.last_end + Case("both", known=True).allowed
