"""A session of the emulators whose user lacks permissions, and is told so in AWS's own words."""

from __future__ import annotations

import io
import json
from typing import Any

from botocore.awsrequest import AWSResponse

from distributed_fiji.aws.refusals import action_of
from tests.monitor.builders import EmulatedSession
from tests.policy.denials import Answer, denial
from tests.policy.evaluator import Need
from tests.policy.judging import ACCOUNT

USER = f"arn:aws:iam::{ACCOUNT}:user/biologist"


class DenyingSession(EmulatedSession):
    """`denied`: IAM actions that the user lacks. `asked`: the denied calls, in order."""

    def __init__(self, session: EmulatedSession, *denied: str) -> None:
        super().__init__(session.control, session.data, session.region_name)
        self.boto = session.boto
        self.denied = set(denied)
        self.asked: list[str] = []

    def client(self, service: str, config: Any) -> Any:
        client = super().client(service, config)
        client.meta.events.register("before-send", self._judge)
        return client

    def _judge(self, request: Any, event_name: str, **_: Any) -> AWSResponse | None:
        _, service, operation = event_name.split(".")
        service = {"cloudwatch-logs": "logs", "eventbridge": "events"}.get(service, service)
        action = action_of(service, operation)
        if action not in self.denied:
            return None
        self.asked.append(action)
        return answered(request, denial(service, request.method, USER, Need(action, "*")))


class ExpiredSession(EmulatedSession):
    """A session whose keys AWS no longer accepts once `over` is set (IAM, "Common errors")."""

    def __init__(self, session: EmulatedSession) -> None:
        super().__init__(session.control, session.data, session.region_name)
        self.boto = session.boto
        self.over = False

    def client(self, service: str, config: Any) -> Any:
        client = super().client(service, config)
        client.meta.events.register("before-send", self._judge)
        return client

    def _judge(self, request: Any, event_name: str, **_: Any) -> AWSResponse | None:
        if not self.over:
            return None
        if event_name.split(".")[1] == "ec2":
            error = "<Error><Code>RequestExpired</Code><Message>Request has expired.</Message></Error>"
            body = f"<Response><Errors>{error}</Errors></Response>".encode()
            return answered(request, (400, [("Content-Type", "text/xml")], body))
        said = "The security token included in the request is expired"
        body = json.dumps({"__type": "ExpiredTokenException", "message": said}).encode()
        return answered(request, (400, [("Content-Type", "application/x-amz-json-1.1")], body))


def answered(request: Any, answer: Answer) -> AWSResponse:
    """Return an answer as if it had come from AWS."""
    status, headers, body = answer
    raw = io.BytesIO(body)
    raw.stream = lambda: iter([raw.read()])  # type: ignore[attr-defined]
    return AWSResponse(request.url, status, dict(headers), raw)
