"""Remove the janitor, its schedule first, so that it is not called in the meantime."""

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
    """Register that nothing of a run is left to end; if it was the last run, remove the janitor.

    Returns what remains of it after an error, or None. The janitor's next round then finds no run and removes
    itself.
    """
    try:
        close_run(clients.s3, run)
        remove_if_idle(clients, run.bucket, run.app_name)
    except (*AwsError, SomethingLeft) as error:
        tell(f"The janitor could not be removed; it will remove itself: {error_text(error)}")
        return f"janitor: {error_text(error)}"
    return None


def remove_if_idle(clients: Clients, bucket: str, app_name: str) -> bool:
    """Remove schedule and Lambda if no run is open. Its role and topic cost nothing and stay.

    An unreadable object may be what is left of a run's record, so the janitor stays while the app has a
    fleet.
    """
    runs, unreadable = read_open_runs(clients.s3, bucket, app_name, clients.region)
    if runs or (unreadable and live_fleets(clients.ec2, app_name)):
        return False
    remove_schedule(clients.events, app_name)
    remove_function(clients.awslambda, app_name)
    return True


def remove_schedule(events: EventBridgeClient, app_name: str) -> None:
    """Delete the janitor's schedule."""
    rule = janitor_name(app_name)
    try:
        refuse_failed_entries(events.remove_targets(Rule=rule, Ids=[JANITOR_TARGET]), "RemoveTargets")
        events.delete_rule(Name=rule)
    except events.exceptions.ResourceNotFoundException:
        return


def refuse_failed_entries(answer: Mapping[str, Any], call: str) -> None:
    """Raise SomethingLeft for entries that EventBridge refuses inside a 200 answer (API reference,
    PutTargets).
    """
    if answer.get("FailedEntryCount"):
        reasons = [
            f"{item.get('ErrorCode')} {item.get('ErrorMessage', '')}" for item in answer["FailedEntries"]
        ]
        raise SomethingLeft(f"EventBridge refused {call}: {'; '.join(reasons)}")


def remove_function(awslambda: LambdaClient, app_name: str) -> None:
    """Delete the Lambda. The janitor may do so itself, and still finishes its round."""
    try:
        awslambda.delete_function(FunctionName=janitor_name(app_name))
    except awslambda.exceptions.ResourceNotFoundException:
        return
