"""What a run's machines have cost so far, estimated from machine-hours and prices so as to err upwards.

Pure functions. The ledger of machines is kept in the bucket (`meter.py`), because EC2 forgets a machine about
an hour after it has ended. Prices are in dollars an hour.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from distributed_fiji.aws.prices import Prices
from distributed_fiji.monitor.snapshot import Machine

#: EC2 bills a machine for this many seconds at least (EC2 user guide, "Billing for Spot Instances").
SHORTEST = 60


@dataclass(frozen=True)
class MachineUse:
    """When a run had a machine, in seconds since 1970. `last`: when it ended, or was last seen."""

    kind: str
    zone: str
    launched: float
    last: float
    ended: bool = False


#: Machines by their instance id.
Ledger = Mapping[str, MachineUse]


def hours_for(dollars: float, machines: int, hourly: float) -> float:
    """Return how many hours of so many machines an amount of dollars pays for, at a price an hour."""
    return dollars / (machines * hourly)


def update_ledger(ledger: Ledger, machines: Iterable[Machine], now: float) -> dict[str, MachineUse]:
    """Return the ledger with a new look entered.

    A machine that is no longer listed, or whose end has no time, counts as having ended now, which is later
    than it did.
    """
    seen = {machine.instance_id: machine for machine in machines}
    stays = {
        instance_id: stay if stay.ended or instance_id in seen else replace(stay, last=now, ended=True)
        for instance_id, stay in ledger.items()
    }
    for instance_id, machine in seen.items():
        before = stays.get(instance_id)
        if before is None or not before.ended:
            last = now if machine.billed else machine.gone_since or now
            stays[instance_id] = MachineUse(
                machine.kind, machine.zone, machine.launched, last, not machine.billed
            )
    return stays


def merge_ledgers(first: Ledger, second: Ledger) -> dict[str, MachineUse]:
    """Return the union of two ledgers, whichever was written first."""
    both = dict(first)
    for instance_id, stay in second.items():
        known = both.get(instance_id, stay)
        both[instance_id] = replace(stay, last=max(stay.last, known.last), ended=stay.ended or known.ended)
    return both


def total_cost(
    ledger: Ledger, prices: Mapping[tuple[str, str], Prices], *, bound: float, extra: float
) -> float:
    """Return the dollars that machines have cost.

    `prices`: by machine type and zone. `bound`: the most that a machine may cost an hour, used where no price
    is known. `extra`: what is added to the price.
    """
    return sum(_cost(stay, prices.get((stay.kind, stay.zone), []), bound, extra) for stay in ledger.values())


def _cost(stay: MachineUse, prices: Prices, bound: float, extra: float) -> float:
    end = max(stay.last, stay.launched + SHORTEST)
    changes = sorted(time for time, _ in prices if stay.launched < time < end)
    return sum(
        (until - since) / 3600 * (min(bound, _price(prices, since, bound)) + extra)
        for since, until in pairwise([stay.launched, *changes, end])
    )


def _price(prices: Prices, time: float, bound: float) -> float:
    """Return the price that held at a time."""
    return max((entry for entry in prices if entry[0] <= time), default=(time, bound))[1]
