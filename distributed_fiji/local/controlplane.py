"""The control plane: moto's server (EC2, ECS, IAM, SSM, CloudWatch, …) with what `additions` adds to it.

Run as `python -m distributed_fiji.local.controlplane ROOT`, port in MOTO_PORT. Beside AWS's calls it answers
`GET /_local/health`, and `GET /_local/regions`: the regions that hold a cluster, so that the machines look
only there.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server


class QuietRequestHandler(MotoRequestHandler):
    """Writes no line per request: the log is read when something went wrong, and must be short then."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


class LocalRoutes:
    """WSGI application that answers /_local/… itself and hands all else to moto."""

    def __init__(self, moto: Callable[..., Iterable[bytes]]) -> None:
        self.moto = moto
        self.routes: dict[str, Callable[[], Any]] = {
            "/_local/health": lambda: {"pid": os.getpid()},
            "/_local/regions": regions_with_clusters,
        }

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        route = self.routes.get(environ["PATH_INFO"])
        if route is None:
            return self.moto(environ, start_response)
        body = json.dumps(route()).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response("200 OK", headers)
        return [body]


def regions_with_clusters() -> list[str]:
    """Return the regions in which an ECS cluster was made."""
    from moto.ecs.models import ecs_backends

    regions = (
        region for account in list(ecs_backends.values()) for region, ecs in account.items() if ecs.clusters
    )
    return sorted(set(regions))


def main() -> None:
    """Serve until a signal ends the process."""
    application = LocalRoutes(DomainDispatcherApplication(create_backend_app))
    port = int(os.environ["MOTO_PORT"])
    server = make_server("127.0.0.1", port, application, threaded=True, request_handler=QuietRequestHandler)
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
