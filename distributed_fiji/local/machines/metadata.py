"""What a machine and its agent report to the tasks on it, by HTTP on 127.0.0.1, like IMDSv2 and ECS's agent.

Tasks cannot send the cloud's secret in a header, so it precedes these paths (`doors`):

- `/instances/ID/latest/…`: instance metadata, session token required (EC2 user guide, "Use IMDS")
- `/tasks/ID/v4`, `/tasks/ID/v4/task`: task metadata (ECS developer guide, "Task metadata endpoint version 4")
- `/tasks/ID/agent/task-protection/v1/state`: scale-in protection (ECS developer guide, "Task scale-in
  protection endpoint")

With the secret in the header: `/health`, and `POST /interrupt`, with which `run.py local interrupt` reclaims
a machine.
"""

from __future__ import annotations

import functools
import json
import secrets
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from botocore.exceptions import ClientError

from distributed_fiji.local.doors import REFUSED_HEADERS, Door
from distributed_fiji.local.machines.observation import Instance
from distributed_fiji.local.machines.taskplan import TaskPlan

TOKEN_HEADER = "X-aws-ec2-metadata-token"
TOKEN_SECONDS_HEADER = "X-aws-ec2-metadata-token-ttl-seconds"

#: How often the server looks whether it should end. With Python's half a second, `close` takes as long.
LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class RunningTask:
    """What the metadata endpoint reports about a task."""

    plan: TaskPlan
    cluster: str
    definition: str
    started: datetime
    image_id: str = ""


@dataclass
class MetadataFacts:
    """What the endpoints report. The machines' loop writes it: whole entries are replaced, never changed."""

    machines: dict[str, Instance] = field(default_factory=dict)
    tasks: dict[str, RunningTask] = field(default_factory=dict)
    notices: dict[str, datetime] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)


Reply = tuple[int, str | dict[str, Any]]
NOT_FOUND: Reply = (404, "Not Found")


class QuietServer(ThreadingHTTPServer):
    """Logs nothing about a client that went away, as a task does when it is killed."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class MetadataServer:
    """Serves the facts until it is closed.

    `protect(task, wanted)` sets a task's protection, or reads it if `wanted` is None, and returns the agent's
    answer. `interrupt(instance_id, seconds)` reclaims a machine.
    """

    def __init__(
        self,
        door: Door,
        facts: MetadataFacts,
        protect: Callable[[RunningTask, dict[str, Any] | None], dict[str, Any]],
        interrupt: Callable[[str, float | None], None],
    ) -> None:
        self.door = door
        self.tasks_door = replace(door, tasks=True)
        self.facts = facts
        self.protect = protect
        self.interrupt = interrupt
        self._server = QuietServer(("127.0.0.1", door.port), functools.partial(Handler, self.reply))
        threading.Thread(target=self._server.serve_forever, args=(LOOK_SECONDS,), daemon=True).start()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()

    def reply(self, method: str, path: str, headers: Any, read: Callable[[], bytes]) -> Reply | None:
        """Return status and body for a request, whose body `read` reads; None to refuse it."""
        host, origin = headers.get("Host"), headers.get("Origin")
        key, *parts = path.strip("/").split("/")
        if self.door.admits(host=host, origin=origin, authorization=headers.get("Authorization", "")):
            return self._own(method, path.strip("/"), read())
        if parts and self.door.is_for_here(host, origin) and self.tasks_door.is_key(key):
            return self._tell(method, parts, headers, read())
        return None

    def _own(self, method: str, path: str, body: bytes) -> Reply:
        if path == "health":
            return 200, "ok"
        wanted = json.loads(body) if (method, path) == ("POST", "interrupt") else {}
        if wanted.get("instance") not in self.facts.machines:
            return NOT_FOUND
        self.interrupt(wanted["instance"], wanted["seconds"])
        return 200, {}

    def _tell(self, method: str, parts: list[str], headers: Any, body: bytes) -> Reply:
        if parts[0] == "instances" and len(parts) > 3:
            return self._instance(method, parts[1], "/".join(parts[2:]), headers)
        if parts[0] == "tasks" and len(parts) > 1 and parts[1] in self.facts.tasks:
            return self._task(method, self.facts.tasks[parts[1]], "/".join(parts[2:]), body)
        return NOT_FOUND

    def _instance(self, method: str, instance_id: str, path: str, headers: Any) -> Reply:
        machine = self.facts.machines.get(instance_id)
        if machine is None:
            return NOT_FOUND
        if path == "latest/api/token":
            return self._token(method, headers)
        if headers.get(TOKEN_HEADER) not in self.facts.tokens:
            return 401, "Unauthorized"
        document = instance_metadata(machine, self.facts.notices.get(instance_id))
        return (200, document[path]) if path in document else NOT_FOUND

    def _token(self, method: str, headers: Any) -> Reply:
        if method != "PUT" or not str(headers.get(TOKEN_SECONDS_HEADER, "")).isdigit():
            return 400, "Bad Request"
        token = secrets.token_urlsafe(24)
        self.facts.tokens.add(token)
        return 200, token

    def _task(self, method: str, task: RunningTask, path: str, body: bytes) -> Reply:
        if path in {"v4", "v4/task"}:
            return 200, container_metadata(task) if path == "v4" else task_metadata(task)
        if path == "agent/task-protection/v1/state":
            return self._protection(task, json.loads(body) if method == "PUT" else None)
        return NOT_FOUND

    def _protection(self, task: RunningTask, wanted: dict[str, Any] | None) -> Reply:
        try:
            return 200, self.protect(task, wanted)
        except ClientError as error:
            details = error.response["Error"]
            return 400, {
                "error": {"Arn": task.plan.arn, "Code": details["Code"], "Message": details["Message"]}
            }


def instance_metadata(machine: Instance, ends: datetime | None) -> dict[str, str]:
    """Return a machine's metadata by path. `ends`: when it is reclaimed; None: it is not marked."""
    region = machine.zone[:-1]
    document = {
        "latest/meta-data/instance-id": machine.instance_id,
        "latest/meta-data/instance-type": machine.instance_type,
        "latest/meta-data/instance-life-cycle": "spot" if machine.spot else "on-demand",
        "latest/meta-data/placement/availability-zone": machine.zone,
        "latest/meta-data/placement/region": region,
        "latest/dynamic/instance-identity/document": json.dumps(
            {"instanceId": machine.instance_id, "instanceType": machine.instance_type, "region": region}
        ),
    }
    if ends is not None:
        time = ends.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        document["latest/meta-data/spot/instance-action"] = json.dumps({"action": "terminate", "time": time})
        document["latest/meta-data/spot/termination-time"] = time
    return document


