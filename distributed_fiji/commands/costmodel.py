"""What a run is likely to cost: pure arithmetic from a workload, a fleet and an offer. Dollars, seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import ceil

from distributed_fiji.aws import pricelist
from distributed_fiji.aws.machinetypes import MachineType
from distributed_fiji.aws.prices import HOURS_A_MONTH, PUBLIC_ADDRESS, VOLUME_GB_MONTH

#: Seconds from a machine's start to its first job: it boots, joins and fetches the image. Nobody has measured
#: it on AWS yet (docs/aws.md).
STARTING = (60.0, 150.0, 300.0)

#: Seconds that a machine without work stays: measured for the monitor (docs/costs.md).
IDLE = 30.0

#: Requests of a job beside those of its inputs and outputs, and bytes of its log (1,000,000 jobs, counted).
OWN_WRITES, OWN_READS, OWN_QUEUE_REQUESTS, LOG_BYTES = 3, 2, 7.1, 2750

#: Seconds between two looks of the monitor in a long run, each listing what is done, a page for 1,000 jobs:
#: at least, for a page, and at most (commands/monitor.py, wait_seconds).
LOOK, LOOK_PAGE, LONGEST_LOOK = 30.0, 0.3, 300.0


@dataclass(frozen=True)
class Span:
    """The least, the likely and the most."""

    low: float
    likely: float
    high: float

    def __add__(self, other: Span) -> Span:
        return Span(self.low + other.low, self.likely + other.likely, self.high + other.high)

    def __mul__(self, by: float) -> Span:
        return Span(self.low * by, self.likely * by, self.high * by)


@dataclass(frozen=True)
class Workload:
    """How much work there is. `seconds`: of a job; `source`: where that is from, in words.

    `inputs`, `files`, `output_bytes`: of a job; `output_bytes` None: unknown.
    """

    jobs: int
    seconds: Span
    source: str
    guess: bool
    inputs: float = 1.0
    files: float = 1.0
    output_bytes: float | None = None


@dataclass(frozen=True)
class Shape:
    """The fleet as it is asked for. `starting`: seconds from a machine's start to its first job."""

    machines: int
    tasks: int
    volume_gb: int
    public_address: bool
    heartbeat: float
    dashboard: bool
    price_limit: float
    starting: Span = Span(*STARTING)


@dataclass(frozen=True)
class Offer:
    """A machine type with its prices, dollars an hour.

    `spot`: by zone, now; `month`: least and most of 30 days; `band`: its place in pricelist.BANDS.
    Empty or None: unknown.
    """

    kind: MachineType
    spot: Mapping[str, float]
    month: tuple[float, float] | None
    on_demand: float | None
    band: int | None

    def price(self, limit: float) -> Span:
        """Return what an hour costs. A fleet takes the better of its zones (priceCapacityOptimized).

        MACHINE_PRICE, the limit, stands where no price is known.
        """
        if not self.spot or self.month is None:
            return Span(0.0, limit, limit)
        ordered = sorted(self.spot.values())
        likely = ordered[(len(ordered) - 1) // 2]
        return Span(*(min(limit, price) for price in (self.month[0], likely, self.month[1])))


@dataclass(frozen=True)
class Quote:
    """What the run costs with one machine type."""

    offer: Offer
    work: Workload
    shape: Shape

    @property
    def hours(self) -> Span:
        """Hours from the first machine to the end of the last."""
        slots = self.shape.machines * self.shape.tasks
        # The last jobs end one after another: half a job, on average.
        rounds = max(1.0, self.work.jobs / slots + 0.5) if self.work.jobs > slots else 1.0
        busy = self.work.seconds * rounds
        return (busy + self.shape.starting + Span(IDLE, IDLE, IDLE)) * (1 / 3600)

    @property
    def machine_hours(self) -> Span:
        """Hours of all machines together: each is paid from its start until it is ended for want of work."""
        machines, tasks, jobs = self.shape.machines, self.shape.tasks, self.work.jobs
        # Of several tasks the last one keeps its machine: for so much of a job, with ends spread evenly.
        late = (tasks - 1) / (2 * (tasks + 1)) if jobs > machines * tasks else 0.0
        rounds = max(jobs / tasks, min(machines, jobs)) + machines * late
        idle = self.shape.starting + Span(IDLE, IDLE, IDLE)
        return (self.work.seconds * rounds + idle * machines) * (1 / 3600)

    @cached_property
    def items(self) -> dict[str, Span]:
        """Return the dollars by kind."""
        hours, price = self.machine_hours, self.offer.price(self.shape.price_limit)
        machines = Span(*(getattr(hours, end) * getattr(price, end) for end in ("low", "likely", "high")))
        month = self.hours * (1 / HOURS_A_MONTH)
        return {
            "machines": machines,
            "public addresses": hours * (PUBLIC_ADDRESS if self.shape.public_address else 0.0),
            "volumes": hours * (self.shape.volume_gb * VOLUME_GB_MONTH / HOURS_A_MONTH),
            "spot losses": self._losses(price),
            **{name: Span(value, value, value) for name, value in self._requests().items()},
            "alarms": month * (pricelist.ALARM_MONTH * self.shape.machines),
            "dashboard": month * (pricelist.DASHBOARD_MONTH * self.shape.dashboard),
            "janitor": self.hours * (pricelist.JANITOR_DAY / 24),
        }

    def _losses(self, price: Span) -> Span:
        """Return what lost machines cost anew: their start, and half of each job at work.

        A share of machines that is lost within a month is taken as spread evenly over its hours.
        """
        shares = [share for _, share in pricelist.BANDS]
        band = self.offer.band
        likely, most = (shares[2], shares[-1]) if band is None else (shares[band], 2 * shares[band])
        each = (self.shape.starting.likely + self.work.seconds.likely / 2) / 3600 * price.likely
        lost = self.machine_hours.likely / HOURS_A_MONTH * each
        return Span(0.0, lost * likely, lost * most)

    def _requests(self) -> dict[str, float]:
        """Return the dollars of requests, logs and a month of the outputs' storage."""
        work = self.work
        heartbeats = ceil(work.seconds.likely / self.shape.heartbeat) + 1
        pages = ceil(work.jobs / 1000)
        lists = self.hours.likely * 3600 / min(LONGEST_LOOK, max(LOOK, LOOK_PAGE * pages)) * pages
        thousands = work.jobs / 1000
        return {
            "S3 writes": thousands * (OWN_WRITES + work.files) * pricelist.S3_WRITES,
            "S3 reads": thousands * (OWN_READS + work.inputs) * pricelist.S3_READS,
            "S3 lists": lists / 1000 * pricelist.S3_WRITES,
            "SQS": thousands * (OWN_QUEUE_REQUESTS + heartbeats) * pricelist.SQS_REQUESTS,
            "logs": work.jobs * LOG_BYTES / 1e9 * pricelist.LOGS_GB,
            "storage, one month": work.jobs * (work.output_bytes or 0) / 1e9 * pricelist.STORAGE_GB_MONTH,
        }

    @property
    def machine_total(self) -> Span:
        """Return what a run's limit and ledger count: machines, addresses and volumes."""
        return self.items["machines"] + self.items["public addresses"] + self.items["volumes"]

    @property
    def total(self) -> Span:
        """Return all of it."""
        return sum(self.items.values(), Span(0, 0, 0))
