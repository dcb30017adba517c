"""A session of the emulators that records every call, with its parameters and its answer's status."""

from __future__ import annotations

import io
from typing import Any

from botocore.awsrequest import AWSResponse

from tests.monitor.builders import EmulatedSession
from tests.policy.calls import Call


class RecordingSession(EmulatedSession):
    """`refused`: operations that are answered 403 and never sent."""

    def __init__(self, session: EmulatedSession, refused: tuple[str, ...] = ()) -> None:
        super().__init__(session.control, session.data, session.region_name)
        self.boto = session.boto
        self._session = session
        self.refused = refused
        self.calls: list[Call] = []

    def client(self, service: str, config: Any) -> Any:
        client = self._session.client(service, config)

        def begun(params: Any, context: Any, **_: Any) -> None:
            context["recorded"] = dict(params)

        def ended(http_response: Any, model: Any, context: Any, **_: Any) -> None:
            self.calls.append(Call(service, model.name, context["recorded"], http_response.status_code))

        client.meta.events.register("before-parameter-build", begun)
        client.meta.events.register("after-call", ended)
        for operation in self.refused:
            client.meta.events.register(f"before-send.{service}.{operation}", _refuse)
        return client


def _refuse(request: Any, **_: Any) -> AWSResponse:
    answer = io.BytesIO(b"<Error><Code>AccessDenied</Code></Error>")
    answer.stream = lambda: iter([answer.read()])  # type: ignore[attr-defined]
    return AWSResponse(request.url, 403, {"Content-Type": "application/xml"}, answer)
