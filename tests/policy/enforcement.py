"""An embedded cloud behind gates: workers, machines, janitor and users get what policies allow, no more.

The commands are run as on AWS, without --local, because only then does each have its own key.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from distributed_fiji.local import cloud as clouds
from distributed_fiji.local import processes, servers, state
from distributed_fiji.local.access import Cloud
from distributed_fiji.local.state import CONTROL_PLANE, DATA_PLANE, MACHINES, Folders
from distributed_fiji.names import role_name
from distributed_fiji.permissions.usercalls import COMMANDS
from distributed_fiji.permissions.userpolicy import user_policy
from distributed_fiji.settings import load_settings
from tests.commands import CHECKOUT, Ended, run_py
from tests.policy.gate import AttachedPolicies, Gate, Law, Tags, gated
from tests.policy.judging import ACCOUNT
from tests.policy.trail import SITE, lay


@dataclass
class Institute:
    """An account that enforces policies, and one app in it."""

    app: str
    folder: Path
    cloud: Cloud
    law: Law
    gates: tuple[Gate, Gate]
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def record(self) -> Path:
        return CHECKOUT / "files" / f"{self.app}SpotFleetRequestId.json"

    def role(self, purpose: str) -> str:
        return role_name(self.app, "us-east-1", purpose)

    def configure(self, **settings: Any) -> None:
        """Write config.py, and give each command's user what `policy` prints for it."""
        self.settings |= settings
        lines = [f"{name} = {value!r}\n" for name, value in self.settings.items()]
        (self.folder / "config.py").write_text("".join(lines))
        known, _ = load_settings(self.folder / "config.py")
        for command in COMMANDS:
            self.allow(f"user-{command}", [user_policy(known, ACCOUNT, [command])])

    def allow(self, key: str, policies: list[dict[str, Any]]) -> None:
        """Give a user exactly these policies."""
        self.law.callers[key] = (f"arn:aws:iam::{ACCOUNT}:user/{key}", lambda: policies)

    def run(self, command: str, *arguments: str | Path, timeout: float = 300) -> Ended:
        """Run a command as a user with the policy that `policy` prints for it."""
        return self.run_as(f"user-{command}", command, *arguments, timeout=timeout)

    def run_as(self, key: str, *arguments: str | Path, timeout: float = 300) -> Ended:
        """Run a command with a user's key."""
        words = ("--config", self.folder / "config.py", *arguments)
        return run_py(
            *words, environment=endpoints(*self.gates) | {"AWS_ACCESS_KEY_ID": key}, timeout=timeout
        )

    def never_used(self, command: str) -> set[str]:
        """Return what a command's user may do but never did."""
        policies = self.law.callers[f"user-{command}"][1]()
        granted = {action for one in policies for item in one["Statement"] for action in item["Action"]}
        return granted - set(self.law.used.get(f"user-{command}", ()))

    def denied(self) -> set[tuple[str, str, str]]:
        """Return who was denied which action on which resource."""
        return {(who, need.action, need.resource) for who, need in self.law.denied}


def endpoints(control: Gate, data: Gate) -> dict[str, str]:
    """Return the variables that lead a process's calls through the gates."""
    services = {f"AWS_ENDPOINT_URL_{name}": data.url for name in ("S3", "SQS", "CLOUDWATCH_LOGS")}
    return {
        "AWS_ENDPOINT_URL": control.url,
        **services,
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


@contextmanager
def institute(app: str, folder: Path, environment: dict[str, str]) -> Iterator[Institute]:
    """Run an embedded cloud behind gates. `environment`: variables for starting the cloud."""
    root, site = folder / "cloud", folder / "site"
    lay(site)
    before = {name: os.environ.get(name) for name in (SITE, *environment)}
    os.environ.update({SITE: str(site), **environment})
    try:
        cloud = clouds.start(root)
        with ExitStack() as stack:
            yield stack.enter_context(_guarded(app, folder, site, cloud))
    finally:
        clouds.stop(root)
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@contextmanager
def _guarded(app: str, folder: Path, site: Path, cloud: Cloud) -> Iterator[Institute]:
    control, data = cloud.url(CONTROL_PLANE), cloud.url(DATA_PLANE)
    key = cloud.state.key
    law = Law(ACCOUNT, machines=key, tags=Tags(cloud.client("ec2"), cloud.client("ecs")))
    with gated(control, law, key) as before_control, gated(data, law, key) as before_data:
        made = Institute(app, folder, cloud, law, (before_control, before_data))
        law.tasks = made.role("task")
        purposes = {key: "instance", law.tasks: "task", made.role("janitor"): "janitor"}
        for caller, purpose in purposes.items():
            role = made.role(purpose)
            arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/session"
            law.callers[caller] = (arn, AttachedPolicies(cloud.client("iam"), role))
        keys = {"worker": law.tasks, "janitor": made.role("janitor")}
        gate = {"endpoints": endpoints(before_control, before_data), "keys": keys}
        (site / "gate.json").write_text(json.dumps(gate))
        _lead_machines(cloud, before_control, before_data)
        yield made


def _lead_machines(cloud: Cloud, control: Gate, data: Gate) -> None:
    """Restart the machines so that they, too, reach the cloud only through the gates."""
    folders = Folders(cloud.root)
    known = state.read(folders)
    assert known is not None
    machines = known.servers[MACHINES].identity
    assert machines is not None
    processes.end([machines], 60.0)
    behind = dict(known.servers)
    for name, gate in ((CONTROL_PLANE, control), (DATA_PLANE, data)):
        behind[name] = replace(behind[name], port=int(gate.url.rpartition(":")[2]))
    state.write(folders, replace(known, servers=behind))
    behind[MACHINES] = servers.start(MACHINES, folders, known)
    state.write(folders, replace(known, servers=behind))
    started = replace(known, servers={**known.servers, MACHINES: behind[MACHINES]})
    assert servers.wait_until_ready(MACHINES, folders, started)
    # The machines have read the gates' addresses; later readers get those of the servers themselves.
    state.write(folders, started)
