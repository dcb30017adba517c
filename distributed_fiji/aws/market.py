"""Optional data about machines from AWS: the price list, and how likely spot machines are to start.

Neither is required: if AWS refuses, it is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from distributed_fiji.aws.clients import AwsError

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

#: What distinguishes the plain price of a Linux machine from hundreds of others (Price List API, AmazonEC2).
PLAIN = {
    "operatingSystem": "Linux",
    "tenancy": "Shared",
    "preInstalledSw": "NA",
    "capacitystatus": "Used",
}


def read_on_demand(pricing: Any, kinds: Iterable[str], region: str) -> dict[str, float]:
    """Return today's on-demand prices by machine type, in dollars per hour, from AWS's price list.

    `pricing`: a client of the Price List API. Types without a price are left out.
    """
    found: dict[str, float] = {}
    try:
        for kind in kinds:
            wanted = PLAIN | {"instanceType": kind, "regionCode": region}
            filters = [
                {"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in wanted.items()
            ]
            answer = pricing.get_products(ServiceCode="AmazonEC2", Filters=filters)
            if products := answer["PriceList"]:
                found[kind] = _price(json.loads(products[0]))
    except (*AwsError, LookupError, TypeError, ValueError):
        pass  # refused, or in another form: the snapshot is used
    return found


def _price(product: Any) -> float:
    """Return the dollars per hour in a product of the price list."""
    (term,) = product["terms"]["OnDemand"].values()
    (dimension,) = term["priceDimensions"].values()
    return float(dimension["pricePerUnit"]["USD"])


def read_placement_score(ec2: EC2Client, kinds: Iterable[str], machines: int, region: str) -> int | None:
    """Return how likely so many machines of these types are to start in the region, 1 to 10; None: unknown.

    EC2 gives fewer than three types a low score, whatever they are (EC2 user guide, "Spot placement score").
    """
    try:
        answer = ec2.get_spot_placement_scores(
            InstanceTypes=sorted(kinds),
            TargetCapacity=machines,
            TargetCapacityUnitType="units",
            RegionNames=[region],
        )
    except AwsError:
        return None
    return next((one["Score"] for one in answer["SpotPlacementScores"]), None)
