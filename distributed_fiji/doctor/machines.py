"""The links from the fleet's request to machines in the cluster. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from distributed_fiji.aws.causes import ENDED_MACHINES, FAILED_STARTS, find_cause
from distributed_fiji.aws.fleetevents import FATAL_AFTER, FleetError, find_fatal
from distributed_fiji.doctor.evidence import Evidence
from distributed_fiji.doctor.judgement import Judgement, broken, holds, span, waiting
from distributed_fiji.doctor.orders import SETUP, start_again
from distributed_fiji.monitor.decide import ENDED_FLEET
from distributed_fiji.monitor.lastwords import not_joined_sentence
from distributed_fiji.monitor.result import counted
from distributed_fiji.monitor.snapshot import Machine

#: Seconds after which no machine, one that does not boot, and one that does not join are faults: a spot
#: request takes a minute or two, a boot with the ECS agent two.
NO_MACHINE_SECONDS, BOOT_SECONDS, JOIN_SECONDS = 600, 600, 300

#: Seconds for which EC2 may not know a new fleet ("Eventual consistency", EC2 API reference).
UNSEEN_SECONDS = 300

#: Most of AWS's sentences that are shown.
SHOWN = 3

#: Which cause of a fleet without machines to name, if EC2 reports several.
WORST_FIRST = ("spot-quota", "price", "shortage")


def judge_fleet(found: Evidence) -> Judgement:
    """Judge whether EC2 has the fleet and understands its request."""
    seen, fleet = found.seen, found.run.fleet_id
    if not seen.fleet_state and not found.is_older(found.age, UNSEEN_SECONDS):
        return waiting(f"EC2 does not show fleet {fleet} yet")
    if seen.fleet_state in ENDED_FLEET and not seen.alive:
        return _fleet_ended(found)
    # A machine that has ended, too, proves that EC2 understood the request; unseen ones may.
    machines = len(seen.machines) + ("machines" in found.unseen)
    if error := find_fatal(found.errors, machines=machines, seconds=found.age):
        said = _said([error])
        cure = f"{error.advice}; then {start_again(found)}"
        return broken(error.cause.id, "EC2 cannot use the fleet's request", cure, *said)
    if found.errors and not machines and all(_may_pass(one) for one in found.errors):
        said = _said(found.errors)
        return waiting("EC2 reports an error, which may pass: new roles are seen late", *said)
    if not seen.target_capacity:
        return broken("target-zero", "The fleet's target capacity is 0", start_again(found))
    return holds(f"{seen.fleet_state}, {counted(seen.target_capacity, 'machine')} wanted")


def _may_pass(error: FleetError) -> bool:
    """Whether an error ends a fleet only if it lasts."""
    return error.kind in FATAL_AFTER and not error.is_shortage


def _fleet_ended(found: Evidence) -> Judgement:
    run, state, cure = found.run, found.seen.fleet_state, start_again(found)
    if _is_past(run.valid_until, found.seen.now):
        until = f"valid until {run.valid_until}, state {state or 'gone'}"
        return broken("time-over", "The fleet's time is over (MAX_HOURS)", cure, until)
    if not state:
        return broken("fleet-gone", f"EC2 does not know fleet {run.fleet_id}", cure)
    return broken("fleet-ended", f"The fleet was ended: its state is {state}", cure, *_said(found.errors))


def _is_past(time: str, now: float) -> bool:
    """Whether a time in a record is over; no record is trusted to hold one."""
    try:
        return datetime.fromisoformat(time).timestamp() <= now
    except (ValueError, OverflowError):
        return False


def judge_capacity(found: Evidence) -> Judgement:
    """Judge whether EC2 has given the fleet machines."""
    seen = found.seen
    counts = counted(len(seen.alive), "machine")
    if "fleet" not in found.unseen:
        counts = f"{len(seen.alive)} of {counted(seen.target_capacity, 'machine')}"
    if seen.machines:
        short = next((one for one in found.errors if one.is_shortage), None)
        few = short and len(seen.alive) < seen.target_capacity
        if not seen.alive:
            counts = f"EC2 started {counted(len(seen.machines), 'machine')}"
        return holds(f"{counts}; {short.advice}" if few and short else counts)
    if found.errors:
        error = min(found.errors, key=_rank)
        said = _said([error, *(one for one in found.errors if one != error)])
        cure = error.advice
        if error.cause.id == "price":
            cure += f"; then {start_again(found)}"
        return broken(error.cause.id, f"{counts}: EC2 starts none", cure, *said)
    if not found.is_older(found.age, NO_MACHINE_SECONDS):
        return waiting(f"{counts}, {span(found.age)} after the request")
    why = found.unseen.get("errors", "EC2 gives no reason")
    cure = "use more machine types or subnets; the fleet keeps trying (docs/fleet.md)"
    return broken("no-machine", f"{counts}, {span(found.age)} after the request", cure, why)


def _rank(error: FleetError) -> int:
    cause = error.cause.id
    return WORST_FIRST.index(cause) if cause in WORST_FIRST else len(WORST_FIRST)


def _said(errors: Iterable[FleetError]) -> tuple[str, ...]:
    """Return EC2's own words."""
    lines = dict.fromkeys(f"EC2: {one.kind}: {one.description}".rstrip(": ") for one in errors)
    return tuple(lines)[:SHOWN]


