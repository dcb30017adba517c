"""Checks the calls of a whole test run, as recorded by `trail`, against their callers' policies."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distributed_fiji.aws.policies import task_policy
from distributed_fiji.errors import InvalidInput
from distributed_fiji.permissions.usercalls import COMMANDS
from distributed_fiji.permissions.userpolicy import user_policy
from distributed_fiji.rehearsals import rehearsal_app, rehearsal_settings
from distributed_fiji.settings import Settings, parse_settings
from tests.policy.calls import Call, Place, needs
from tests.policy.evaluator import Need, allowed
from worker.contract.jobs import APP_TAG

ACCOUNT = "123456789012"

APP_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")

#: The commands of a rehearsal on AWS, which is a separate app.
REHEARSAL = ("setup", "submitJob", "startCluster", "monitor", "cleanup")

#: Calls that only `--local` makes: the embedded cloud has the buckets that config.py names.
MADE_FOR_USERS = ("ListBuckets", "CreateBucket")


@dataclass(frozen=True)
class Trail:
    """A process: its role, and its calls."""

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
    """Return the policies of a process's role: as it was found attached, or as setup attaches it.

    For a user, those that `policy` prints for the command.
    """
    if who["role"] == "user":
        settings = users_settings(who)
        command = next((word for word in who["words"] if word in COMMANDS), "")
        if settings and command == "rehearse":
            return policies_of_rehearsal(who, settings)
        return [user_policy(settings, ACCOUNT, [command])] if settings and command else []
    return list(who["policies"]) if who["role"] == "janitor" else [workers_policy(who)]


def policies_of_rehearsal(who: Mapping[str, Any], settings: Settings) -> list[Mapping[str, Any]]:
    """Return the policies of a rehearsal on AWS; one on this machine uses its own embedded cloud."""
    if "cloud" not in who["words"]:
        return []
    own = rehearsal_settings(settings)
    reading = user_policy(settings, ACCOUNT, ["rehearse"])
    return [reading, *(user_policy(own, ACCOUNT, [command]) for command in REHEARSAL)]


def workers_policy(who: Mapping[str, Any]) -> dict[str, Any]:
    """Return the policy of a worker with such an environment. Raises ValueError if there is none."""
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


def users_settings(who: Mapping[str, Any]) -> Settings | None:
    """Return the settings that a user's command read; None if they are unusable.

    `cleanup` and `inventory` need only an app's name.
    """
    namespace: dict[str, Any] = {}
    try:
        exec(who["config"], namespace)
    except Exception:
        return None
    values = {name: value for name, value in namespace.items() if name.isupper()}
    words = list(who["words"])
    for command in {"inventory", "cleanup"}.intersection(words):
        named = [word for word in words[words.index(command) + 1 :] if APP_NAME.fullmatch(word)]
        if named and named[0] != values.get("APP_NAME"):
            # The config that the other app would have, with its name.
            old = values.get("APP_NAME", "")
            values = {
                name: value.replace(old, named[0]) if isinstance(value, str) and old else value
                for name, value in values.items()
            }
    try:
        return parse_settings(values)[0]
    except InvalidInput:
        return None


def refused(trail: Trail) -> set[tuple[str, Need]]:
    """Return what a process did that its policies do not allow, with the app's name.

    Resources that calls name are assumed to be the app's own, by tag. The tests of monitor, janitor and
    cleanup show that nothing else is touched.
    """
    who = trail.who
    if who["role"] == "user" and not policies_of(who):
        # A command that uses only the embedded cloud (`local`, `tryScript`), or an unusable config.py, for
        # which no policy could be printed.
        return set()
    settings = users_settings(who) if who["role"] == "user" else None
    app = settings.APP_NAME if settings else who.get("APP_NAME", "")
    app = rehearsal_app(app) if "rehearse" in who.get("words", ()) else app
    region = settings.AWS_REGION if settings else who.get("AWS_REGION", "us-east-1")
    place = Place(region, ACCOUNT, lambda _: {APP_TAG: app})
    policies = policies_of(who)
    return {
        (app, need)
        for call in trail.calls
        if not (who["role"] == "user" and call.operation in MADE_FOR_USERS)
        for need in needs(call, place)
        if not any(allowed(policy, need) for policy in policies)
    }
