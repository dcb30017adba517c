"""`estimate`: what a run is likely to cost, by machine type, each figure with its source and age."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from statistics import mean
from typing import Any

from distributed_fiji.aws import pricelist
from distributed_fiji.aws.clients import Clients
from distributed_fiji.aws.machinetypes import MachineType, read_machine_types
from distributed_fiji.aws.market import read_on_demand, read_placement_score
from distributed_fiji.aws.prices import Prices, read_prices
from distributed_fiji.commands.costmodel import Offer, Quote, Shape, Span, Workload
from distributed_fiji.settings import Settings

#: How far back prices are read, in seconds, and how many types besides the fleet's are shown.
MONTH, BEST = 30 * 86_400, 3

#: A region in which AWS offers its price list of all regions (Price List API, endpoints).
PRICE_LIST = "us-east-1"


@dataclass(frozen=True)
class Estimate:
    """What a run costs. `fleet`: with each of the fleet's types. `others`: with the best others that fit.

    `score`: EC2's placement score for the fleet, None if unknown.
    """

    work: Workload
    fleet: tuple[Quote, ...]
    others: tuple[Quote, ...]
    sources: tuple[str, ...]
    score: int | None = None

    @property
    def total(self) -> Span:
        """The total, over whichever of the fleet's types start."""
        return _across([quote.total for quote in self.fleet])

    @property
    def machines(self) -> Span:
        """The part that counts towards MAX_COST and the ledger."""
        return _across([quote.machine_total for quote in self.fleet])

    def kept(self, now: float) -> dict[str, Any]:
        """Return what the run's record keeps, for comparison with the actual cost."""
        machines = self.machines
        return {
            "made": now,
            "low": machines.low,
            "likely": machines.likely,
            "high": machines.high,
            "total": self.total.likely,
            "source": self.work.source,
            "guess": self.work.guess,
        }


def _across(spans: list[Span]) -> Span:
    return Span(
        min(one.low for one in spans), mean(one.likely for one in spans), max(one.high for one in spans)
    )


def shape_of(settings: Settings) -> Shape:
    """Return the fleet that the settings request."""
    return Shape(
        machines=settings.CLUSTER_MACHINES,
        tasks=settings.TASKS_PER_MACHINE,
        volume_gb=settings.EBS_VOL_SIZE,
        public_address=settings.ASSIGN_IP,
        heartbeat=settings.HEARTBEAT_SECONDS,
        dashboard=settings.CREATE_DASHBOARD,
        thumbnails=bool(settings.THUMBNAILS),
        price_limit=settings.MACHINE_PRICE,
    )


def make_estimate(
    settings: Settings, clients: Clients, work: Workload, zones: Collection[str], now: float, *, ask: bool
) -> Estimate:
    """Return what the work costs on the settings' fleet. `zones`: where it may start; none: everywhere.

    `ask`: also request data that needs permissions that a run does not need. Raises InvalidInput for unknown
    types.
    """
    types, _ = read_machine_types(clients.ec2, settings.MACHINE_TYPE)
    types = types or []
    others = _alternatives(settings, types)
    names = {*settings.MACHINE_TYPE, *(kind.name for kind in others)}
    # If EC2 refuses one of the others, only the fleet's own are requested.
    prices = read_prices(clients.ec2, names, now - MONTH) or read_prices(
        clients.ec2, settings.MACHINE_TYPE, now - MONTH
    )
    shape = shape_of(settings)

    def quotes(kinds: list[MachineType]) -> list[Quote]:
        offers = [_offer(kind, prices, zones, clients.region) for kind in kinds]
        return [Quote(offer, work, shape) for offer in offers]

    fleet = quotes(types or [MachineType(name, 0, 0, ()) for name in settings.MACHINE_TYPE])
    priced = [quote for quote in quotes(others) if quote.offer.spot]
    best = sorted(priced, key=lambda quote: quote.total.likely)[:BEST]
    sources = [f"seconds per job: {work.source}{', a guess' if work.guess else ''}"]
    sources += _price_sources(bool(prices), settings.MACHINE_PRICE, clients.region, now)
    estimate = Estimate(work, tuple(fleet), tuple(best), tuple(sources))
    return _with_market(estimate, clients) if ask else estimate


def _alternatives(settings: Settings, types: list[MachineType]) -> list[MachineType]:
    """Return other types of the fleet's smallest size and architecture that have room for its tasks."""
    if not types:
        return []
    smallest = min(types, key=lambda kind: kind.vcpus)
    needed = settings.MEMORY * settings.TASKS_PER_MACHINE
    names = {kind.name for kind in types}
    return [
        kind
        for kind in pricelist.types_of_size(smallest.vcpus, smallest.architecture)
        if kind.usable_mib >= needed and kind.name not in names
    ]


def _offer(
    kind: MachineType, prices: dict[tuple[str, str], Prices], zones: Collection[str], region: str
) -> Offer:
    history = {
        zone: entries
        for (name, zone), entries in prices.items()
        if name == kind.name and (not zones or zone in zones)
    }
    every = [price for entries in history.values() for _, price in entries]
    return Offer(
        kind,
        spot={zone: max(entries)[1] for zone, entries in sorted(history.items())},
        month=(min(every), max(every)) if every else None,
        on_demand=pricelist.on_demand(kind, region),
        band=pricelist.interruption_band(kind.name, region),
    )


def _with_market(estimate: Estimate, clients: Clients) -> Estimate:
    """Return the estimate with today's price list and placement score, if AWS provides them."""
    rows = (*estimate.fleet, *estimate.others)
    listed = read_on_demand(
        clients.optional("pricing", PRICE_LIST), [row.offer.kind.name for row in rows], clients.region
    )

    def priced(row: Quote) -> Quote:
        price = listed.get(row.offer.kind.name, row.offer.on_demand)
        return replace(row, offer=replace(row.offer, on_demand=price))

    kinds = [row.offer.kind.name for row in estimate.fleet]
    score = read_placement_score(
        clients.optional("ec2", clients.region), kinds, estimate.fleet[0].shape.machines, clients.region
    )
    said = [f"placement score of the fleet's types: {score} of 10"] if score else []
    if listed:
        said.append("on demand: AWS's price list, today")
    return replace(
        estimate,
        fleet=tuple(map(priced, estimate.fleet)),
        others=tuple(map(priced, estimate.others)),
        sources=(*estimate.sources, *said),
        score=score,
    )


def _price_sources(known: bool, limit: float, region: str, now: float) -> list[str]:
    spot = "EC2's history of 30 days, read now" if known else f"unknown; MACHINE_PRICE = {limit:g} stands"
    listed = f"AWS's price list {pricelist.age(pricelist.PRICES_OF, now)}"
    if region != pricelist.PRICED_REGION:
        listed = f"unknown for {region} in the snapshot"
    return [
        f"spot prices: {spot}",
        f"on demand: {listed}",
        f"interruptions: Spot Instance Advisor {pricelist.age(pricelist.BANDS_OF, now)}",
        f"all else: AWS's price lists for us-east-1 {pricelist.age(pricelist.REQUESTS_OF, now)}",
        "seconds from a machine's start to its first job: 60 to 300, assumed",
    ]
