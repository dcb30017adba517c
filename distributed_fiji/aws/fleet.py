"""The spot fleet: request, find, read and cancel it."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from distributed_fiji.aws.clients import error_code, pages
from distributed_fiji.aws.fleetevents import TROUBLE, FleetError
from distributed_fiji.clock import Clock
from distributed_fiji.errors import SomethingLeft
from worker.contract.jobs import APP_TAG, RUN_TAG

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

#: States of a request whose machines are running or may still start (EC2 API reference, BatchState).
LIVE_FLEET = ("submitted", "active", "modifying", "cancelled_running")


def request_fleet(ec2: EC2Client, request: dict[str, Any]) -> str:
    """Request the fleet and return its id. The request's ClientToken makes it safe to repeat."""
    parsed: Any = request | {"ValidUntil": datetime.fromisoformat(request["ValidUntil"])}
    return ec2.request_spot_fleet(SpotFleetRequestConfig=parsed)["SpotFleetRequestId"]


def list_instances(ec2: EC2Client, fleet_id: str) -> set[str]:
    """Return the ids of a fleet's running machines."""
    found: set[str] = set()
    arguments: dict[str, Any] = {"SpotFleetRequestId": fleet_id}
    while True:
        page = ec2.describe_spot_fleet_instances(**arguments)
        found |= {item["InstanceId"] for item in page["ActiveInstances"]}
        if not page.get("NextToken"):
            return found
        arguments["NextToken"] = page["NextToken"]


def fleet_errors(ec2: EC2Client, fleet_id: str, since: float) -> list[FleetError]:
    """Return the problems that EC2 reports of a fleet since a time (seconds since 1970), each kind once."""
    errors = []
    for kind in TROUBLE:
        response = ec2.describe_spot_fleet_request_history(
            SpotFleetRequestId=fleet_id,
            EventType=kind,
            StartTime=datetime.fromtimestamp(since, timezone.utc),
        )
        events = [item["EventInformation"] for item in response["HistoryRecords"]]
        errors += [
            FleetError(item.get("EventSubType", kind), item.get("EventDescription", "")) for item in events
        ]
    return list(dict.fromkeys(errors))


class FleetView(NamedTuple):
    """A spot fleet's state ('' if there is no fleet), its target capacity, and whether that can be changed.

    It cannot for a fleet of type `request` (EC2 API reference, ModifySpotFleetRequest).
    """

    state: str = ""
    target: int = 0
    modifiable: bool = False


def read_fleet(ec2: EC2Client, fleet_id: str) -> FleetView:
    """Return EC2's view of a spot fleet."""
    if not fleet_id:
        return FleetView()
    try:
        found = ec2.describe_spot_fleet_requests(SpotFleetRequestIds=[fleet_id])["SpotFleetRequestConfigs"]
    except ClientError as error:
        if error_code(error) == "InvalidSpotFleetRequestId.NotFound":
            return FleetView()
        raise
    if not found:
        return FleetView()
    wanted = found[0]["SpotFleetRequestConfig"]
    modifiable = wanted.get("Type", "maintain") == "maintain"
    return FleetView(found[0]["SpotFleetRequestState"], wanted["TargetCapacity"], modifiable)


def find_fleet(ec2: EC2Client, app_name: str, client_token: str) -> str:
    """Return the id of the app's fleet that was requested with a ClientToken; '' if there is none.

    The request's own tag identifies the run as well, since it is not documented whether EC2 shows the token.
    """
    for fleet in pages(ec2, "describe_spot_fleet_requests", "SpotFleetRequestConfigs"):
        tags = {tag["Key"]: tag["Value"] for tag in fleet.get("Tags", [])}
        tokens = (tags.get(RUN_TAG), fleet["SpotFleetRequestConfig"].get("ClientToken"))
        if tags.get(APP_TAG) == app_name and client_token in tokens:
            return str(fleet["SpotFleetRequestId"])
    return ""


def live_fleets(ec2: EC2Client, app_name: str) -> list[str]:
    """Return the ids of the app's spot fleets that start or maintain machines, by tag."""
    found = []
    for fleet in pages(ec2, "describe_spot_fleet_requests", "SpotFleetRequestConfigs"):
        tags = {tag["Key"]: tag["Value"] for tag in fleet.get("Tags", [])}
        if tags.get(APP_TAG) == app_name and fleet["SpotFleetRequestState"] in LIVE_FLEET:
            found.append(fleet["SpotFleetRequestId"])
    return found


#: States of a spot fleet that starts no more machines and has ended those it had, or never had any.
CANCELLED = ("cancelled", "cancelled_terminating", "failed")


#: Seconds for which EC2 may refuse to cancel a fleet, and for which it may not know a new one yet ("Eventual
#: consistency", EC2 API reference).
CANCEL_DEADLINE, UNSEEN_SECONDS = 120, 300


def cancel_fleet(ec2: EC2Client, fleet_id: str, clock: Clock, *, started: float = 0) -> str | None:
    """Cancel a spot fleet and end its machines. Return only when EC2 says that it is cancelled.

    EC2 answers 200 to a cancellation that it refuses, with the reason inside (EC2 API reference,
    CancelSpotFleetRequests), so only the fleet's own state counts. EC2 may not know a new fleet yet: one
    requested at `started` (seconds since 1970) counts as gone only five minutes later. Raises SomethingLeft.
    """
    begun, accepted, missed = clock.now(), False, 0
    while True:
        refusal = _ask_to_cancel(ec2, fleet_id)
        accepted = accepted or not refusal
        state = read_fleet(ec2, fleet_id).state
        missed = 0 if state else missed + 1
        if state in CANCELLED:
            return f"fleet {fleet_id} cancelled; its machines are ending" if accepted else None
        if missed >= 2 and clock.now() - started >= UNSEEN_SECONDS:
            return None
        if clock.now() - begun >= CANCEL_DEADLINE:
            raise SomethingLeft(
                f"fleet {fleet_id} was not cancelled; EC2 reports its state as {state or 'unknown'}:"
                f" {refusal}"
            )
        clock.sleep(2)


def _ask_to_cancel(ec2: EC2Client, fleet_id: str) -> str:
    """Ask EC2 to cancel a fleet with its machines; return why it refuses, '' if it does not."""
    try:
        answer = ec2.cancel_spot_fleet_requests(SpotFleetRequestIds=[fleet_id], TerminateInstances=True)
    except ClientError as error:
        if error_code(error) == "InvalidSpotFleetRequestId.NotFound":
            return "EC2 does not know this fleet"
        raise
    refused = [item["Error"] for item in answer.get("UnsuccessfulFleetRequests", [])]
    return "; ".join(f"{error.get('Code')} {error.get('Message', '')}".strip() for error in refused)
