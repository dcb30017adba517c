"""`startCluster`: request the fleet, scale the service, wait for machines; after an error, take it back.

The record is written before the fleet is requested. If startCluster is killed and rerun, it finds the record,
requests with the same ClientToken, gets the same fleet and continues.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from botocore.exceptions import ClientError

from distributed_fiji.aws import cluster, fleet
from distributed_fiji.aws.clients import AwsError, error_text
from distributed_fiji.aws.eventually import ROLE_IS_LATE, until_seen
from distributed_fiji.aws.fleet import cancel_fleet
from distributed_fiji.aws.telemetry import put_dashboard, remove_alarms, remove_dashboard
from distributed_fiji.commands.awaiting import FleetFailed, wait_for_machines
from distributed_fiji.commands.finishing import finish_earlier_runs
from distributed_fiji.commands.plan import Start, plan
from distributed_fiji.errors import DistributedFijiError, InvalidInput, SomethingLeft
from distributed_fiji.fleetfile import FleetFile
from distributed_fiji.janitor.install import NotPermitted, install_janitor
from distributed_fiji.janitor.removal import release_janitor
from distributed_fiji.state.currentrun import alone, leave_place, take_place
from distributed_fiji.state.record import Run
from distributed_fiji.state.recordfile import read_record, upload_record, write_record
from distributed_fiji.terminal import shown, typed


class NoJanitor(DistributedFijiError):
    """Raised when nothing would look after the run once this computer is off."""


def start_cluster(run: Start, file: FleetFile) -> Run:
    """Start the fleet of a fleet file, or continue an interrupted start; return its record.

    Raises InvalidInput (a live fleet, a wrong file), NothingThere (no setup), FleetFailed.
    """
    with alone(run.record_path):
        return _start(run, file)


def _start(run: Start, file: FleetFile) -> Run:
    finish_earlier_runs(run)
    record = unfinished_record(run) or save(run, prepared(run, file))
    try:
        record = request(run, record)
        ensure_janitor(run, record)
        tasks = record.machines * record.tasks_per_machine
        cluster.start_service(run.clients.ecs, record.cluster, record.service, tasks)
        if record.dashboard:
            for line in put_dashboard(run.clients.cloudwatch, run.settings, record.fleet_id):
                run.terminal.warn(f"dashboard: {line}")
        if run.clients.dry:
            return record  # no machine would ever start
        wait_for_machines(run, record)
        return save(run, replace(record, ready=True))
    except BaseException:
        if run.clients.dry:
            raise
        # Also after Ctrl-C, since nobody would look after a fleet whose start did not succeed.
        _take_back_or_say(run, record)
        raise


def prepared(run: Start, file: FleetFile) -> Run:
    """Return a new run's record, after claiming the app and installing a janitor that already looks after it.

    Raises InvalidInput if another run has the app, and SomethingLeft if half a janitor stays.
    """
    record = plan(run, file)
    take_place(run.clients, record, run.record_path, run.clock.now())
    try:
        ensure_janitor(run, record)
    except BaseException as error:
        # There may be a schedule that calls nobody; such a janitor never removes itself.
        if left := _leave_before_the_fleet(run, record):
            raise SomethingLeft(
                f"{error_text(error) if isinstance(error, Exception) else 'Interrupted'}. No fleet was"
                f" started, but parts of the janitor may be left, which cost a little ({left})."
                f" `python run.py cleanup {record.app_name}` removes them."
            ) from error
        raise
    return record


def _leave_before_the_fleet(run: Start, record: Run) -> str:
    """Take back the janitor and the claim on the app of a run without a fleet; return what failed, or ''."""
    try:
        left = release_janitor(run.clients, record, lambda _: None)
        leave_place(run.clients.s3, record)
    except (Exception, KeyboardInterrupt) as error:
        return error_text(error) if isinstance(error, Exception) else "interrupted"
    return left or ""


def unfinished_record(run: Start) -> Run | None:
    """Return the record of an interrupted start; None if a new fleet may start.

    Raises InvalidInput if the record is of a live fleet, since that is never overwritten.
    """
    if not run.record_path.exists():
        return None
    record = read_record(run.record_path)
    if not record.fleet_id:
        return _cut_off_before_its_fleet(run, record)
    state = fleet.read_fleet(run.clients.ec2, record.fleet_id).state
    if state not in fleet.LIVE_FLEET:
        return None
    if record.ready:
        raise InvalidInput(
            "A fleet is already running",
            [
                f"{shown(run.record_path)} is the record of fleet {record.fleet_id}, which is {state}."
                f" `python run.py monitor {typed(run.record_path)}` watches it to its end"
            ],
        )
    run.terminal.note(f"Continuing with fleet {record.fleet_id}, whose start was interrupted")
    return record


def _cut_off_before_its_fleet(run: Start, record: Run) -> Run | None:
    """Return a record whose request may or may not have arrived; None if its time is over anyway."""
    if record.valid_until and datetime.fromisoformat(record.valid_until).timestamp() < run.clock.now():
        return None
    run.terminal.note("Continuing an interrupted start, with its machines and its fleet file")
    return record


def ensure_janitor(run: Start, record: Run) -> None:
    """Install the janitor before the fleet is requested, and update it when the fleet's id is known.

    Raises NoJanitor.
    """
    if not record.auto_monitor:
        return
    try:
        install_janitor(run.clients, record, run.clock, run.settings.NOTIFY_EMAIL)
    except (*AwsError, NotPermitted, SomethingLeft) as error:
        raise NoJanitor(
            f"No fleet was started, because the janitor cannot be installed: {error_text(error)}"
            " (AUTO_MONITOR = False starts without it; see docs/costs.md)"
        ) from error


def save(run: Start, record: Run) -> Run:
    """Write the record to its file and, once there is a fleet, to the bucket."""
    if not run.clients.dry:
        write_record(run.record_path, record)
    if record.fleet_id:
        upload_record(run.clients.s3, record)
    return record


def request(run: Start, record: Run) -> Run:
    """Request the fleet and record its id.

    Raises FleetFailed if EC2 refuses: then there is no fleet, and its record is removed.
    """
    if record.fleet_id:
        return record
    try:
        fleet_id = ask_for_fleet(run, record)
    except ClientError as error:
        if error.response["ResponseMetadata"].get("HTTPStatusCode", 400) >= 500:
            raise  # there may be a fleet: taking it back asks again
        run.record_path.unlink()
        raise FleetFailed(f"EC2 refused the fleet: {error_text(error)}") from error
    run.terminal.note(f"Requested fleet {fleet_id}; its record is {shown(run.record_path)}")
    return save(run, replace(record, fleet_id=fleet_id))


def ask_for_fleet(run: Start, record: Run) -> str:
    """Send the request. EC2 may take a moment to see roles that setup has just created."""
    return until_seen(
        lambda: fleet.request_fleet(run.clients.ec2, record.fleet_request), ROLE_IS_LATE, run.clock
    )


def _take_back_or_say(run: Start, record: Run) -> None:
    """Take a fleet back. Raises SomethingLeft if that fails, or on a second Ctrl-C."""
    try:
        left = take_back(run, record)
    except (Exception, KeyboardInterrupt) as error:
        reason = error_text(error) if isinstance(error, Exception) else "interrupted"
        raise SomethingLeft(
            f"The fleet of {record.app_name} was not cancelled ({reason}). It may still be running and"
            f" incurring charges. `python run.py cleanup {record.app_name}` ends it."
        ) from error
    if left:
        raise SomethingLeft(
            f"The fleet of {record.app_name} is cancelled. Part of the janitor remains and will remove"
            f" itself: {left}. `python run.py cleanup {record.app_name}` removes it now."
        )


def take_back(run: Start, record: Run) -> str | None:
    """End a fleet whose start failed, then its record, service and dashboard: money first.

    Return what is left of the janitor, None if nothing is.

    A request without an answer is repeated first: the same token returns the same fleet.
    """
    run.terminal.note("Cancelling the fleet …")
    clients = run.clients
    if run.record_path.exists():
        fleet_id = read_record(run.record_path).fleet_id or ask_for_fleet(run, record)
        machines = _machines_if_told(run, fleet_id)
        cancel_fleet(clients.ec2, fleet_id, run.clock, started=record.started)
        run.terminal.note(f"Fleet {fleet_id} is cancelled and its machines have ended.")
        remove_alarms(clients.cloudwatch, record.app_name, machines)
    cluster.scale_service(clients.ecs, record.cluster, record.service, 0)
    if record.dashboard:
        remove_dashboard(clients.cloudwatch, record.app_name)
    facts = record
    left = release_janitor(clients, facts, run.terminal.warn)
    leave_place(clients.s3, facts)
    run.record_path.unlink(missing_ok=True)
    return left


def _machines_if_told(run: Start, fleet_id: str) -> set[str]:
    """Return a fleet's machines, whose alarms must be removed.

    An error here must not keep the fleet alive.
    """
    try:
        return fleet.list_instances(run.clients.ec2, fleet_id)
    except AwsError as error:
        run.terminal.warn(f"Alarms of the fleet's machines may remain: {error_text(error)}")
        return set()
