"""A proxy in front of an emulator that changes AWS's answers, for what emulators never say."""

from __future__ import annotations

import json
import re
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from functools import partial
from http.server import ThreadingHTTPServer
from typing import Any
from xml.sax.saxutils import escape

from tests.monitor.captive import Handler
from tests.policy.denials import denial
from tests.policy.denying import USER
from tests.policy.evaluator import Need
from tests.serving import serve

#: Makes another answer of a request and its answer, both text; with its status.
Plant = Callable[[str, str], tuple[int, str]]


class Garden(ThreadingHTTPServer):
    """`upstream`: the emulator's URL. `plants`: what is made of answers, by operation; '' is S3."""

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), Planter)
        self.upstream = upstream
        self.plants: dict[str, Plant] = {}
        self.calls: Counter[str] = Counter()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, operation: str, change: Callable[[str], str], status: int = 200) -> None:
        """Change the text of an operation's answers."""
        self.plants[operation] = lambda _asked, answer: (status, change(answer))

    def document(self, operation: str, change: Callable[[Any], None]) -> None:
        """Change an operation's JSON answers in place."""

        def changed(answer: str) -> str:
            document = json.loads(answer)
            change(document)
            return json.dumps(document)

        self.answer(operation, changed)

    def deny(self, *actions: str) -> None:
        """Answer operations as AWS does if the user may not call them."""
        for action in actions:
            service, _, operation = action.partition(":")
            status, _, body = denial(service, "GET", USER, Need(action, "*"))
            self.answer("" if service == "s3" else operation, partial(_instead, body.decode()), status)


def _instead(text: str, _answer: str) -> str:
    return text


class Planter(Handler):
    """Forwards a request, and changes its answer."""

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        garden: Any = self.server
        target = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        asked = self.asked.decode("utf-8", "replace")
        operation = target or dict(urllib.parse.parse_qsl(asked)).get("Action", "")
        garden.calls[operation] += 1
        if plant := garden.plants.get(operation):
            status, changed = plant(asked, body.decode("utf-8", "surrogateescape"))
            body = changed.encode("utf-8", "surrogateescape")
        super()._answer(status, headers, body)


@contextmanager
def planting(upstream: str) -> Iterator[Garden]:
    """Run the proxy until the block ends."""
    server = Garden(upstream)
    serve(server)
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def fleet_events(*events: tuple[str, str, str]) -> Plant:
    """Return a history of a spot fleet: (type, sub-type, description) for each event."""

    def answer(asked: str, _: str) -> tuple[int, str]:
        wanted = dict(urllib.parse.parse_qsl(asked)).get("EventType")
        items = "".join(
            f"<item><timestamp>2026-01-01T00:00:00Z</timestamp><eventType>{kind}</eventType>"
            f"<eventInformation><eventSubType>{sub}</eventSubType>"
            f"<eventDescription>{escape(text)}</eventDescription></eventInformation></item>"
            for kind, sub, text in events
            if kind == wanted
        )
        name = "DescribeSpotFleetRequestHistoryResponse"
        return 200, f"<{name}><historyRecordSet>{items}</historyRecordSet></{name}>"

    return answer


def no_machines(answer: str) -> str:
    """Take all machines out of DescribeInstances."""
    return re.sub("<reservationSet>.*</reservationSet>", "<reservationSet/>", answer, flags=re.DOTALL)


def older(answer: str, minutes: float = 60) -> str:
    """Let machines have been launched earlier."""
    return re.sub("<launchTime>[^<]*", f"<launchTime>{ago(minutes)}", answer)


def older_manifests(answer: str, minutes: float) -> str:
    """Let manifests in a listing of S3 have been written earlier."""
    written = r"(<Key>[^<]*/manifests/[^<]*</Key>\s*<LastModified>)[^<]*"
    return re.sub(written, lambda found: found[1] + ago(minutes), answer)


def ago(minutes: float) -> str:
    """Return a time as AWS writes it in XML."""
    return (datetime.now(timezone.utc) - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def with_profile(answer: str, name: str) -> str:
    """Give machines an instance profile."""
    arn = f"arn:aws:iam::123456789012:instance-profile/{name}"
    given = f"<iamInstanceProfile><arn>{arn}</arn></iamInstanceProfile><launchTime>"
    return older(re.sub("<iamInstanceProfile.*?</iamInstanceProfile>", "", answer, flags=re.DOTALL)).replace(
        "<launchTime>", given
    )


def ended(answer: str, reason: str) -> str:
    """Let EC2 have ended all machines, for a reason."""
    state = re.sub(
        "<instanceState>.*?</instanceState>",
        "<instanceState><code>48</code><name>terminated</name></instanceState>",
        re.sub("<stateReason.*?</stateReason>|<stateReason ?/>", "", answer, flags=re.DOTALL),
        flags=re.DOTALL,
    )
    why = f"<stateReason><code>{reason.partition(':')[0]}</code><message>{reason}</message></stateReason>"
    return state.replace("</instanceState>", f"</instanceState>{why}")


def with_network(answer: str, public: bool) -> str:
    """Give machines a public address, or take it away."""
    kept = re.sub("<ipAddress>[^<]*</ipAddress>", "", answer)
    return kept.replace("<launchTime>", "<ipAddress>203.0.113.1</ipAddress><launchTime>") if public else kept


def internet_gateway(answer: str) -> str:
    """Let every route table lead to an internet gateway."""
    route = (
        "<routeSet><item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock>"
        "<gatewayId>igw-1</gatewayId><state>active</state></item>"
    )
    return answer.replace("<routeSet>", route)
