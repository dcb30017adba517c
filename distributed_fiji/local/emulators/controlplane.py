"""The control plane: moto's server (EC2, ECS, IAM, SSM, CloudWatch, …) with our `additions`.

Run as `python -m distributed_fiji.local.emulators.controlplane ROOT`, port in MOTO_PORT. Besides AWS's calls,
it answers these for the machines:

- `GET /_local/health`
- `GET /_local/changes?since=N`: waits up to WAIT_SECONDS for a call that changes something after the
  N-th; returns the number of changes and the regions that have a cluster.
- `POST /_local/service-event`: an event for DescribeServices, as the service's scheduler writes it.

It also does what AWS does on its own: spot fleets maintain their machines, and schedules call Lambda
functions, which get the data plane's URL in LOCAL_DATA_PLANE. Each minute of a schedule takes LOCAL_MINUTE
seconds. LOCAL_SITE names a folder whose sitecustomize.py a function's Python runs first.
"""

from __future__ import annotations

import functools
import gc
import io
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import botocore.session
import moto.backends
import moto.core.responses
import moto.core.utils
from moto.backends import get_backend
from moto.core.loaders import create_loader
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.utils import method_names_from_class
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

from distributed_fiji.local import doors, watchdog
from distributed_fiji.local.emulators import additions
from distributed_fiji.local.emulators.patching import add
from distributed_fiji.local.state import CONTROL_PLANE, Folders

WAIT_SECONDS = 0.5
KEEP_FLEETS_SECONDS = 0.5
KEEP_SCHEDULES_SECONDS = 0.2

#: Services of moto that are imported, with our additions.
loaded: set[str] = set()
loading = threading.RLock()

#: Services that every run uses, by moto's names, in the order in which setup and startCluster first call
#: them.
USED = ("ec2", "iam", "ecs", "awslambda", "ssm", "events", "sns", "cloudwatch")

#: Calls with these prefixes are read-only.
READING = ("Describe", "List", "Get", "Lookup", "Search", "Simulate")


class QuietRequestHandler(MotoRequestHandler):
    """Writes no line per request, since the log is read when something went wrong, and must be short then."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing."""


class Changes:
    """Counts the calls that may have changed something, and lets a caller wait for the next one."""

    def __init__(self) -> None:
        self.count = 0
        self.condition = threading.Condition()

    def note(self) -> None:
        with self.condition:
            self.count += 1
            self.condition.notify_all()

    def wait(self, since: int, seconds: float) -> int:
        """Return the count once it differs from `since`, or unchanged after some seconds."""
        with self.condition:
            self.condition.wait_for(lambda: self.count != since, seconds)
            return self.count


