"""Proxies in front of the emulators that enforce policies. The access key identifies the caller, as on AWS.

The emulators allow everything. A call with the key of a role or a user is judged by the policies attached to
the role in IAM at that moment, or by what `policy` printed for the user. A call that is not allowed gets
AWS's answer and never reaches the emulator. Calls with any other key are the tests' own.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.policy.calls import Call, Place, needs
from tests.policy.denials import denial
from tests.policy.evaluator import Need, allowed
from tests.policy.recorder import Recorder
from tests.policy.wire import read_call, signed_by
from tests.serving import serve

#: What the embedded cloud's machines do in place of ECS and EC2 themselves: the scheduler's placing and
#: stopping, and what the agent learns over its own connection (ecs:Poll).
STAND_INS = (
    "DescribeClusters",
    "DescribeContainerInstances",
    "DescribeInstanceAttribute",
    "DescribeInstanceTypes",
    "DescribeInstances",
    "DescribeServices",
    "DescribeTaskDefinition",
    "DescribeTasks",
    "GetTaskProtection",
    "ListClusters",
    "ListContainerInstances",
    "ListServices",
    "ListTasks",
    "StartTask",
    "StopTask",
    "TerminateInstances",
    "UpdateContainerInstancesState",
)

#: Seconds for which a role's policies are not read again.
FRESH = 0.5

Policies = Callable[[], list[Mapping[str, Any]]]


@dataclass
class Law:
    """Who may do what. `callers`: by access key, ARN and policies. `keys`: of buckets that have one.

    `machines`: the caller that also stands in for AWS. `tasks`: whose role the agent uses to protect tasks.
    """

    account: str
    machines: str = ""
    tasks: str = ""
    callers: dict[str, tuple[str, Policies]] = field(default_factory=dict)
    tags: Callable[[str], Mapping[str, str]] = lambda _: {}
    keys: dict[str, str] = field(default_factory=dict)
    denied: list[tuple[str, Need]] = field(default_factory=list)
    unjudged: list[str] = field(default_factory=list)
    used: dict[str, Counter[str]] = field(default_factory=dict)

    def judge(self, who: str, region: str, call: Call) -> Need | None:
        """Return a call's first need that its caller's policies do not allow; None if all are allowed."""
        if who == self.machines and call.operation in STAND_INS:
            return None
        if who == self.machines and call.operation == "UpdateTaskProtection":
            who = self.tasks
        place = Place(region, self.account, self.tags, lambda bucket: self.keys.get(bucket, ""))
        policies = self.callers[who][1]()
        for need in needs(call, place):
            self.used.setdefault(who, Counter())[need.action] += 1
            if not allowed(policies, need):
                self.denied.append((who, need))
                return need
        return None


class Gate(Recorder):
    """A proxy in front of one emulator that holds every caller it knows to the law.

    `key`: what the emulator's own door accepts; allowed calls are passed on with it.
    """

    def __init__(self, upstream: str, law: Law, key: str) -> None:
        super().__init__(upstream)
        self.law = law
        self._key = key

    def exchange(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, Any, bytes]:
        """Pass a request on, or refuse it."""
        who, region, service = signed_by(headers)
        opened = self._for_emulator(headers, who)
        if who not in self.law.callers:
            return self.forward(method, path, opened, body)
        try:
            call = read_call(method, path, headers, body)
            need = self.law.judge(who, region, call)
        except Exception as error:
            # If a call cannot be judged, the tests are wrong; it must not look like a refusal.
            self.law.unjudged.append(f"{who}: {method} {path}: {error!r}")
            raise
        if need is None:
            status, answered, content = self.forward(method, path, opened, body)
            if (service, status) == ("s3", 404):
                # Only callers who may list a bucket are told that an object does not exist.
                need = self.law.judge(who, region, call.ended(status))
            if need is None:
                return status, answered, content
        return denial(service, method, self.law.callers[who][0], need)

    def _for_emulator(self, headers: dict[str, str], who: str) -> dict[str, str]:
        """Return a request's headers in the form that the emulator's door accepts."""
        own, theirs = f"Credential={who}/", f"Credential={self._key}/"
        known = who in self.law.callers
        changed = {name: text.replace(own, theirs) if known else text for name, text in headers.items()}
        kept = {name: text for name, text in changed.items() if name.lower() != "host"}
        return {**kept, "Host": self._upstream}


@contextmanager
def gated(upstream: str, law: Law, key: str) -> Iterator[Gate]:
    """Run a gate in front of an emulator."""
    gate = Gate(upstream, law, key)
    serve(gate.server)
    try:
        yield gate
    finally:
        gate.server.shutdown()
        gate.server.server_close()


class AttachedPolicies:
    """The inline policies that a role has in IAM, read again once they are no longer fresh."""

    def __init__(self, iam: Any, role: str) -> None:
        self._iam = iam
        self._role = role
        self._read: tuple[float, list[Mapping[str, Any]]] = (0.0, [])

    def __call__(self) -> list[Mapping[str, Any]]:
        read, found = self._read
        if time.monotonic() - read < FRESH:
            return found
        try:
            names = self._iam.list_role_policies(RoleName=self._role)["PolicyNames"]
        except self._iam.exceptions.NoSuchEntityException:
            return []
        found = [
            self._iam.get_role_policy(RoleName=self._role, PolicyName=name)["PolicyDocument"]
            for name in names
        ]
        self._read = (time.monotonic(), found)
        return found


class Tags:
    """Tags of EC2 and ECS resources, looked up in the emulator by id. A resource keeps its tags."""

    def __init__(self, ec2: Any, ecs: Any) -> None:
        self._ec2, self._ecs = ec2, ecs
        self._known: dict[str, dict[str, str]] = {}

    def __call__(self, thing: str) -> Mapping[str, str]:
        if thing not in self._known and (found := self._find(thing)):
            self._known[thing] = found
        return self._known.get(thing, {})

    def _find(self, thing: str) -> dict[str, str]:
        ec2 = self._ec2
        if thing.startswith("i-"):
            found = ec2.describe_instances(InstanceIds=[thing])["Reservations"][0]["Instances"]
        elif thing.startswith("sfr-"):
            answer = ec2.describe_spot_fleet_requests(SpotFleetRequestIds=[thing])
            found = answer["SpotFleetRequestConfigs"]
        elif thing.startswith("lt-"):
            found = ec2.describe_launch_templates(LaunchTemplateIds=[thing])["LaunchTemplates"]
        elif ":task/" in thing:
            return self._of_service(thing)
        elif thing.startswith("arn:"):
            return {}
        else:
            found = ec2.describe_launch_templates(LaunchTemplateNames=[thing])["LaunchTemplates"]
        return {tag["Key"]: tag["Value"] for item in found for tag in item.get("Tags", [])}

    def _of_service(self, task: str) -> dict[str, str]:
        """Return the tags that a service gives to its tasks (ECS developer guide, propagateTags)."""
        cluster = task.split("/")[1]
        (found,) = self._ecs.describe_tasks(cluster=cluster, tasks=[task])["tasks"]
        name = found["group"].removeprefix("service:")
        answer = self._ecs.describe_services(cluster=cluster, services=[name], include=["TAGS"])
        return {tag["key"]: tag["value"] for item in answer["services"] for tag in item.get("tags", [])}
