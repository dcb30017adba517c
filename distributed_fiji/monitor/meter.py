"""Read what a run has cost so far, from its ledger of machines in the bucket and EC2's spot price history."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from distributed_fiji.aws.clients import AwsError, Clients
from distributed_fiji.aws.prices import Prices, read_prices
from distributed_fiji.monitor.machines import read_machines
from distributed_fiji.monitor.snapshot import Machine
from distributed_fiji.monitor.spending import MachineUse, merge_ledgers, total_cost, update_ledger
from distributed_fiji.state.record import Run
from distributed_fiji.state.statefiles import find_state
from worker.contract.jobs import state_key
from worker.contract.state import flag, number, text

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: Seconds after which prices are read again, and the ledger is written even if no machine came or went.
PRICES_FOR, LEDGER_FOR = 600, 60

#: An EC2 instance ID.
MACHINE = re.compile(r"i-[0-9a-f]+\Z")


class Meter:
    """Keeps track of what a run's machines have cost, from look to look."""

    def __init__(
        self, run: Run, clients: Clients, refused: Callable[[Exception], None] = lambda error: None
    ) -> None:
        self.run = run
        self.clients = clients
        self._refused = refused
        self.ledger: dict[str, MachineUse] = {}
        self._prices: dict[tuple[str, str], Prices] = {}
        self._prices_read = 0.0
        self._written: tuple[float, frozenset[tuple[str, bool]]] = (0.0, frozenset())

    def read(self, machines: Iterable[Machine], now: float) -> float:
        """Return the dollars spent so far, and remember the machines for `keep`."""
        self.ledger = update_ledger(merge_ledgers(self.ledger, self._stored()), machines, now)
        if self.ledger and now - self._prices_read >= PRICES_FOR:
            since = min(stay.launched for stay in self.ledger.values())
            kinds = {stay.kind for stay in self.ledger.values()}
            self._prices = read_prices(self.clients.ec2, kinds, since, self._refused)
            self._prices_read = now
        return total_cost(
            self.ledger, self._prices, bound=self.run.machine_price, extra=self.run.machine_extras
        )

    def _stored(self) -> dict[str, MachineUse]:
        """Return the ledger in the bucket; if it cannot be read, what this monitor has seen
        itself must do.
        """
        try:
            return read_ledger(self.clients.s3, self.run)
        except AwsError:
            return {}

    def keep(self, now: float) -> None:
        """Write the ledger if it has changed: another monitor, or a later one, needs it."""
        state = frozenset((instance_id, stay.ended) for instance_id, stay in self.ledger.items())
        if state != self._written[1] or (state and now - self._written[0] >= LEDGER_FOR):
            body = json.dumps({instance_id: asdict(stay) for instance_id, stay in self.ledger.items()})
            self.clients.s3.put_object(Bucket=self.run.bucket, Key=_key(self.run), Body=body.encode())
            self._written = (now, state)


def final_cost(run: Run, clients: Clients, now: float) -> float | None:
    """Return what a run's machines have cost when it is over, in dollars; None where that cannot be read."""
    try:
        machines = read_machines(clients.ec2, run) if run.fleet_id else ()
        return Meter(run, clients).read(machines, now)
    except AwsError:
        return None


def read_ledger(s3: S3Client, run: Run) -> dict[str, MachineUse]:
    """Return the ledger of a run as last written; invalid entries are left out."""
    return find_state(s3, run.bucket, _key(run), _stays) or {}


def _stays(document: dict[str, Any]) -> dict[str, MachineUse]:
    return {
        instance_id: MachineUse(
            kind=text(stay, "kind"),
            zone=text(stay, "zone"),
            launched=number(stay, "launched"),
            last=number(stay, "last"),
            ended=flag(stay, "ended", False),
        )
        for instance_id, stay in document.items()
        if MACHINE.match(instance_id)
    }


def _key(run: Run) -> str:
    return state_key(run.app_name, "machines", f"{run.run_id}.json")