class LocalRoutes:
    """A WSGI application that answers /_local/… itself and passes everything else to moto."""

    def __init__(self, moto: Callable[..., Iterable[bytes]], changes: Changes) -> None:
        self.moto = moto
        self.changes = changes
        self.routes: dict[str, Callable[[dict[str, Any]], Any]] = {
            "/_local/health": lambda environ: {"pid": os.getpid()},
            "/_local/changes": self._changes,
            "/_local/service-event": service_event,
        }

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        route = self.routes.get(environ["PATH_INFO"])
        if route is None:
            return self._forward(environ, start_response)
        body = json.dumps(route(environ)).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response("200 OK", headers)
        return [body]

    def _forward(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        changing = not action(environ).startswith(READING)
        response = self.moto(environ, start_response)
        if changing:
            self.changes.note()
        return response

    def _changes(self, environ: dict[str, Any]) -> dict[str, Any]:
        since = int(parse_qs(environ["QUERY_STRING"]).get("since", ["-1"])[0])
        return {"changes": self.changes.wait(since, WAIT_SECONDS), "regions": regions_with_clusters()}


def action(environ: dict[str, Any]) -> str:
    """Return the AWS action that a request asks for; "" if neither header nor form names it."""
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if target or not environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        return str(target).rsplit(".", 1)[-1]
    return parse_qs(read_body(environ).decode("utf-8", "replace")).get("Action", [""])[0]


def read_body(environ: dict[str, Any]) -> bytes:
    """Return a request's body, and leave it readable for others."""
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def regions_with_clusters() -> list[str]:
    """Return the regions that have an ECS cluster."""
    if "ecs" not in loaded:
        return []
    backends = list(get_backend("ecs")[DEFAULT_ACCOUNT_ID].items())
    return sorted(region for region, backend in backends if backend.clusters)


def service_event(environ: dict[str, Any]) -> dict[str, Any]:
    """Add an event to a service. The body names region, cluster, service and message."""
    from distributed_fiji.local.emulators import ecs_services

    event = json.loads(read_body(environ))
    ecs_services.add_service_event(
        DEFAULT_ACCOUNT_ID, event["region"], event["cluster"], event["service"], event["message"]
    )
    return {}


def load(service: Any) -> None:
    """Import a service of moto and install our additions, once.

    Before it comes IAM, which moto asks for the account of every call (moto/core/responses.py).
    """
    with loading:
        for each in ("iam", service):
            if each not in loaded:
                get_backend(each)
                additions.install(each)
                loaded.add(each)


def create_app(service: Any) -> Any:
    """Return moto's application for one of its services, with our additions."""
    load(service)
    return create_backend_app(service)


def keep_what_never_changes() -> None:
    """Cache moto's lookups that it repeats for each request, which take half of the time of most requests.

    The names of its services are folders that it lists (moto/backends.py). The names of a class's methods are
    found among all of its attributes (moto/core/utils.py).
    """
    names = tuple(moto.backends.list_of_moto_modules())
    add(moto.backends, "list_of_moto_modules", lambda: names)
    add(moto.core.responses, "method_names_from_class", functools.cache(method_names_from_class))


def share_models() -> None:
    """Read each of AWS's models only once in this process, and list only once the services that have one.

    Importing moto's EC2 makes three sessions (moto/ec2/models/availability_zones_and_regions.py). Each
    decodes EC2's model and the list of all endpoints, which takes half of the import's time. At the first
    call of each service, moto reads its model again (moto/core/utils.py).
    """
    loader = create_loader()
    for module in (botocore.session, moto.core.utils):
        add(module, "create_loader", lambda *_: loader)


def load_ahead() -> None:
    """Load what every run uses while the caller is still starting; moto imports a service when first called.

    What is loaded stays. So the garbage collector need not scan it, neither during loading nor again and
    again later, which would be a quarter of the time that this takes.
    """
    gc.disable()
    for service in USED:
        load(service)
    gc.freeze()
    gc.enable()


def keep_fleets_for_ever(changes: Changes) -> None:
    """Maintain the spot fleets, step by step, once moto has loaded EC2."""
    while True:
        time.sleep(KEEP_FLEETS_SECONDS)
        if "ec2" in loaded:
            from distributed_fiji.local.emulators import fleets

            try:
                if fleets.keep_fleets():
                    changes.note()
            except Exception:  # a change made by a concurrent call must not end the upkeep of all fleets
                traceback.print_exc()


def keep_schedules_for_ever(root: Path) -> None:
    """Run the schedules, step by step, once moto has loaded rules and functions."""
    while not loaded.issuperset({"events", "awslambda"}):
        time.sleep(KEEP_SCHEDULES_SECONDS)
    from distributed_fiji.local.emulators import schedules

    here = f"http://127.0.0.1:{os.environ['MOTO_PORT']}"
    key = os.environ[doors.VARIABLE]
    leading = schedules.endpoints(here, os.environ.get("LOCAL_DATA_PLANE", ""), key)
    leading["LOCAL_SITE"] = os.environ.get("LOCAL_SITE", "")
    minute = float(os.environ.get("LOCAL_MINUTE") or 60)
    scheduler = schedules.Scheduler(leading, Folders(root).logs, minute)
    schedules.run_for_ever(scheduler, KEEP_SCHEDULES_SECONDS)


def main() -> None:
    """Serve until a signal ends the process."""
    watchdog.guard(Path(sys.argv[1]), CONTROL_PLANE)
    share_models()
    keep_what_never_changes()
    changes = Changes()
    application = LocalRoutes(DomainDispatcherApplication(create_app), changes)
    port = int(os.environ["MOTO_PORT"])
    server = make_server(
        "127.0.0.1",
        port,
        doors.wsgi(application, doors.Door(os.environ[doors.VARIABLE], port)),
        threaded=True,
        request_handler=QuietRequestHandler,
    )
    threading.Thread(target=load_ahead, daemon=True).start()
    threading.Thread(target=keep_fleets_for_ever, args=(changes,), daemon=True).start()
    threading.Thread(target=keep_schedules_for_ever, args=(Path(sys.argv[1]),), daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
