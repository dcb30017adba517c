"""What EventBridge and Lambda do: a rule with a rate calls its Lambda functions, each in its own process.

Runs in the control plane, where moto holds rules and functions. As on AWS, a rule's first call comes after
its rate has passed once, and deleting a function ends its running call. Unlike on AWS, a failed call is not
retried before the next is due, and none starts while the last one is running. A function's output is in the
cloud's logs/lambda-NAME.log, with a START line for each call, as Lambda writes it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moto.awslambda.exceptions import UnknownFunctionException
from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID

from distributed_fiji.local.emulators import lambdaruntime

RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")

MINUTES = {"minute": 1, "hour": 60, "day": 24 * 60}


@dataclass(frozen=True)
class Function:
    """A Lambda function at the time of a call. `timeout`: seconds."""

    name: str
    region: str
    handler: str
    package: bytes
    environment: Mapping[str, str]
    timeout: float


@dataclass(frozen=True)
class Schedule:
    """A rule with a rate, and the names of its functions. `period`: minutes."""

    name: str
    region: str
    period: float
    functions: tuple[str, ...]


@dataclass
class Call:
    """A running call."""

    process: subprocess.Popen[bytes]
    folder: tempfile.TemporaryDirectory[str]
    until: float


def minutes(expression: str | None) -> float | None:
    """Return the minutes of a rate expression, or None for another kind of schedule."""
    found = RATE.fullmatch(expression or "")
    return float(found[1]) * MINUTES[found[2]] if found else None


class Scheduler:
    """Calls functions when they are due. `step` is one round of its loop.

    `endpoints`: the variables that lead a function to this cloud. `minute`: how many seconds a minute takes.
    """

    def __init__(self, endpoints: Mapping[str, str], logs: Path, minute: float) -> None:
        self._endpoints = endpoints
        self._logs = logs
        self._minute = minute
        self._due: dict[tuple[str, str], float] = {}
        self._calls: dict[tuple[str, str], Call] = {}

    def step(self, now: float) -> None:
        """Start the calls that are due, and end those that take too long. `now`: seconds, on any clock."""
        self._reap(now)
        schedules = {(item.region, item.name): item for item in read_schedules()}
        self._due = {
            key: self._due.get(key, now + item.period * self._minute) for key, item in schedules.items()
        }
        for key, item in schedules.items():
            if now >= self._due[key]:
                self._due[key] = now + item.period * self._minute
                for name in item.functions:
                    self._call(item.region, name, now)

    def _call(self, region: str, name: str, now: float) -> None:
        function = read_function(region, name)
        if function is None or (region, name) in self._calls:
            return
        folder = tempfile.TemporaryDirectory(prefix="lambda-")
        package = Path(folder.name) / "package.zip"
        package.write_bytes(function.package)
        self._logs.mkdir(parents=True, exist_ok=True)
        with (self._logs / f"lambda-{name}.log").open("ab") as log:
            log.write(f"START {time.time():.3f}\n".encode())
            log.flush()
            runtime = [sys.executable, "-I", lambdaruntime.__file__, str(os.getpid())]
            process = subprocess.Popen(
                [*runtime, str(package), function.handler],
                env=self._environment(function),
                cwd=folder.name,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._calls[region, name] = Call(process, folder, now + function.timeout)

    def _environment(self, function: Function) -> dict[str, str]:
        """Return what Lambda sets: its own variables and the function's, and none of this process's."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "AWS_REGION": function.region,
            "AWS_DEFAULT_REGION": function.region,
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            **self._endpoints,
            **function.environment,
        }

    def _reap(self, now: float) -> None:
        for key, call in list(self._calls.items()):
            if call.process.poll() is None and now < call.until:
                continue
            if call.process.returncode is None:
                call.process.kill()
                call.process.wait()
            call.folder.cleanup()
            del self._calls[key]


def read_schedules() -> Iterator[Schedule]:
    """Yield the enabled rules of all regions that have a rate and functions."""
    for region, backend in list(get_backend("events")[DEFAULT_ACCOUNT_ID].items()):
        for bus in list(backend.event_buses.values()):
            for rule in list(bus.rules.values()):
                period = minutes(rule.scheduled_expression)
                functions = tuple(_function_names(rule.targets))
                if rule.state == "ENABLED" and period and functions:
                    yield Schedule(rule.name, region, period, functions)


def _function_names(targets: list[dict[str, Any]]) -> Iterator[str]:
    for target in targets:
        if ":lambda:" in target["Arn"]:
            yield target["Arn"].rpartition(":function:")[2]


def read_function(region: str, name: str) -> Function | None:
    """Return a function, or None if it has been deleted."""
    try:
        made = get_backend("lambda")[DEFAULT_ACCOUNT_ID][region].get_function(name)
    except UnknownFunctionException:
        return None
    handler = str(made.handler)
    return Function(name, region, handler, made.code_bytes, made.environment_vars, made.timeout)


def endpoints(control_plane: str, data_plane: str, key: str) -> dict[str, str]:
    """Return the variables that lead a function to this cloud, empty if there is no data plane.

    `key`: the cloud's secret.
    """
    if not data_plane:
        return {}
    names = ("S3", "SQS", "CLOUDWATCH_LOGS")
    data = {f"AWS_ENDPOINT_URL_{name}": data_plane for name in names}
    keys = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": key}
    return {"AWS_ENDPOINT_URL": control_plane, **data, **keys}


def run_for_ever(scheduler: Scheduler, every: float) -> None:
    """Run the scheduler's step every few seconds."""
    while True:
        time.sleep(every)
        try:
            scheduler.step(time.monotonic())
        except Exception:  # a change made by another thread of moto must not end all schedules
            traceback.print_exc()
