"""What machines cost: EC2's spot price history, and additional costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from distributed_fiji.aws.clients import AwsError, pages

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client


def read_prices(
    ec2: EC2Client,
    kinds: Iterable[str],
    since: float,
    refused: Callable[[Exception], None] = lambda error: None,
) -> dict[tuple[str, str], Prices]:
    """Return spot prices of machine types since a time, by type and zone. `refused` is called with an error.

    The price in effect at that time is included (EC2 API reference, DescribeSpotPriceHistory). If prices
    cannot be read, the result is empty, and the estimate uses the highest price allowed.
    """
    arguments = {
        "InstanceTypes": sorted(kinds),
        "ProductDescriptions": ["Linux/UNIX"],
        "StartTime": datetime.fromtimestamp(since, timezone.utc),
    }
    found: dict[tuple[str, str], Prices] = {}
    try:
        for item in pages(ec2, "describe_spot_price_history", "SpotPriceHistory", **arguments):
            place = (item["InstanceType"], item["AvailabilityZone"])
            found.setdefault(place, []).append((item["Timestamp"].timestamp(), float(item["SpotPrice"])))
    except AwsError as error:
        refused(error)
        return {}
    return found


def highest_price(ec2: EC2Client, kinds: Iterable[str], now: float, bound: float) -> float:
    """Return the highest current price of machine types in a zone of the region, at most `bound`.

    If no price can be read, `bound` is returned.
    """
    prices = read_prices(ec2, kinds, now).values()
    return min(bound, max((max(history)[1] for history in prices), default=bound))


#: When a price took effect (seconds since 1970), and the price.
Prices = list[tuple[float, float]]


#: A machine's additional costs in us-east-1: per GB and month of a gp3 volume, per hour of a public IPv4
#: address (AWS price lists).
VOLUME_GB_MONTH, PUBLIC_ADDRESS = 0.08, 0.005


HOURS_A_MONTH = 730


def hourly_overhead(volume_gb: int, *, public_address: bool) -> float:
    """Return a machine's additional cost per hour: volume and address."""
    return volume_gb * VOLUME_GB_MONTH / HOURS_A_MONTH + (PUBLIC_ADDRESS if public_address else 0.0)
