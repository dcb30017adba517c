"""The default VPC as AWS creates it: with a route to an internet gateway (VPC user guide, "Default VPCs")."""

from __future__ import annotations

from typing import Any

from moto.ec2.models import EC2Backend

from distributed_fiji.local.emulators.patching import add

_create = EC2Backend.create_default_vpc


def install() -> None:
    """Give default VPCs that are created from now on their internet gateway."""
    add(EC2Backend, "create_default_vpc", create_default_vpc)


def create_default_vpc(backend: Any) -> Any:
    """Create a region's default VPC."""
    vpc = _create(backend)
    gateway = backend.create_internet_gateway()
    backend.attach_internet_gateway(gateway.id, vpc.id)
    (main,) = (table for table in backend.route_tables.values() if table.vpc_id == vpc.id)
    backend.create_route(main.id, "0.0.0.0/0", gateway_id=gateway.id)
    return vpc
