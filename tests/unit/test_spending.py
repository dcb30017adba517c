"""What a run has cost: machine-hours at the prices that held, never forgotten, never less than the bill."""

from __future__ import annotations

import pytest

from distributed_fiji.aws.fleetrequest import hourly_limit
from distributed_fiji.aws.prices import hourly_overhead
from distributed_fiji.monitor.snapshot import Machine
from distributed_fiji.monitor.spending import MachineUse, hours_for, merge_ledgers, total_cost, update_ledger
from distributed_fiji.settings import parse_settings
from tests.unit.test_settings import ENOUGH

HOUR = 3600.0


def machine(name: str = "i-1", state: str = "running", **more: float) -> Machine:
    return Machine(name, state, more.pop("launched", 0.0), kind="m5.large", zone="us-east-1a", **more)


def cost(*stays: MachineUse, prices: list[tuple[float, float]] | None = None, bound: float = 1.0) -> float:
    ledger = {f"i-{number}": stay for number, stay in enumerate(stays)}
    known = {("m5.large", "us-east-1a"): prices} if prices else {}
    return total_cost(ledger, known, bound=bound, extra=0.0)


def stay(launched: float, last: float, zone: str = "us-east-1a") -> MachineUse:
    return MachineUse("m5.large", zone, launched, last)


def test_a_machine_costs_what_its_zone_cost_at_each_time() -> None:
    prices = [(-HOUR, 0.10), (HOUR, 0.20), (3 * HOUR, 0.40)]

    assert cost(stay(0, 4 * HOUR), prices=prices) == pytest.approx(0.10 + 2 * 0.20 + 0.40)
    assert cost(stay(0, 4 * HOUR), prices=list(reversed(prices))) == pytest.approx(0.90)


def test_the_highest_price_allowed_stands_where_none_is_known_and_is_never_exceeded() -> None:
    assert cost(stay(0, 2 * HOUR), bound=0.3) == pytest.approx(0.6)
    assert cost(stay(0, 2 * HOUR, "us-east-1b"), prices=[(-1, 0.1)], bound=0.3) == pytest.approx(0.6)
    assert cost(stay(0, 2 * HOUR), prices=[(HOUR, 0.1)], bound=0.3) == pytest.approx(0.4)
    assert cost(stay(0, HOUR), prices=[(-1, 9.0)], bound=0.3) == pytest.approx(0.3)


def test_every_machine_counts_and_a_minute_at_least() -> None:
    assert cost(stay(0, HOUR), stay(0, HOUR / 2), bound=1.0) == pytest.approx(1.5)
    assert cost(stay(100, 101), bound=60.0) == pytest.approx(1.0)


def test_volume_and_address_are_in_it() -> None:
    alone = total_cost({"i": stay(0, HOUR)}, {}, bound=0.0, extra=hourly_overhead(73, public_address=False))

    assert alone == pytest.approx(0.008)
    assert hourly_overhead(73, public_address=True) == pytest.approx(0.013)


def test_a_machine_that_ended_stops_costing_when_ec2_says_it_ended() -> None:
    seen = update_ledger({}, [machine()], 1000)
    ended = update_ledger(seen, [machine(state="terminated", gone_since=1200.0)], 1500)
    later = update_ledger(ended, [], 9000)

    assert seen["i-1"].last == 1000
    assert not seen["i-1"].ended
    assert ended["i-1"].last == later["i-1"].last == 1200
    assert ended["i-1"].ended


def test_a_machine_that_is_forgotten_or_does_not_say_when_it_ended_counts_until_it_was_missed() -> None:
    seen = update_ledger({}, [machine("i-1"), machine("i-2")], 1000)
    later = update_ledger(seen, [machine("i-2", state="shutting-down")], 1500)

    assert later["i-1"].last == later["i-2"].last == 1500
    assert later["i-1"].ended and later["i-2"].ended


def test_a_machine_that_came_and_went_between_two_looks_counts_while_ec2_shows_it() -> None:
    seen = update_ledger({}, [machine(state="terminated", launched=100.0, gone_since=700.0)], 900)

    assert (seen["i-1"].launched, seen["i-1"].last) == (100, 700)


def test_two_monitors_know_together_what_each_saw_in_any_order() -> None:
    first = update_ledger({}, [machine("i-1"), machine("i-2")], 1000)
    second = update_ledger(first, [machine("i-2"), machine("i-3")], 1200)

    assert merge_ledgers(first, second) == merge_ledgers(second, first) == second


def test_money_lasts_for_hours_of_all_machines() -> None:
    assert hours_for(6.0, 3, 0.1) == pytest.approx(20)


@pytest.mark.parametrize(
    ("most", "hourly"), [(0, 0.3), (0.05, 0.1), (0.2, 0.2), (5, 0.3)], ids=["none", "tiny", "some", "ample"]
)
def test_the_hourly_limit_lets_one_machine_start_and_no_more_than_all(most: float, hourly: float) -> None:
    prices = {"CLUSTER_MACHINES": 3, "MACHINE_PRICE": 0.1, "MAX_COST": most}
    settings, _ = parse_settings({**ENOUGH, **prices})

    assert hourly_limit(settings) == pytest.approx(hourly)