def judge_instances(found: Evidence) -> Judgement:
    """Judge whether machines boot and stay."""
    seen = found.seen
    joined = any(machine.container_instance for machine in seen.alive)
    ended = Counter(one.why_ended or f"its state is {one.state}" for one in seen.machines if not one.alive)
    failed = any(find_cause(FAILED_STARTS, reason) for reason in ended)
    if not seen.alive or (failed and not joined and "cluster" not in found.unseen):
        return _machines_end(ended, found)
    running = [one for one in seen.alive if one.state == "running"]
    if running:
        return holds(
            f"{counted(len(running), 'machine')} running" + (f", {ended.total()} ended" * bool(ended))
        )
    waited = seen.now - min(one.launched for one in seen.alive)
    if not found.is_older(waited, BOOT_SECONDS):
        return waiting(f"{counted(len(seen.alive), 'machine')} starting")
    cure = "end them in the EC2 console: the fleet replaces them"
    return broken("pending", f"Machines do not boot, {span(waited)} after their launch", cure)


def _machines_end(ended: Counter[str], found: Evidence) -> Judgement:
    """Return why machines end: the reason of a failed start counts most, then the most frequent one."""
    reasons = sorted(ended, key=lambda one: (find_cause(FAILED_STARTS, one) is None, -ended[one]))
    cause = find_cause(ENDED_MACHINES, reasons[0])
    lines = [f"EC2: {counted(ended[one], 'machine')}: {one}" for one in reasons[:SHOWN]]
    cure = cause.cure if cause else "the fleet replaces them; see EC2's reason"
    if found.seen.target_is_fixed:
        cure = f"this fleet replaces no machine (Type in the fleet file): {start_again(found)}"
    left = f"{len(found.seen.alive)} of {ended.total()} machines left"
    return broken(cause.id if cause else "machine-ended", f"Machines end: {left}", cure, *lines)


def judge_joined(found: Evidence) -> Judgement:
    """Judge whether machines have joined the cluster."""
    seen = found.seen
    joined = [one for one in seen.alive if one.container_instance]
    if joined and found.lost < len(joined):
        return holds(f"{len(joined)} of {counted(len(seen.alive), 'machine')} in {found.run.cluster}")
    if joined:
        cure = (
            "end these machines, and the fleet replaces them; if that does not help, see docs/permissions.md"
        )
        lost = f"the ECS agents of {counted(len(joined), 'machine')} are not connected"
        return broken("agent", "The machines lost their connection to ECS", cure, lost)
    waited = seen.now - min((one.launched for one in seen.alive), default=seen.now)
    if not found.is_older(waited, JOIN_SECONDS):
        return waiting(f"No machine has joined yet, {span(waited)} after the first launch")
    return _not_joined(
        found, f"No machine has joined cluster {found.run.cluster}, {span(waited)} after launch"
    )


def _not_joined(found: Evidence, said: str) -> Judgement:
    """Return why no machine has joined, as far as can be seen."""
    machine: Machine = found.seen.alive[0]
    again = f"then {start_again(found)}"
    if found.joins and found.joins != found.run.cluster:
        cure = f"leave out UserData in the fleet file; {again}"
        return broken("wrong-cluster", said, cure, f"the machines' user data has ECS_CLUSTER={found.joins}")
    if found.profile or ("machines" not in found.unseen and not machine.profile):
        profile = found.profile or f"machine {machine.instance_id} has no instance profile"
        cure = f"run {SETUP}, which creates profile and role; {again}"
        return broken("profile", said, cure, profile)
    if found.network:
        cure = "give the subnets a way out (docs/permissions.md, a network without a way out); " + again
        return broken("no-way-out", said, cure, *found.network)
    unseen = [found.unseen[name] for name in ("template", "profile", "network") if name in found.unseen]
    cure = f"let their security group send, and leave out ImageId, which may lack the ECS agent; {again}"
    return broken("not-joined", said, cure, not_joined_sentence(found.seen, found.run.cluster), *unseen)