def container_metadata(task: RunningTask) -> dict[str, Any]:
    """Return what version 4 of the task metadata endpoint reports about the container."""
    container = task.plan.container
    image = {"ImageID": task.image_id} if task.image_id else {}
    return image | {
        "DockerId": task.plan.task_id,
        "Name": container["name"],
        "DockerName": container["name"],
        "Image": container["image"],
        "Labels": {
            "com.amazonaws.ecs.cluster": task.cluster,
            "com.amazonaws.ecs.container-name": container["name"],
            "com.amazonaws.ecs.task-arn": task.plan.arn,
        },
        "DesiredStatus": "RUNNING",
        "KnownStatus": "RUNNING",
        "Limits": {"CPU": container.get("cpu", 0), "Memory": container.get("memory", 0)},
        "Type": "NORMAL",
    }


def task_metadata(task: RunningTask) -> dict[str, Any]:
    """Return what version 4 of the task metadata endpoint reports about the task."""
    family, revision = task.definition.rsplit("/", 1)[-1].rsplit(":", 1)
    return {
        "Cluster": task.cluster,
        "TaskARN": task.plan.arn,
        "Family": family,
        "Revision": revision,
        "DesiredStatus": "RUNNING",
        "KnownStatus": "RUNNING",
        "PullStartedAt": task.started.isoformat(),
        "LaunchType": "EC2",
        "Containers": [container_metadata(task)],
    }


class Handler(BaseHTTPRequestHandler):
    """Sends what `reply` returns. A refused or malformed request gets a bare 403."""

    protocol_version = "HTTP/1.1"

    def __init__(self, reply: Callable[..., Reply | None], *request: Any) -> None:
        self._reply = reply
        super().__init__(*request)

    def do_GET(self) -> None:
        self._answer()

    do_PUT = do_POST = do_GET

    def _answer(self) -> None:
        reply = self._reply(self.command, self.path, self.headers, self._body)
        if reply is None:
            self._refuse()
            return
        status, content = reply
        data = (content if isinstance(content, str) else json.dumps(content)).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def send_error(self, *_: Any) -> None:
        """Say nothing about a malformed request or an unknown method."""
        self._refuse()

    def _refuse(self) -> None:
        self.close_connection = True
        self.send_response_only(403)
        for name, value in REFUSED_HEADERS:
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Write no line per request."""
