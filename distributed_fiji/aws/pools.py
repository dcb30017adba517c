"""A fleet's pools, machine types in zones: which are offered, and what each costs today.

Checked before the fleet is requested. EC2 reports a zone without the type, or a price above the cap, only as
an `information` event of a fleet that then waits for ever (EC2 API reference, EventInformation:
launchSpecUnusable, fleetProgressHalted). For example, us-east-1e has no m5.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from distributed_fiji.aws.clients import error_text, pages
from distributed_fiji.aws.fleetrequest import Subnet
from distributed_fiji.aws.prices import read_prices
from distributed_fiji.aws.refusals import is_denied

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

#: A machine type and a zone.
TypeInZone = tuple[str, str]

Pool = tuple[str, Subnet]


def read_offerings(ec2: EC2Client, kinds: Iterable[str]) -> tuple[frozenset[TypeInZone] | None, list[str]]:
    """Return where machine types are offered, or None with a warning if this account may not ask."""
    filters = [{"Name": "instance-type", "Values": sorted(kinds)}]
    arguments = {"LocationType": "availability-zone", "Filters": filters}
    try:
        found = list(pages(ec2, "describe_instance_type_offerings", "InstanceTypeOfferings", **arguments))
    except ClientError as error:
        if not is_denied(error):
            raise
        return None, [f"Could not check which zones offer these machine types: {error_text(error)}"]
    return frozenset((item["InstanceType"], item["Location"]) for item in found), []


def read_latest_prices(ec2: EC2Client, kinds: Iterable[str], now: float) -> dict[TypeInZone, float]:
    """Return today's spot price of each pool, in dollars per hour; empty if it cannot be read."""
    return {place: max(history)[1] for place, history in read_prices(ec2, kinds, now).items()}


def offered(
    kinds: Iterable[str], subnets: Iterable[Subnet], offerings: frozenset[TypeInZone] | None
) -> tuple[tuple[Pool, ...], list[str]]:
    """Return the pools in which machines can start, and which subnets lack a type."""
    pools = tuple((kind, subnet) for kind in kinds for subnet in subnets)
    if offerings is None:
        return pools, []
    kept = tuple((kind, subnet) for kind, subnet in pools if (kind, subnet.zone) in offerings)
    lacking = sorted({f"{kind} in {subnet.zone}" for kind, subnet in set(pools) - set(kept)})
    return kept, [
        f"EC2 does not offer {', '.join(lacking)}, so the fleet does not request it"
    ] if lacking else []


def price_findings(
    pools: Iterable[Pool], prices: Mapping[TypeInZone, float], most: float
) -> tuple[list[str], list[str]]:
    """Return problems and warnings about MACHINE_PRICE, the most that a machine may cost, in these pools.

    A pool without a known price is ignored.
    """
    known = {
        (kind, subnet.zone): prices[kind, subnet.zone]
        for kind, subnet in pools
        if (kind, subnet.zone) in prices
    }
    dear = {place: price for place, price in known.items() if price > most}
    if not dear:
        return [], []
    (kind, zone), cheapest = min(known.items(), key=lambda item: item[1])
    what = f"MACHINE_PRICE = {most:g}"
    if len(dear) == len(known):
        least = f"{kind} in {zone} at ${cheapest:.4f} an hour"
        return [f"{what}: no machine would start, because today's lowest price is {least}"], []
    named = ", ".join(f"{kind} in {zone} at ${price:.4f}" for (kind, zone), price in sorted(dear.items()))
    return [], [f"{what}: no machines start where today's price is higher: {named}"]
