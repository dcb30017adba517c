"""The entry point of the Lambda. Its environment names the app, its bucket, and the topic for messages."""

from __future__ import annotations

import json
import os
from typing import Any

from distributed_fiji.aws.clients import connect
from distributed_fiji.clock import SystemClock
from distributed_fiji.janitor.tending import JanitorConfig, run_round
from worker.contract.text import one_line


class RoundFailed(RuntimeError):
    """Raised when a round had problems, so that Lambda counts an error and tries again."""


def handler(event: Any, context: Any) -> None:
    """Run one round. Raises RoundFailed with everything that went wrong."""
    post = JanitorConfig(
        app_name=os.environ["APP_NAME"],
        bucket=os.environ["STATE_BUCKET"],
        topic=os.environ.get("TOPIC", ""),
    )
    clients = connect(os.environ["AWS_REGION"], None)
    clients.encryption = json.loads(os.environ.get("ENCRYPTION") or "{}")
    problems = run_round(post, clients, SystemClock(), lambda sentence: print(one_line(sentence), flush=True))
    if problems:
        raise RoundFailed("; ".join(problems))
