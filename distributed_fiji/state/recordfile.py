"""A run's record as a file in files/, which monitor reads, and as run.json in the bucket."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from distributed_fiji.errors import InvalidInput
from distributed_fiji.jsonfiles import is_file, read_json
from distributed_fiji.names import record_file_name
from distributed_fiji.state.record import VERSION, NoRecord, Run, from_document, to_document
from distributed_fiji.wholefiles import replacing
from worker.contract.jobs import state_key

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from distributed_fiji.aws.clients import Clients

#: Most bytes of a record, and of a list of unfinished jobs.
ROOM = 256 * 1024


def find_record(given: Path, checkout: Path) -> Path:
    """Return the record that is meant: a file, relative to here or to the checkout, or an app's name."""
    by_name = checkout / "files" / record_file_name(str(given))
    return next((path for path in (given, checkout / given, by_name) if is_file(path)), given)


def read_record(path: Path) -> Run:
    """Read a record; raises InvalidInput if it is missing or not a record."""
    try:
        document = read_json(path)
    except InvalidInput as error:
        hint = "`python run.py startCluster` writes the record of a run; APP_NAME finds it"
        raise InvalidInput(f"{path} cannot be read", [f"{line}; {hint}" for line in error.problems]) from None
    newer = document.get("version", VERSION) if isinstance(document, dict) else VERSION
    if newer != VERSION:
        problem = (
            f"version: {newer!r}, but this Distributed-FIJI supports {VERSION}. Use the version that"
            " started the run"
        )
        raise InvalidInput(f"{path} is a record that this version cannot read", [problem])
    try:
        if not isinstance(document, dict):
            raise NoRecord(["the file is no JSON object"])
        return from_document(document)
    except NoRecord as error:
        hint = "`python run.py cleanup APP_NAME` needs no record"
        raise InvalidInput(f"{path} is not the record of a run ({hint})", error.problems) from error


def check_writable(folder: Path) -> None:
    """Raise InvalidInput if a run's files could not be written, before anything depends on them."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".try.") as file:
            file.write(bytes(ROOM))
            file.flush()
    except OSError as error:
        problem = (
            f"{error.strerror or error}; the record of the run is stored there. Free some space, or"
            " check the permissions"
        )
        raise InvalidInput(f"The folder {folder} is not writable", [problem]) from error


def check_account(record: Run, path: Path, clients: Clients) -> None:
    """Raise InvalidInput if the present AWS account is not the one of the run."""
    if record.account and clients.account != record.account:
        problem = f"account: the run is in {record.account}, but your keys belong to {clients.account};"
        problem += " set AWS_PROFILE in your environment to use others"
        raise InvalidInput(f"{path} is the record of another account's run", [problem])


def write_record(path: Path, record: Run) -> None:
    """Write a record completely or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, mode=0o600) as file:
        file.write(json.dumps(to_document(record), indent=2) + "\n")


def upload_record(s3: S3Client, record: Run) -> None:
    """Put the record into the bucket as run.json, for the janitor and for people without the file.

    Where its settings are on this machine is nobody else's matter.
    """
    s3.put_object(
        Bucket=record.bucket,
        Key=state_key(record.app_name, "run.json"),
        Body=json.dumps(to_document(replace(record, config="")), indent=2).encode(),
        ContentType="application/json",
    )
