"""The record of a run: what monitor and cleanup need, so that neither depends on today's config.py.

The file in files/ keeps the original's keys; the same document stands in the bucket as run.json.
A record is written before the fleet is asked for, with the request in it: a startCluster that was
killed in between is asked again with the same ClientToken, and EC2 answers with the same fleet.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from distributed_fiji.errors import InvalidInput
from distributed_fiji.settings import Settings
from distributed_fiji.spending import extras
from worker.contract import state_key


class RunRecord(BaseModel):
    """One fleet's record. Times are seconds since 1970, but the original's MONITOR_START_TIME (ms)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    MONITOR_FLEET_ID: str = ""
    MONITOR_APP_NAME: str
    MONITOR_ECS_CLUSTER: str
    MONITOR_QUEUE_NAME: str
    MONITOR_BUCKET_NAME: str
    MONITOR_LOG_GROUP_NAME: str
    MONITOR_START_TIME: str
    CLEAN_DASHBOARD: str

    region: str
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


def record_of(settings: Settings, *, started: float, client_token: str, local: bool) -> RunRecord:
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
        client_token=client_token,
    )


def read_record(path: Path) -> RunRecord:
    """Read a record; raises InvalidInput when it is missing or no record."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InvalidInput(
            f"{path} cannot be read", ["there is no such file; `python run.py startCluster` writes it"]
        ) from None
    except ValueError as error:
        raise InvalidInput(f"{path} cannot be read", [f"it is not JSON: {error}"]) from error
    try:
        return RunRecord.model_validate(document)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        raise InvalidInput(f"{path} is no record of a run", problems) from error


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
