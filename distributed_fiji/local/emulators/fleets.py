"""What moto's spot fleets lack: history, cancelled states, replacement of lost machines, expiry.

Follows the EC2 API reference (CancelSpotFleetRequests, DescribeSpotFleetRequestHistory, BatchState,
EventInformation) and the user guide's "Spot Fleet request types" and "Spot Fleet event types".
"""

from __future__ import annotations

import contextlib
import functools
import json
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any

from moto.core.resource_tagging import TaggedResource
from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError, InvalidParameterCombination
from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.spot_requests import SpotFleetRequest
from moto.ec2.responses.spot_fleets import SpotFleets

from distributed_fiji.local.emulators.patching import add

#: The tag that EC2 puts on each machine that a spot fleet starts (EC2 user guide, "Tag Spot Fleet").
FLEET_TAG = "aws:ec2spot:fleet-request-id"

ENDING = {"cancelled_running", "cancelled_terminating"}

#: moto serves each request in its own thread; two must not replace the same lost machine.
_lock = threading.RLock()


def _one_at_a_time(call: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(call)
    def locked(*args: Any, **kwargs: Any) -> Any:
        with _lock:
            return call(*args, **kwargs)

    return locked


def install() -> None:
    """Add these calls to moto's EC2."""
    for call in (
        request_spot_fleet,
        cancel_spot_fleet_requests,
        describe_spot_fleet_requests,
        describe_spot_fleet_instances,
        describe_spot_fleet_request_history,
        modify_spot_fleet_request,
    ):
        add(SpotFleets, call.__name__, _one_at_a_time(call))
    add(SpotFleetRequest, "spot_fleet_request_config", property(fleet_configuration))
    add(EC2Backend, "iter_tagged_resources", tagged_resources)


_request = SpotFleets.request_spot_fleet
_describe = SpotFleets.describe_spot_fleet_requests
_describe_instances = SpotFleets.describe_spot_fleet_instances
_modify = SpotFleets.modify_spot_fleet_request
_configuration: Any = SpotFleetRequest.spot_fleet_request_config
_tagged = EC2Backend.iter_tagged_resources


def request_spot_fleet(response: Any) -> ActionResult:
    """Request a fleet. The same ClientToken returns the same fleet."""
    wanted = response._get_param("SpotFleetRequestConfig", {})
    token = wanted.get("ClientToken")
    for fleet in response.ec2_backend.spot_fleet_requests.values():
        if token and fleet.wanted.get("ClientToken") == token:
            return ActionResult({"SpotFleetRequestId": fleet.id})
    refuse_interface_beside_subnet(response, wanted)
    result = _request(response)
    answer: Any = result.result
    fleet = response.ec2_backend.spot_fleet_requests[answer["SpotFleetRequestId"]]
    prepare(fleet, wanted)
    return result


def refuse_interface_beside_subnet(response: Any, wanted: dict[str, Any]) -> None:
    """Raise as RunInstances does for a network interface in the template and a subnet in an override.

    Whether spot fleets accept both is not documented; CreateFleet refuses (aws/aws-parallelcluster#4521).
    """
    for config in wanted.get("LaunchTemplateConfigs", []):
        specification = config["LaunchTemplateSpecification"]
        template = response.ec2_backend.launch_templates.get(specification.get("LaunchTemplateId"))
        data = template.get_version(specification.get("Version", "$Default")).data if template else {}
        beside = any("SubnetId" in override for override in config.get("Overrides", []))
        if data.get("NetworkInterfaces") and beside:
            raise EC2ClientError(
                "InvalidParameterCombination",
                "Network interfaces and an instance-level subnet ID may not be specified on the same request",
            )


def prepare(fleet: Any, wanted: dict[str, Any]) -> None:
    """Give a new fleet a history, and the parts of its request that moto drops."""
    fleet.wanted, fleet.history, fleet.known_machines = wanted, [], {}
    fleet.create_time = _now()
    _record(fleet, "fleetRequestChange", "submitted")
    _record(fleet, "fleetRequestChange", "active")
    note_machines(fleet)


def fleet_configuration(fleet: Any) -> dict[str, Any]:
    """Return a fleet's configuration with Type, ValidUntil and so on, as requested."""
    kept = ("Type", "ValidUntil", "TerminateInstancesWithExpiration", "ClientToken")
    given = {name: fleet.wanted[name] for name in kept if name in fleet.wanted}
    configuration: dict[str, Any] = _configuration.fget(fleet)
    return {"Type": "maintain"} | configuration | given


def cancel_spot_fleet_requests(response: Any) -> ActionResult:
    """Cancel fleets, with or without their machines. A cancelled fleet can still be described."""
    done, failed = [], []
    for fleet_id in response._get_param("SpotFleetRequestIds", []):
        fleet = response.ec2_backend.spot_fleet_requests.get(fleet_id)
        if fleet is None:
            error = {"Code": "fleetRequestIdDoesNotExist", "Message": f"{fleet_id} does not exist"}
            failed.append({"SpotFleetRequestId": fleet_id, "Error": error})
            continue
        before = fleet.state
        cancel(fleet, terminate=response._get_bool_param("TerminateInstances"))
        states = {"CurrentSpotFleetRequestState": fleet.state, "PreviousSpotFleetRequestState": before}
        done.append({"SpotFleetRequestId": fleet_id} | states)
    return ActionResult({"SuccessfulFleetRequests": done, "UnsuccessfulFleetRequests": failed})


def cancel(fleet: Any, *, terminate: bool) -> None:
    """Cancel a fleet. One that is already cancelled is unchanged, except that its machines may end now."""
    if fleet.state == "cancelled":
        return
    fleet.state = "cancelled_terminating" if terminate else "cancelled_running"
    _record(fleet, "fleetRequestChange", fleet.state)
    machines = [request.instance.id for request in fleet.spot_requests]
    if terminate and machines:
        fleet.ec2_backend.terminate_instances(machines)


def describe_spot_fleet_requests(response: Any) -> ActionResult:
    """Describe fleets, including cancelled ones. Raises InvalidSpotFleetRequestId.NotFound."""
    for fleet_id in response._get_param("SpotFleetRequestIds", []):
        find_fleet(response, fleet_id)
    for fleet in response.ec2_backend.spot_fleet_requests.values():
        settle(fleet)
    return _describe(response)


def describe_spot_fleet_instances(response: Any) -> ActionResult:
    """Describe a fleet's machines. Raises InvalidSpotFleetRequestId.NotFound."""
    find_fleet(response, response._get_param("SpotFleetRequestId"))
    return _describe_instances(response)


def modify_spot_fleet_request(response: Any) -> ActionResult:
    """Change a fleet's target.

    Raises InvalidSpotFleetRequestConfig if the fleet is no longer active, or is of type `request`: "You can
    only modify a Spot Fleet request of type maintain" (API reference).
    """
    fleet = find_fleet(response, response._get_param("SpotFleetRequestId"))
    if fleet.state != "active":
        raise EC2ClientError(
            "InvalidSpotFleetRequestConfig", f"Spot fleet request {fleet.id} is in state {fleet.state}."
        )
    if fleet.wanted.get("Type", "maintain") != "maintain":
        raise EC2ClientError(
            "InvalidSpotFleetRequestConfig", f"Spot fleet request {fleet.id} is not of type maintain."
        )
    policy = response._get_param("ExcessCapacityTerminationPolicy", if_none="default")
    if policy not in {"default", "noTermination"}:
        raise EC2ClientError("InvalidParameterValue", f"Invalid value '{policy}' for the termination policy")
    target = response._get_int_param("TargetCapacity", fleet.target_capacity)
    with contextlib.suppress(InvalidParameterCombination):  # moto's complaint if no machine has to end
        fleet.ec2_backend.modify_spot_fleet_request(fleet.id, target, policy.capitalize())
    note_machines(fleet)
    return ActionResult({"Return": True})


def describe_spot_fleet_request_history(response: Any) -> ActionResult:
    """Return a fleet's events since StartTime, of one type or of all."""
    fleet = find_fleet(response, response._get_param("SpotFleetRequestId"))
    settle(fleet)
    kind, since = response._get_param("EventType"), _moment(response._get_param("StartTime"))
    records = [
        record
        for record in fleet.history
        if record["Timestamp"] >= since and kind in {None, record["EventType"]}
    ]
    times = {"StartTime": since, "LastEvaluatedTime": _now()}
    return ActionResult({"SpotFleetRequestId": fleet.id, "HistoryRecords": records} | times)


def find_fleet(response: Any, fleet_id: str) -> Any:
    """Return a fleet of the caller's account and region. Raises InvalidSpotFleetRequestId.NotFound."""
    fleet = response.ec2_backend.spot_fleet_requests.get(fleet_id)
    if fleet is None:
        raise EC2ClientError(
            "InvalidSpotFleetRequestId.NotFound", f"The spot fleet request ID '{fleet_id}' does not exist"
        )
    return fleet


@_one_at_a_time
def keep_fleets() -> bool:
    """Do for every fleet what EC2 does on its own. Return whether anything changed."""
    found = [
        fleet
        for account in list(ec2_backends.values())
        for backend in list(account.values())
        for fleet in list(backend.spot_fleet_requests.values())
    ]
    moved = [settle(fleet) for fleet in found]
    return any(moved)


def settle(fleet: Any) -> bool:
    """Bring one fleet to the state that request, time and machines call for. Return whether it changed."""
    events = len(fleet.history)
    expiry = fleet.wanted.get("ValidUntil")
    if fleet.state == "active" and expiry and _moment(expiry) <= _now():
        _record(fleet, "fleetRequestChange", "expired")
        cancel(fleet, terminate=_true(fleet.wanted.get("TerminateInstancesWithExpiration")))
    fleet.fulfilled_capacity = sum(_weight(fleet, request) for request in fleet.spot_requests)
    lost = fleet.target_capacity - fleet.fulfilled_capacity
    if fleet.state == "active" and lost > 0 and fleet.wanted.get("Type", "maintain") == "maintain":
        fleet.create_spot_requests(lost)
    note_machines(fleet)
    if fleet.state in ENDING and not fleet.spot_requests:
        fleet.state = "cancelled"
        _record(fleet, "fleetRequestChange", "cancelled")
    return len(fleet.history) > events


def _weight(fleet: Any, request: Any) -> float:
    machine_type = request.instance.instance_type
    weights = (spec.weighted_capacity for spec in fleet.launch_specs if spec.instance_type == machine_type)
    return next(weights, 1.0)


def note_machines(fleet: Any) -> None:
    """Tag a fleet's new machines as EC2 does, and record in its history which started and which ended."""
    machines = {request.instance.id: request.instance for request in fleet.spot_requests}
    for machine_id, machine in machines.items():
        if machine_id not in fleet.known_machines:
            machine.add_tags({FLEET_TAG: fleet.id})
            details = {"instanceType": machine.instance_type, "image": machine.image_id}
            _record(fleet, "instanceChange", "launched", machine_id, json.dumps(details))
    for machine_id in fleet.known_machines.keys() - machines.keys():
        _record(fleet, "instanceChange", "terminated", machine_id)
    fleet.known_machines = machines


def _record(fleet: Any, kind: str, event: str, machine: str | None = None, description: str = "") -> None:
    information = {"EventSubType": event, "EventDescription": description}
    if machine:
        information["InstanceId"] = machine
    fleet.history.append({"Timestamp": _now(), "EventType": kind, "EventInformation": information})


def tagged_resources(backend: Any) -> Iterator[TaggedResource]:
    """Yield the tagged resources that moto knows, and the launch templates."""
    yield from _tagged(backend)
    for template in backend.launch_templates.values():
        owner = f"{backend.region_name}:{backend.account_id}"
        arn = f"arn:{backend.partition}:ec2:{owner}:launch-template/{template.id}"
        yield TaggedResource(arn, dict(backend.tags.get(template.id, {})), "ec2:launch-template")


def _moment(value: Any) -> datetime:
    """Return a time from a request, given as text or parsed, in UTC."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value.replace("Z", "+00:00"))
    moment: datetime = value
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _true(value: Any) -> bool:
    return str(value).lower() == "true"


def _now() -> datetime:
    return datetime.now(timezone.utc)
