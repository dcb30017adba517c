"""The record of a run: what monitor and cleanup need, so that neither depends on today's config.py.

The file in files/ keeps the original's keys; the same document stands in the bucket as run.json.
A record is written before the fleet is asked for, with the request in it: a startCluster that was
killed in between is asked again with the same ClientToken, and EC2 answers with the same fleet.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from distributed_fiji.aws.clients import Clients
from distributed_fiji.aws.prices import extras
from distributed_fiji.errors import InvalidInput
from distributed_fiji.jsonfiles import read_json
from distributed_fiji.names import record_file_name
from distributed_fiji.settings import Settings
from distributed_fiji.state.runfacts import facts_of
from worker.contract.jobs import state_key
from worker.contract.state import Unreadable

#: Of the record's form; a file that says another was written by a newer Distributed-FIJI.
VERSION = 1

#: Bytes that a record may take, and a list of jobs that are not done.
ROOM = 256 * 1024

#: What names of AWS's are made of; whatever stands in a file is used to find, and to remove, what has it.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}$")]


class RunRecord(BaseModel):
    """One fleet's record. Times are seconds since 1970, but the original's MONITOR_START_TIME (ms)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    MONITOR_FLEET_ID: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{0,80}$")] = ""
    MONITOR_APP_NAME: Name
    MONITOR_ECS_CLUSTER: Name
    MONITOR_QUEUE_NAME: Name
    MONITOR_BUCKET_NAME: Name
    MONITOR_LOG_GROUP_NAME: Annotated[str, Field(pattern=r"^[A-Za-z0-9_./#-]{0,512}$")]
    MONITOR_START_TIME: Annotated[str, Field(pattern=r"^[0-9]{1,14}$")]
    CLEAN_DASHBOARD: str

    version: int = VERSION
    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")]
    account: str = ""
    profile: str | None = None
    local: bool = False
    ready: bool = False
    dead_letter_queue: str
    service: str
    task_family: str
    task_definition: str = ""
    launch_template: str = ""
    machine_log_group: str
    destination_bucket: str
    output_locations: list[str] = Field(default_factory=list)
    image: str
    image_digest: str = ""
    script: str
    script_sha256: str = ""
    queue_created: str = ""
    machines: int
    tasks_per_machine: int
    machine_types: list[str]
    machine_price: float
    machine_extras: float = 0.0
    max_cost: float = 0.0
    job_retries: int
    visibility_seconds: int
    dashboard: bool
    auto_monitor: bool
    janitor_role: str = ""
    permissions_boundary: str = ""
    encryption: dict[str, str] = Field(default_factory=dict)
    valid_until: str = ""
    client_token: str
    fleet_request: dict[str, Any] = Field(default_factory=dict)

    @property
    def app_name(self) -> str:
        return self.MONITOR_APP_NAME

    @property
    def fleet_id(self) -> str:
        return self.MONITOR_FLEET_ID

    @property
    def started(self) -> float:
        """When the fleet was asked for, in seconds since 1970."""
        return int(self.MONITOR_START_TIME) / 1000


def find_record(given: Path, checkout: Path) -> Path:
    """Return the record that is meant: a file, as seen from here or from the checkout, or an app's name."""
    by_name = checkout / "files" / record_file_name(str(given))
    return next((path for path in (given, checkout / given, by_name) if _is_there(path)), given)


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # no name of a file
        return False


def read_record(path: Path) -> RunRecord:
    """Read a record; raises InvalidInput when it is missing or no record."""
    try:
        document = read_json(path)
    except InvalidInput as error:
        hint = "`python run.py startCluster` writes the record of a run"
        raise InvalidInput(f"{path} cannot be read", [f"{line}; {hint}" for line in error.problems]) from None
    newer = document.get("version", VERSION) if isinstance(document, dict) else VERSION
    if newer != VERSION:
        problem = (
            f"version: {newer!r}, where this Distributed-FIJI knows {VERSION}: use the one that started it"
        )
        raise InvalidInput(f"{path} is no record that can be read here", [problem])
    try:
        record = RunRecord.model_validate(document)
        facts_of(record.model_dump())
        return record
    except (ValidationError, Unreadable) as error:
        problems = _problems(error)
        hint = "`python run.py cleanup APP_NAME` needs no record"
        raise InvalidInput(f"{path} is no record of a run ({hint})", problems) from error


