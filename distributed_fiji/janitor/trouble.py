"""Tell the owner when rounds of the janitor fail one after the other: nobody else sees that.

One failed round may be AWS's bad minute. What was seen so far stands in the bucket, and beside it in this
process, which Lambda keeps between rounds: the bucket may be what fails.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from distributed_fiji.aws.clients import AwsError, Clients
from distributed_fiji.state.statefiles import find_state
from worker.contract.jobs import state_key
from worker.contract.state import flag, number

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: Rounds that fail in a row before the owner is told.
FAILED_ROUNDS = 2


@dataclass(frozen=True)
class Trouble:
    """How many rounds have failed in a row, and whether the owner was told of it."""

    rounds: int = 0
    told: bool = False


class Troubles:
    """The trouble of one app's janitor in a region, kept from round to round."""

    def __init__(self) -> None:
        self._here = Trouble()

    def note(self, clients: Clients, topic: str, place: tuple[str, str], problems: list[str]) -> None:
        """Count a round in, and publish its problems to the topic when it is the second that failed in a row.

        `place`: bucket and app name. Raises AwsError where the mail was refused.
        """
        bucket, app_name = place
        key = state_key(app_name, "rounds", f"{clients.region}-trouble.json")
        before = self._read(clients.s3, bucket, key)
        now = Trouble(before.rounds + 1, before.told) if problems else Trouble()
        if now.rounds >= FAILED_ROUNDS and not now.told and topic:
            _publish(clients, topic, app_name, problems)
            now = replace(now, told=True)
        if now != before:
            self._write(clients.s3, bucket, key, now)

    def _read(self, s3: S3Client, bucket: str, key: str) -> Trouble:
        try:
            return find_state(s3, bucket, key, _trouble) or Trouble()
        except AwsError:
            return self._here

    def _write(self, s3: S3Client, bucket: str, key: str, trouble: Trouble) -> None:
        self._here = trouble
        try:
            s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(asdict(trouble)).encode())
        except AwsError:
            return  # the next round of this process knows it all the same


def _trouble(document: dict[str, Any]) -> Trouble:
    return Trouble(int(number(document, "rounds")), flag(document, "told"))


def _publish(clients: Clients, topic: str, app_name: str, problems: list[str]) -> None:
    lines = [
        f"The janitor of {app_name} failed {FAILED_ROUNDS} times in a row, and may not be able to end"
        " machines:",
        *(f"- {problem}" for problem in problems),
        "",
        "Machines may be running and incurring charges. `python run.py inventory` lists what there is;"
        f" `python run.py cleanup {app_name}` ends it. You get no further mail until a round has succeeded.",
    ]
    subject = f"{app_name}: the janitor cannot do its work"
    clients.sns.publish(TopicArn=topic, Subject=subject[:100], Message="\n".join(lines))
