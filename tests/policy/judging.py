"""Holds the calls of a whole test run, as `trail` wrote them down, to the policies of those who made them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distributed_fiji.policies import task_policy
from distributed_fiji.settings import parse_settings
from tests.policy.calls import Call, Place, needs
from tests.policy.evaluator import Need, allowed
from worker.contract import APP_TAG

ACCOUNT = "123456789012"


@dataclass(frozen=True)
class Trail:
    """A process: whose role it had, and its calls."""

    who: Mapping[str, Any]
    calls: tuple[Call, ...]


class Trails:
    """The trails in a folder, read as they grow."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, int] = {}

    def news(self) -> Iterator[Trail]:
        """Yield what processes have written since the last time: whole lines, and who they are."""
        for path in sorted(self._folder.glob("*.jsonl")):
            if path.stat().st_size == self._read.get(path, 0):
                continue
            text = path.read_bytes()
            whole, begun = text.rfind(b"\n") + 1, self._read.get(path, 0)
            self._read[path] = whole
            who, *_ = text.splitlines() or [b""]
            calls = text[max(begun, len(who) + 1) : whole].splitlines()
            if whole:
                yield Trail(json.loads(who), tuple(Call(**json.loads(call)) for call in calls))


def policies_of(who: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the policies of a process's role: as it was found attached, or as setup attaches it."""
    return list(who["policies"]) if who["role"] == "janitor" else [workers_policy(who)]


def workers_policy(who: Mapping[str, Any]) -> dict[str, Any]:
    """Return the policy of a worker with such an environment. Raises ValueError where there is none."""
    buckets = ("AWS_BUCKET", "SOURCE_BUCKET", "DESTINATION_BUCKET")
    names = ("APP_NAME", "AWS_REGION", "LOG_GROUP_NAME", "UPLOAD_FLAGS", *buckets)
    settings, _ = parse_settings(
        {
            **{name: who[name] for name in names if name in who},
            "SQS_QUEUE_NAME": who["SQS_QUEUE_URL"].rpartition("/")[2],
            "SCRIPT_DOWNLOAD_URL": f"s3://{who['AWS_BUCKET']}/script",
        }
    )
    return task_policy(settings, ACCOUNT)


def refused(trail: Trail) -> set[tuple[str, Need]]:
    """Return what a process did that its policies do not allow, with the app's name.

    Things that calls name are taken for the app's own by their tags; the tests of monitor, janitor and
    cleanup show that nothing else is touched.
    """
    who = trail.who
    place = Place(who["AWS_REGION"], ACCOUNT, lambda _: {APP_TAG: who["APP_NAME"]})
    policies = policies_of(who)
    return {
        (who["APP_NAME"], need)
        for call in trail.calls
        for need in needs(call, place)
        if not any(allowed(policy, need) for policy in policies)
    }