def _problems(error: ValidationError | Unreadable) -> list[str]:
    if isinstance(error, Unreadable):
        return [str(error)]
    return [f"{'.'.join(map(str, item['loc'])) or 'the file'}: {item['msg']}" for item in error.errors()]


def check_writable(folder: Path) -> None:
    """Raise InvalidInput where a run's files could not be written, before anything depends on them."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".try.") as file:
            file.write(bytes(ROOM))
            file.flush()
    except OSError as error:
        problem = (
            f"{error.strerror or error}: the record of the run is written there; make room, or make it yours"
        )
        raise InvalidInput(f"The folder {folder} cannot be written", [problem]) from error


def check_account(record: RunRecord, path: Path, clients: Clients) -> None:
    """Raise InvalidInput where AWS knows us as another account than the one whose run it is."""
    if record.account and clients.account != record.account:
        problem = f"account: the run is in {record.account}, your keys are of {clients.account};"
        problem += " AWS_PROFILE in the environment chooses others"
        raise InvalidInput(f"{path} is the record of another account's run", [problem])


def write_record(path: Path, record: RunRecord) -> None:
    """Write a record whole or not at all: to a temporary name first, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, prefix=f".{path.name}.", delete=False, encoding="utf-8"
    ) as file:
        file.write(record.model_dump_json(indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(path)


def upload_record(s3: Any, record: RunRecord) -> None:
    """Put the record into the bucket as run.json, for the janitor and for people without the file."""
    s3.put_object(
        Bucket=record.MONITOR_BUCKET_NAME,
        Key=state_key(record.app_name, "run.json"),
        Body=record.model_dump_json(indent=2).encode(),
        ContentType="application/json",
    )


def record_of(
    settings: Settings, *, started: float, client_token: str, local: bool, account: str = ""
) -> RunRecord:
    """Return the record of a run that is about to start."""
    return RunRecord(
        MONITOR_APP_NAME=settings.APP_NAME,
        MONITOR_ECS_CLUSTER=settings.ECS_CLUSTER,
        MONITOR_QUEUE_NAME=settings.SQS_QUEUE_NAME,
        MONITOR_BUCKET_NAME=settings.AWS_BUCKET,
        MONITOR_LOG_GROUP_NAME=settings.LOG_GROUP_NAME,
        MONITOR_START_TIME=str(int(started * 1000)),
        CLEAN_DASHBOARD=str(settings.CLEAN_DASHBOARD),
        region=settings.AWS_REGION,
        profile=settings.AWS_PROFILE,
        local=local,
        account=account,
        dead_letter_queue=settings.SQS_DEAD_LETTER_QUEUE,
        service=settings.service,
        task_family=settings.task_family,
        launch_template=settings.launch_template,
        machine_log_group=settings.machine_log_group,
        destination_bucket=settings.DESTINATION_BUCKET,
        image=settings.DOCKERHUB_TAG,
        script=settings.SCRIPT_DOWNLOAD_URL,
        machines=settings.CLUSTER_MACHINES,
        tasks_per_machine=settings.TASKS_PER_MACHINE,
        machine_types=settings.MACHINE_TYPE,
        machine_price=settings.MACHINE_PRICE,
        machine_extras=extras(settings.EBS_VOL_SIZE, public_address=settings.ASSIGN_IP),
        max_cost=settings.MAX_COST,
        job_retries=settings.JOB_RETRIES,
        visibility_seconds=settings.SQS_MESSAGE_VISIBILITY,
        dashboard=settings.CREATE_DASHBOARD,
        auto_monitor=settings.AUTO_MONITOR,
        janitor_role=settings.JANITOR_ROLE,
        permissions_boundary=settings.PERMISSIONS_BOUNDARY,
        encryption=settings.encryption,
        client_token=client_token,
    )
