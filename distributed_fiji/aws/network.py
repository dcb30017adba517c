"""Where subnets' routes lead, and so whether machines there can reach AWS and the image's registry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from distributed_fiji.aws.clients import pages

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

#: What a default route leads to, by the key that names it (EC2 API reference, Route).
INTERNET, OTHER = "igw-", ("NatGatewayId", "TransitGatewayId", "NetworkInterfaceId", "InstanceId",
                           "VpcPeeringConnectionId", "GatewayId")  # fmt: skip


@dataclass(frozen=True)
class WayOut:
    """How machines in a subnet reach other places. `endpoints`: services with VPC endpoints, such as `s3`."""

    subnet: str
    internet: bool
    other: bool
    endpoints: frozenset[str] = frozenset()


def read_ways_out(ec2: EC2Client, subnets: Sequence[str]) -> list[WayOut]:
    """Return each subnet's way out. Raises ClientError if this account may not ask."""
    found = list(pages(ec2, "describe_subnets", "Subnets", SubnetIds=list(subnets)))
    vpcs = [{"Name": "vpc-id", "Values": sorted({item["VpcId"] for item in found})}]
    tables = list(pages(ec2, "describe_route_tables", "RouteTables", Filters=vpcs))
    endpoints = list(pages(ec2, "describe_vpc_endpoints", "VpcEndpoints", Filters=vpcs))
    return [_way_out(item, tables, endpoints) for item in found]


def _way_out(
    subnet: Mapping[str, Any], tables: Iterable[Mapping[str, Any]], endpoints: Iterable[Mapping[str, Any]]
) -> WayOut:
    """Read a subnet's own route table, or its VPC's main one if it has none."""
    own = [table for table in tables if table["VpcId"] == subnet["VpcId"]]
    named = [
        one for one in own if any(it.get("SubnetId") == subnet["SubnetId"] for it in one["Associations"])
    ]
    main = [one for one in own if any(it.get("Main") for it in one["Associations"])]
    routes = [route for table in (named or main)[:1] for route in table["Routes"]]
    default = [one for one in routes if one.get("DestinationCidrBlock") == "0.0.0.0/0"]
    default = [one for one in default if one.get("State", "active") == "active"]
    internet = any(str(one.get("GatewayId", "")).startswith(INTERNET) for one in default)
    other = any(one.get(key) for one in default for key in OTHER) and not internet
    services = {one["ServiceName"].rpartition(".")[2] for one in endpoints if one["VpcId"] == subnet["VpcId"]}
    return WayOut(subnet["SubnetId"], internet, other, frozenset(services))
