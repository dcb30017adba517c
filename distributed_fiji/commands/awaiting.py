"""Wait for a fleet's machines: give each its alarm, and show what EC2 and ECS report about them."""

from __future__ import annotations

from dataclasses import dataclass, field

from distributed_fiji.aws import cluster, fleet, machinetypes, telemetry
from distributed_fiji.aws.clients import AwsError, error_text
from distributed_fiji.aws.fleetevents import FleetError, find_fatal
from distributed_fiji.aws.refusals import is_denied, keys_are_over
from distributed_fiji.aws.tasks import read_ends
from distributed_fiji.commands.plan import Start
from distributed_fiji.errors import DistributedFijiError
from distributed_fiji.monitor.decide import ALARMS_A_LOOK
from distributed_fiji.monitor.lastwords import failed_starts, in_a_row_sentence, last_words
from distributed_fiji.monitor.machines import read_machines
from distributed_fiji.state.record import Run
from distributed_fiji.state.registered import keep_registered, registered_memory

#: Seconds to wait for machines if some have started, and if none has; then the monitor takes over.
PATIENCE_WITH_SOME = 5 * 60
PATIENCE_WITH_NONE = 15 * 60


class FleetFailed(DistributedFijiError):
    """Raised when EC2 reports an error of the fleet that waiting does not fix."""


@dataclass
class Awaited:
    """What is known, and has been reported, about the awaited machines.

    `processors`: of the largest type, 0 if this account may not ask. `joined`: machines in the cluster at the
    last look. `sizes`: MiB that they registered, by type. `failed`: why the last failed look failed.
    """

    processors: int | None = None
    alarmed: set[str] = field(default_factory=set)
    told: set[FleetError] = field(default_factory=set)
    joined: int = 0
    sizes: dict[str, int] = field(default_factory=dict)
    state: str = ""
    failing: bool = False
    failed: str = ""


def wait_for_machines(run: Start, record: Run) -> None:
    """Wait until the machines have joined the cluster, reporting what happens; each gets its stuck alarm.

    Neither a capacity shortage nor an occasional failed call ends the fleet: it keeps requesting machines,
    and this looks again. Raises FleetFailed, and AWS's error if a permission is missing or the keys have
    expired.
    """
    began, interval = run.clock.now(), 0.25
    awaited = Awaited()
    while True:
        try:
            look(run, record, awaited)
        except AwsError as error:
            if is_denied(error) or keys_are_over(error):
                raise
            if error_text(error) != awaited.failed:
                awaited.failed = error_text(error)
                run.terminal.warn(f"The machines could not be checked; retrying: {awaited.failed}")
        if awaited.joined >= record.machines:
            return
        if run.clock.now() - began > (PATIENCE_WITH_SOME if awaited.joined else PATIENCE_WITH_NONE):
            run.terminal.warn(
                "Some machines have not started yet. The fleet keeps trying; `monitor` shows progress."
            )
            return
        run.clock.sleep(interval)
        interval = min(15.0, interval * 1.5)


def look(run: Start, record: Run, awaited: Awaited) -> None:
    """Look at the machines once: give new ones their alarms, and report changes."""
    machines = fleet.list_instances(run.clients.ec2, record.fleet_id)
    if awaited.processors is None:
        awaited.processors = most_processors(run, record)
    for instance_id in sorted(machines - awaited.alarmed)[:ALARMS_A_LOOK]:
        put_alarm(run, record, instance_id, awaited.processors)
        awaited.alarmed.add(instance_id)
    awaited.told |= tell_errors(run, record, awaited.told, len(machines))
    places = cluster.joined_machines(run.clients.ecs, record.cluster)
    joined = machines & places.keys()
    learn_sizes(run, record, awaited, registered_memory(places[machine] for machine in joined))
    awaited.joined = len(joined)
    state = f"{len(machines)} of {record.machines} machines started, {len(joined)} joined the cluster"
    if state != awaited.state:
        run.terminal.note(state)
        awaited.state = state
    if len(joined) < record.machines and not awaited.failing:
        gone = bool(awaited.alarmed - machines)
        awaited.failing = (gone and tell_failed_starts(run, record)) or (
            bool(joined) and tell_failing_tasks(run, record)
        )


def learn_sizes(run: Start, record: Run, awaited: Awaited, sizes: dict[str, int]) -> None:
    """Record how much memory machines registered, for the next run; warn if ECS cannot place all tasks.

    `sizes`: MiB by machine type.
    """
    new = {kind: size for kind, size in sizes.items() if awaited.sizes.get(kind) != size}
    if not new:
        return
    awaited.sizes |= new
    needed = run.settings.MEMORY * run.settings.TASKS_PER_MACHINE
    for kind, size in new.items():
        if needed > size:
            run.terminal.warn(
                f"A {kind} registered only {size} MiB: MEMORY × TASKS_PER_MACHINE is {needed} MiB, so some"
                " tasks will never start there. Lower one of them, and start again"
            )
    try:
        keep_registered(run.clients.s3, record.bucket, record.app_name, new)
    except AwsError as error:
        run.terminal.warn(f"The memory of {', '.join(new)} was not noted for later runs: {error_text(error)}")


def tell_failed_starts(run: Start, record: Run) -> bool:
    """Report why EC2 ends machines as they start, spot market aside. Return whether it does."""
    lines = failed_starts(read_machines(run.clients.ec2, record))
    for line in lines:
        run.terminal.warn(line)
    return bool(lines)


def tell_failing_tasks(run: Start, record: Run) -> bool:
    """Report why tasks end as soon as they start, if they do so repeatedly. Return whether they do."""
    ends = read_ends(run.clients.ecs, record.cluster, record.task_family, record.app_name, record.started)
    sentence = in_a_row_sentence(ends)
    for line in (sentence, *last_words(ends, record, run.clients.logs)) if sentence else ():
        run.terminal.warn(line)
    return bool(sentence)


def most_processors(run: Start, record: Run) -> int:
    """Return the processors of the fleet's largest machine type, 0 if they cannot be read."""
    types, _ = machinetypes.read_machine_types(run.clients.ec2, list(record.machine_types))
    return max((item.vcpus for item in types or []), default=0)


def put_alarm(run: Start, record: Run, instance_id: str, processors: int) -> None:
    """Give a machine its alarm. The fleet works without it, and monitor tries again."""
    try:
        telemetry.put_stuck_alarm(
            run.clients.cloudwatch, record.app_name, instance_id, record.region, processors
        )
    except AwsError as error:
        run.terminal.warn(f"Machine {instance_id} has no alarm yet: {error_text(error)}")


def tell_errors(run: Start, record: Run, told: set[FleetError], machines: int) -> set[FleetError]:
    """Report the fleet's new errors, each with advice. Raises FleetFailed for a fatal one."""
    errors = set(fleet.fleet_errors(run.clients.ec2, record.fleet_id, record.started - 60))
    new = errors - told
    for error in sorted(new, key=lambda item: item.kind):
        run.terminal.warn(_line(error))
    fatal = find_fatal(errors, machines=machines, seconds=run.clock.now() - record.started)
    if fatal is not None:
        raise FleetFailed(f"EC2 refused the fleet. {_line(fatal)}")
    return new


def _line(error: FleetError) -> str:
    return f"{error.kind}: {error.description} ({error.advice})"
