"""An ECS agent's endpoint for scale-in protection, on a free port, which records its requests."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.serving import serve

ARN = "arn:aws:ecs:us-east-1:123456789012:task/Cluster/0123"


class Agent:
    """An ECS agent on a free port. `refusal`: status and document that it answers instead of obeying."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.refusal: tuple[int, dict[str, Any]] | None = None
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        serve(self.server)
        self.environment = {"ECS_AGENT_URI": f"http://127.0.0.1:{self.server.server_address[1]}/api/0123"}

    @property
    def states(self) -> list[bool]:
        return [request["ProtectionEnabled"] for request in self.asked]

    def answer(self, path: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        assert path == "/api/0123/task-protection/v1/state"
        self.asked.append(request)
        enabled = {"ProtectionEnabled": request["ProtectionEnabled"], "TaskArn": ARN}
        return self.refusal or (200, {"protection": enabled})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        agent = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, document = agent.answer(self.path, request)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(document).encode())

            def log_message(self, format: str, *args: Any) -> None:
                """Log nothing."""

        return Handler

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
