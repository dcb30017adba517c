"""What else AWS says of machines where it may be asked: the price list, and how likely spot machines come.

Neither is needed: where AWS refuses, nothing is said.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from distributed_fiji.aws.clients import AwsError

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

#: What tells the plain price of a Linux machine from some hundred others (Price List API, AmazonEC2).
PLAIN = {
    "operatingSystem": "Linux",
    "tenancy": "Shared",
    "preInstalledSw": "NA",
    "capacitystatus": "Used",
}


def read_on_demand(pricing: Any, kinds: Iterable[str], region: str) -> dict[str, float]:
    """Return on-demand prices by machine type, dollars an hour, as AWS's price list has them today.

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
        pass  # refused, or not in this form: the snapshot does
    return found


def _price(product: Any) -> float:
    """Return the dollars an hour in a product of the price list."""
    (term,) = product["terms"]["OnDemand"].values()
    (dimension,) = term["priceDimensions"].values()
    return float(dimension["pricePerUnit"]["USD"])


def read_placement_score(ec2: EC2Client, kinds: Iterable[str], machines: int, region: str) -> int | None:
    """Return how likely so many machines of some of the types start in the region, 1 to 10; None: unknown.

    EC2 scores fewer than three types low, whatever they are (EC2 user guide, "Spot placement score").
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
