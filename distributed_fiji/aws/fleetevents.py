"""The events that EC2 reports about a spot fleet, and which of them waiting does not fix. Pure functions.

A capacity shortage arrives as an `error` of sub-type spotFleetRequestConfigurationInvalid ("There is no Spot
capacity available that matches your request.", hashicorp/terraform-provider-aws#26493; "We currently do not
have sufficient p2.xlarge capacity in the Availability Zone", c6fc/npk#70), so the sub-type alone decides
nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from distributed_fiji.aws.causes import INVALID_REQUESTS, SHORTAGE, KnownCause, find_cause

if TYPE_CHECKING:
    from mypy_boto3_ec2.literals import EventTypeType

#: Types of events that report problems; launchSpecUnusable and similar ones are information (EC2 API
#: reference, EventInformation).
TROUBLE: tuple[EventTypeType, ...] = ("error", "information")

BLACKLISTED = ("allLaunchSpecsTemporarilyBlacklisted", "launchSpecTemporarilyBlacklisted")
INVALID_ROLE, INVALID_REQUEST = "iamFleetRoleInvalid", "spotFleetRequestConfigurationInvalid"

#: Causes by EventSubType, the pattern of a cause (EC2 user guide, "Spot Fleet event types"). Prices below the
#: market are information: "Spot bid price is less than Spot market price $0.0287" with launchSpecUnusable,
#: then fleetProgressHalted (hashicorp/terraform-provider-aws#3105).
EVENTS = (
    KnownCause(
        "fleet-role",
        INVALID_ROLE,
        "run `python run.py setup` to create the fleet role, or correct IamFleetRole",
    ),
    KnownCause(
        "spot-quota",
        "spotInstanceCountLimitExceeded|MaxSpotInstanceCountExceeded|Max spot instance count exceeded",
        "ask AWS for more spot vCPUs (Service Quotas), or lower CLUSTER_MACHINES",
    ),
    KnownCause(
        "price",
        "launchSpecUnusable",
        "the price cap (MACHINE_PRICE) may be too low, or the zone lacks the machine type",
    ),
    KnownCause(
        "price",
        "fleetProgressHalted",
        "every spot price is above MACHINE_PRICE; raise it, or use other machine types",
    ),
    KnownCause("fleet-request", INVALID_REQUEST, "correct the named value in the fleet file or in config.py"),
    KnownCause("fleet", "", "check the fleet's history in the EC2 console"),
)

#: Seconds after the request from which an error ends the start if there is not a single machine. EC2 sees new
#: roles and profiles late: Terraform waits two minutes for a role (terraform-provider-aws,
#: aws_spot_fleet_request).
FATAL_AFTER = {INVALID_ROLE: 120, INVALID_REQUEST: 180}


@dataclass(frozen=True)
class FleetError:
    """A problem that EC2 reports about a fleet: the event's sub-type and its description."""

    kind: str
    description: str

    @property
    def is_shortage(self) -> bool:
        return self.kind in BLACKLISTED or find_cause([SHORTAGE], self.description) is not None

    @property
    def cause(self) -> KnownCause:
        """The cause, with what to do."""
        if self.is_shortage:
            return SHORTAGE
        named = find_cause(INVALID_REQUESTS, self.description) if self.kind == INVALID_REQUEST else None
        found = named or find_cause(EVENTS, self.kind, self.description)
        assert found is not None
        return found

    @property
    def advice(self) -> str:
        return self.cause.cure


def find_fatal(errors: Collection[FleetError], *, machines: int, seconds: float) -> FleetError | None:
    """Return the error that waiting does not fix, or None.

    `machines`: how many the fleet has; one proves that its request works. `seconds`: since the request. If
    one pool lacks capacity, EC2 has understood the request, so errors of other pools do not end it.
    """
    if machines:
        return None
    for error in sorted(errors, key=lambda item: (item.kind, item.description)):
        alike = [other for other in errors if other.kind == error.kind]
        lasted = seconds >= FATAL_AFTER.get(error.kind, float("inf"))
        if lasted and not any(other.is_shortage for other in alike):
            return error
    return None
