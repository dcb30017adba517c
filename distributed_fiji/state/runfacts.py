"""What monitoring and teardown need to know of a run, taken from its record or from run.json.

Standard library only: the janitor's Lambda has no pydantic, and reads the document as it stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from worker.contract.jobs import state_key
from worker.contract.state import Unreadable, flag, number, text, texts


@dataclass(frozen=True)
class RunFacts:
    """One fleet's run. `started`: seconds since 1970, when the fleet was asked for.

    `machine_price`: the most that a machine may cost, `machine_extras`: what it costs beside its price, both
    in dollars an hour. `max_cost`: dollars that the run may cost; 0: no limit. `queue_created`: the queue's
    CreatedTimestamp when the run began; empty in records of earlier versions.
    """

    run_id: str
    app_name: str
    region: str
    fleet_id: str
    cluster: str
    service: str
    task_family: str
    launch_template: str
    queue_name: str
    dead_letter_queue: str
    bucket: str
    destination_bucket: str
    output_locations: tuple[str, ...]
    log_groups: tuple[str, ...]
    script_sha256: str
    tasks_per_machine: int
    started: float
    dashboard: bool
    local: bool
    machine_price: float = 0.0
    machine_extras: float = 0.0
    max_cost: float = 0.0
    queue_created: str = ""
    job_retries: int = 0

    @property
    def ending_key(self) -> str:
        """Key of the verdict with which this run's teardown began."""
        return state_key(self.app_name, "endings", f"{self.run_id}.json")


def facts_of(record: Mapping[str, Any]) -> RunFacts:
    """Return the facts in a record's document, as `RunRecord.model_dump()` or the parsed run.json.

    Raises Unreadable when it is no record.
    """
    app = text(record, "MONITOR_APP_NAME")
    if not text(record, "MONITOR_START_TIME").isdecimal() or number(record, "tasks_per_machine") < 1:
        raise Unreadable("its MONITOR_START_TIME or tasks_per_machine is not one")
    return RunFacts(
        run_id=text(record, "client_token"),
        app_name=app,
        region=text(record, "region"),
        fleet_id=text(record, "MONITOR_FLEET_ID"),
        cluster=text(record, "MONITOR_ECS_CLUSTER"),
        service=text(record, "service"),
        task_family=text(record, "task_family"),
        launch_template=text(record, "launch_template"),
        queue_name=text(record, "MONITOR_QUEUE_NAME"),
        dead_letter_queue=text(record, "dead_letter_queue"),
        bucket=text(record, "MONITOR_BUCKET_NAME"),
        destination_bucket=text(record, "destination_bucket"),
        output_locations=texts(record, "output_locations"),
        log_groups=tuple(
            group
            for group in (text(record, "MONITOR_LOG_GROUP_NAME"), text(record, "machine_log_group"))
            if group
        ),
        script_sha256=text(record, "script_sha256", ""),
        tasks_per_machine=int(number(record, "tasks_per_machine")),
        started=int(record["MONITOR_START_TIME"][:15]) / 1000,
        dashboard=str(record.get("CLEAN_DASHBOARD", "True")).lower() == "true",
        local=flag(record, "local"),
        machine_price=number(record, "machine_price"),
        machine_extras=number(record, "machine_extras", 0.0),
        max_cost=number(record, "max_cost", 0.0),
        queue_created=text(record, "queue_created", ""),
        job_retries=int(number(record, "job_retries", 0)),
    )
