"""Which pools a fleet is asked for, and what today's prices say of MACHINE_PRICE."""

from __future__ import annotations

from distributed_fiji.aws.fleetrequest import Subnet
from distributed_fiji.aws.pools import offered, price_findings

A, E = Subnet("subnet-a", "us-east-1a"), Subnet("subnet-e", "us-east-1e")
OFFERED = frozenset({("m5.large", "us-east-1a"), ("m4.large", "us-east-1a"), ("m4.large", "us-east-1e")})


def test_a_zone_without_a_type_is_not_asked_for_it() -> None:
    pools, warnings = offered(["m5.large", "m4.large"], [A, E], OFFERED)

    assert pools == (("m5.large", A), ("m4.large", A), ("m4.large", E))
    assert warnings == ["EC2 does not offer m5.large in us-east-1e, so the fleet does not request it"]


def test_where_offerings_cannot_be_read_every_pool_is_asked_for() -> None:
    assert offered(["m5.large"], [A, E], None) == ((("m5.large", A), ("m5.large", E)), [])


def test_a_price_below_every_pools_is_a_problem_and_below_some_a_warning() -> None:
    pools = [("m5.large", A), ("m4.large", A)]
    prices = {("m5.large", "us-east-1a"): 0.05, ("m4.large", "us-east-1a"): 0.04}

    (problem,), none = price_findings(pools, prices, 0.03)
    nothing, (warning,) = price_findings(pools, prices, 0.045)

    assert (
        "no machine would start, because today's lowest price is m4.large in us-east-1a at $0.0400" in problem
    )
    assert (none, nothing) == ([], [])
    assert "m5.large in us-east-1a at $0.0500" in warning
    assert "m4" not in warning
    assert price_findings(pools, prices, 0.05) == ([], [])
    assert price_findings(pools, {}, 0.01) == ([], [])
