"""Take the janitor away: its schedule first, so that it is not called while it goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from distributed_fiji.aws.clients import AwsError, Clients, error_text
from distributed_fiji.aws.fleet import live_fleets
from distributed_fiji.errors import SomethingLeft
from distributed_fiji.names import JANITOR_TARGET, janitor_name
from distributed_fiji.state.openruns import close_run, read_open_runs
from distributed_fiji.state.record import Run

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_lambda import LambdaClient


def release_janitor(clients: Clients, run: Run, tell: Callable[[str], None]) -> str | None:
    """Note that nothing of a run is left to be ended; with no other run the janitor goes.

    Returns what is left of it after an error, None where nothing is: the janitor's next round finds no run
    and goes by itself.
    """
    try:
        close_run(clients.s3, run)
        remove_if_idle(clients, run.bucket, run.app_name)
    except (*AwsError, SomethingLeft) as error:
        tell(f"The janitor could not be removed; it will remove itself: {error_text(error)}")
        return f"janitor: {error_text(error)}"
    return None


def remove_if_idle(clients: Clients, bucket: str, app_name: str) -> bool:
    """Remove schedule and Lambda where no run is open; its role and topic cost nothing and stay.

    An object that is no record may be what is left of one: the janitor stays while the app has a fleet.
    """
    runs, unreadable = read_open_runs(clients.s3, bucket, app_name, clients.region)
    if runs or (unreadable and live_fleets(clients.ec2, app_name)):
        return False
    remove_schedule(clients.events, app_name)
    remove_function(clients.awslambda, app_name)
    return True


def remove_schedule(events: EventBridgeClient, app_name: str) -> None:
    """Delete the schedule of the janitor."""
    rule = janitor_name(app_name)
    try:
        refuse_failed_entries(events.remove_targets(Rule=rule, Ids=[JANITOR_TARGET]), "RemoveTargets")
        events.delete_rule(Name=rule)
    except events.exceptions.ResourceNotFoundException:
        return


def refuse_failed_entries(answer: Mapping[str, Any], call: str) -> None:
    """Raise SomethingLeft for what EventBridge refuses inside a 200 answer (API reference, PutTargets)."""
    if answer.get("FailedEntryCount"):
        reasons = [
            f"{item.get('ErrorCode')} {item.get('ErrorMessage', '')}" for item in answer["FailedEntries"]
        ]
        raise SomethingLeft(f"EventBridge refused {call}: {'; '.join(reasons)}")


def remove_function(awslambda: LambdaClient, app_name: str) -> None:
    """Delete the Lambda; a janitor may do so itself, and ends its round first."""
    try:
        awslambda.delete_function(FunctionName=janitor_name(app_name))
    except awslambda.exceptions.ResourceNotFoundException:
        return
