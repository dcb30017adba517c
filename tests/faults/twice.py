"""A proxy in front of SQS that delivers messages two or three times at once, as SQS may.

It alternates two ways: the next receiver gets the same delivery (one receipt); or the message is made visible
at once, so that the next receiver gets it with a new receipt. All other calls pass.
"""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

from tests.faults.serving import CHANGE, RECEIVE, TARGET, Answer, SqsProxy

#: A message that has been delivered again this often is left alone.
MOST_REPEATS = 2


class Twice(SqsProxy):
    """The proxy. `injected` counts repeated deliveries by kind."""

    def __init__(self, upstream: str, chance: random.Random) -> None:
        self.injected: Counter[str] = Counter()
        self._chance = chance
        self._again: list[bytes] = []
        self._repeated: Counter[str] = Counter()
        self._lock = threading.Lock()
        super().__init__(upstream)

    def answer(self, path: str, method: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Return the answer to a call: an earlier delivery, or SQS's answer."""
        target = headers.get(TARGET)
        if target == RECEIVE:
            with self._lock:
                kept = self._again.pop(0) if self._again else None
            if kept:
                return 200, {"Content-Type": "application/x-amz-json-1.0"}, kept
        status, told, answer = self.forward(headers, body)
        if target == RECEIVE and status == 200:
            self._deliver_again(headers, json.loads(body), answer)
        return status, told, answer

    def _deliver_again(self, headers: Mapping[str, str], asked: dict[str, Any], answer: bytes) -> None:
        messages = json.loads(answer).get("Messages") or []
        if not messages:
            return
        name = messages[0]["MessageId"]
        with self._lock:
            if self._repeated[name] >= MOST_REPEATS:
                return
            way = self._chance.choice(["same receipt", "same receipt", "own receipt"])
            times = self._chance.choice([1, 2]) if way == "same receipt" else 1
            self._repeated[name] += times
            self.injected[f"again, {way}"] += times
            if way == "same receipt":
                self._again += [answer] * times
        if way == "own receipt":
            visible = {"QueueUrl": asked["QueueUrl"], "ReceiptHandle": messages[0]["ReceiptHandle"]}
            body = json.dumps({**visible, "VisibilityTimeout": 0}).encode()
            names = {name: value for name, value in headers.items() if name.lower() != TARGET.lower()}
            self.forward({**names, TARGET: CHANGE}, body)
