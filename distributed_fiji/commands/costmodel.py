"""Estimate a run's cost: pure arithmetic from a workload, a fleet and an offer. Dollars, seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import ceil

from distributed_fiji.aws import pricelist
from distributed_fiji.aws.machinetypes import MachineType
from distributed_fiji.aws.prices import HOURS_A_MONTH, PUBLIC_ADDRESS, VOLUME_GB_MONTH
from distributed_fiji.monitor.jobcount import SECONDS_A_PAGE

#: Seconds from a machine's start to its first job, for booting, joining and downloading the image. Not yet
#: measured on AWS (docs/aws.md).
STARTING = (60.0, 150.0, 300.0)

#: Seconds that a machine without work stays, as measured with the monitor (docs/costs.md).
IDLE = 30.0

#: A job's requests besides those for its inputs, outputs and heartbeats, as benchmarks/requests.py counts
#: them, and the bytes of its log.
OWN_WRITES, OWN_READS, OWN_QUEUE_REQUESTS, LOG_BYTES = 1.02, 1, 2.1, 2750

#: Requests for an input that is named in full: HEAD and GET. What patterns list is not counted.
READS_OF_AN_INPUT = 2

#: Seconds between two looks of the monitor in a long run (commands/monitor.py, LONGEST_WAIT). It lists what
#: is done, a page for 1,000 jobs, at each, or more rarely (SECONDS_A_PAGE).
LOOK = 30.0


@dataclass(frozen=True)
class Span:
    """The lowest, the likely and the highest value."""

    low: float
    likely: float
    high: float

    def __add__(self, other: Span) -> Span:
        return Span(self.low + other.low, self.likely + other.likely, self.high + other.high)

    def __mul__(self, by: float) -> Span:
        return Span(self.low * by, self.likely * by, self.high * by)


@dataclass(frozen=True)
class Workload:
    """How much work there is. `seconds`: per job. `source`: where that comes from, in words.

    `inputs`, `files`, `output_bytes`: per job. `output_bytes` is None if unknown.
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
    """The fleet as requested. `starting`: seconds from a machine's start to its first job."""

    machines: int
    tasks: int
    volume_gb: int
    public_address: bool
    heartbeat: float
    dashboard: bool
    thumbnails: bool
    price_limit: float
    starting: Span = Span(*STARTING)


@dataclass(frozen=True)
class Offer:
    """A machine type with its prices in dollars per hour.

    `spot`: by zone, now. `month`: lowest and highest in 30 days. `band`: its index in pricelist.BANDS. Empty
    or None: unknown.
    """

    kind: MachineType
    spot: Mapping[str, float]
    month: tuple[float, float] | None
    on_demand: float | None
    band: int | None

    def price(self, limit: float) -> Span:
        """Return the price per hour. A fleet takes the better of its zones (priceCapacityOptimized).

        If no price is known, the limit, MACHINE_PRICE, is used.
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
        """Hours from the first machine's start to the last one's end."""
        slots = self.shape.machines * self.shape.tasks
        # The last jobs do not end together: on average, that takes another half job.
        rounds = max(1.0, self.work.jobs / slots + 0.5) if self.work.jobs > slots else 1.0
        busy = self.work.seconds * rounds
        return (busy + self.shape.starting + Span(IDLE, IDLE, IDLE)) * (1 / 3600)

    @property
    def machine_hours(self) -> Span:
        """Hours of all machines together: each is paid from its start until it is ended for lack of work."""
        machines, tasks, jobs = self.shape.machines, self.shape.tasks, self.work.jobs
        # The last of several tasks keeps its machine: for this part of a job, if ends are evenly spread.
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
        """Return the extra cost of lost machines: another start, and half of each job at work.

        The share of machines lost within a month is spread evenly over its hours.
        """
        shares = [share for _, share in pricelist.BANDS]
        band = self.offer.band
        likely, most = (shares[2], shares[-1]) if band is None else (shares[band], 2 * shares[band])
        each = (self.shape.starting.likely + self.work.seconds.likely / 2) / 3600 * price.likely
        lost = self.machine_hours.likely / HOURS_A_MONTH * each
        return Span(0.0, lost * likely, lost * most)

    def _requests(self) -> dict[str, float]:
        """Return the dollars for requests, logs, and a month of storage for the outputs."""
        work = self.work
        # A job is taken when the one before it begins, so it is held for twice its time.
        heartbeats = int(2 * work.seconds.likely / self.shape.heartbeat)
        pages = ceil(work.jobs / 1000)
        lists = self.hours.likely * 3600 / max(LOOK, SECONDS_A_PAGE * pages) * pages
        thousands = work.jobs / 1000
        writes = OWN_WRITES + work.files + self.shape.thumbnails
        reads = OWN_READS + READS_OF_AN_INPUT * work.inputs
        return {
            "S3 writes": thousands * writes * pricelist.S3_WRITES,
            "S3 reads": thousands * reads * pricelist.S3_READS,
            "S3 lists": lists / 1000 * pricelist.S3_WRITES,
            "SQS": thousands * (OWN_QUEUE_REQUESTS + heartbeats) * pricelist.SQS_REQUESTS,
            "logs": work.jobs * LOG_BYTES / 1e9 * pricelist.LOGS_GB,
            "storage, one month": work.jobs * (work.output_bytes or 0) / 1e9 * pricelist.STORAGE_GB_MONTH,
        }

    @property
    def machine_total(self) -> Span:
        """Return what counts towards a run's limit and ledger: machines, addresses and volumes."""
        return self.items["machines"] + self.items["public addresses"] + self.items["volumes"]

    @property
    def total(self) -> Span:
        """Return the sum of everything."""
        return sum(self.items.values(), Span(0, 0, 0))
