"""One run of an app in a region at a time; one object in the bucket says which.

Two `startCluster` commands that begin together would both request a fleet. On one machine, a lock on a file
beside the record keeps the second one out. Between two machines, the object is written on the condition that
it has not changed since it was read, so one of them loses (S3 user guide, "Conditional requests"). It is
never deleted: the next startCluster checks whether that run is still alive.
"""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from distributed_fiji.aws.clients import Clients, error_code
from distributed_fiji.aws.fleet import find_fleet, live_fleets
from distributed_fiji.errors import InvalidInput
from distributed_fiji.state.record import Run
from distributed_fiji.state.statefiles import pass_over
from worker.contract.jobs import state_key
from worker.contract.state import MOST_BYTES, Unreadable, number, read_object

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: Seconds during which a run whose fleet cannot be found may still be about to request it.
STARTING_SECONDS = 15 * 60

REFUSED = "A fleet is already running"
#: S3's error codes for a conditional write to an object that has changed (409: two writes at once).
LOST = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")


@contextmanager
def alone(record_path: Path) -> Iterator[None]:
    """Keep any other startCluster with this record out. Raises InvalidInput if one is under way."""
    record_path.parent.mkdir(parents=True, exist_ok=True)
    path = record_path.with_name(f".{record_path.name}.lock")
    lock = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        _lock(lock, record_path)
        yield
    finally:
        os.close(lock)


def _lock(lock: int, record_path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InvalidInput(REFUSED, [f"another startCluster is running with {record_path}"]) from None


def take_place(clients: Clients, run: Run, record_path: Path, now: float) -> None:
    """Make a run the app's current one; call it while `alone` holds.

    Raises InvalidInput if another run is alive, or was quicker.
    """
    found, etag = _read(clients.s3, run)
    by = f"{_user()}@{socket.gethostname()}:{record_path.resolve()}"
    # Without a fleet, a start with this very record is dead: we hold its lock.
    died = found.get("by") == by and not find_fleet(clients.ec2, run.app_name, str(found.get("run_id")))
    if found and not died and _lives(clients, run, found, now):
        raise InvalidInput(REFUSED, [_whose(run, found)])
    others = live_fleets(clients.ec2, run.app_name)
    if others:
        raise InvalidInput(
            REFUSED,
            [
                f"fleet {', '.join(others)} of {run.app_name} is already running; `python run.py cleanup"
                f" {run.app_name}` ends it"
            ],
        )
    condition: dict[str, Any] = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
    document = {"run_id": run.run_id, "started": run.started, "by": by}
    try:
        clients.s3.put_object(
            Bucket=run.bucket, Key=_key(run), Body=json.dumps(document).encode(), **condition
        )
    except ClientError as error:
        if error_code(error) not in LOST:
            raise
        winner, _ = _read(clients.s3, run)
        raise InvalidInput(REFUSED, [_whose(run, winner)]) from error


def _lives(clients: Clients, run: Run, found: dict[str, Any], now: float) -> bool:
    """Whether the current run has a fleet, or may be about to request one."""
    fleet = find_fleet(clients.ec2, run.app_name, str(found.get("run_id")))
    if fleet:
        return fleet in live_fleets(clients.ec2, run.app_name)
    return not found.get("over") and now - _started(found) < STARTING_SECONDS


def _started(found: dict[str, Any]) -> float:
    try:
        return number(found, "started", 0.0)
    except Unreadable:
        return 0.0


def leave_place(s3: S3Client, run: Run) -> None:
    """Register that a run is over before it had a fleet, so that the next one need not wait."""
    found, etag = _read(s3, run)
    if found.get("run_id") != run.run_id:
        return
    try:
        body = json.dumps({**found, "over": True}).encode()
        s3.put_object(Bucket=run.bucket, Key=_key(run), Body=body, IfMatch=etag)
    except ClientError as error:
        if error_code(error) not in LOST:
            raise


def _read(s3: S3Client, run: Run) -> tuple[dict[str, Any], str]:
    """Return the object and its ETag; ({}, '') if there is none, ({}, ETag) if it is unreadable."""
    try:
        answer = s3.get_object(Bucket=run.bucket, Key=_key(run))
    except s3.exceptions.NoSuchKey:
        return {}, ""
    try:
        return read_object(answer["Body"].read(MOST_BYTES + 1)), answer["ETag"]
    except Unreadable as error:
        pass_over(run.bucket, _key(run), str(error))
        return {}, answer["ETag"]


def _whose(run: Run, found: dict[str, Any]) -> str:
    by = str(found.get("by") or "somebody else").partition(":")[0]
    return (
        f"{by} has started {run.app_name} in {run.region}. An app can have only one run at a time: use"
        " `monitor` to watch it, or another APP_NAME to start a second one"
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "somebody"


def _key(run: Run) -> str:
    return state_key(run.app_name, "current", f"{run.region}.json")
