"""The record of a run: one frozen value, kept in files/ and in the bucket, with the original's keys.

A record is written before the fleet is requested, and contains the request. If startCluster is killed in
between, it asks again with the same ClientToken, and EC2 answers with the same fleet. monitor and cleanup
need the record, not today's config.py. Standard library only, because the janitor's Lambda reads it too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from distributed_fiji.aws.prices import hourly_overhead
from worker.contract.jobs import ENVIRONMENT, state_key
from worker.contract.state import Unreadable, flag, number, text, texts

if TYPE_CHECKING:
    from distributed_fiji.settings import Settings

#: Version of the record's format; a file with a higher one was written by a newer Distributed-FIJI.
VERSION = 1

#: Characters in the names of AWS resources: a record's names are used to find, and to remove, resources.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}")
FLEET_ID = re.compile(r"[A-Za-z0-9-]{0,80}")
LOG_GROUP = re.compile(r"[A-Za-z0-9_./#-]{0,512}")
REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")
MILLISECONDS = re.compile(r"[0-9]{1,14}")

#: A web address, or the end of one in a job's name: how it begins, a name and a password, where it leads, and
#: query and fragment.
ADDRESS = re.compile(
    r"(https?://|…(?=[^\s?]*/))(?:[^\s/?#\"<>\\]*@)?([^\s?#\"<>\\]*)(?:[?#][^\s\"<>\\]*)?", re.IGNORECASE
)

#: Settings that workers do not get, and that decide what a run costs and takes.
FLEET_SETTINGS = ("MACHINE_TYPE", "MACHINE_PRICE", "CLUSTER_MACHINES", "EBS_VOL_SIZE", "MAX_COST")

#: Reads one field of a document: (document, key) -> value. Raises Unreadable.
Reader = Callable[[Mapping[str, Any], str], Any]


class NoRecord(Unreadable):
    """Raised for a document that is not the record of a run; `problems` names every wrong field."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def _like(pattern: re.Pattern[str]) -> Reader:
    def read(document: Mapping[str, Any], key: str) -> str:
        value = text(document, key)
        if not pattern.fullmatch(value):
            raise Unreadable(f"{key} is not what it can be: {value!r:.80}")
        return value

    return read


def _whole(document: Mapping[str, Any], key: str) -> int:
    value = number(document, key)
    if value != int(value):
        raise Unreadable(f"{key} is not a whole number")
    return int(value)


def _one_or_more(document: Mapping[str, Any], key: str) -> int:
    value = _whole(document, key)
    if value < 1:
        raise Unreadable(f"{key} is not 1 or more")
    return value


def _started(document: Mapping[str, Any], key: str) -> float:
    return int(_like(MILLISECONDS)(document, key)) / 1000


def _true_or_false(document: Mapping[str, Any], key: str) -> bool:
    """Read the original's flag, which is text."""
    return text(document, key).lower() == "true"


def _maybe_text(document: Mapping[str, Any], key: str) -> str | None:
    return None if document.get(key) is None else text(document, key)


def _mapping(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = document.get(key)
    if not isinstance(value, dict):
        raise Unreadable(f"{key} is not an object")
    return value


def _mapping_of_texts(document: Mapping[str, Any], key: str) -> dict[str, str]:
    value = _mapping(document, key)
    return {name: text(value, name) for name in value}


def _shown_only(document: Mapping[str, Any], key: str) -> dict[str, str]:
    """Read what is only shown, so that nothing depends on it: of what is odd, nothing."""
    try:
        return _mapping_of_texts(document, key)
    except Unreadable:
        return {}


@dataclass(frozen=True, kw_only=True)
class Run:
    """One fleet's run. Times are seconds since 1970.

    `run_id`: the fleet request's ClientToken. `started`: when the fleet was asked for. `machine_price`: the
    most that a machine may cost, `machine_extras`: what it costs beside its price, both in dollars an hour.
    `max_cost`: dollars that the run may cost; 0: no limit. `queue_created`: the queue's CreatedTimestamp when
    the run began; empty in records of earlier versions. `clean_dashboard`: whether the dashboard goes with
    the run; `dashboard`: whether it has one. `config`: the settings' file on the machine where it was
    started. `estimate`: dollars that the machines were estimated to cost, as `low`, `likely` and `high`;
    empty where nothing was known. `settings`: those of kept_settings when the run began. Records of earlier
    versions may lack fields with a default.
    """

    fleet_id: str = ""
    app_name: str
    cluster: str
    queue_name: str
    bucket: str
    log_group: str
    started: float
    clean_dashboard: bool = True
    version: int = VERSION
    region: str
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
    output_locations: tuple[str, ...] = ()
    image: str
    image_digest: str = ""
    script: str
    script_sha256: str = ""
    queue_created: str = ""
    machines: int
    tasks_per_machine: int
    machine_types: tuple[str, ...]
    machine_price: float
    machine_extras: float = 0.0
    max_cost: float = 0.0
    job_retries: int = 0
    visibility_seconds: int
    dashboard: bool
    auto_monitor: bool
    janitor_role: str = ""
    permissions_boundary: str = ""
    encryption: dict[str, str] = field(default_factory=dict)
    valid_until: str = ""
    config: str = ""
    run_id: str
    estimate: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    fleet_request: dict[str, Any] = field(default_factory=dict)

    @property
    def ending_key(self) -> str:
        """Key of the verdict with which this run's teardown began."""
        return state_key(self.app_name, "endings", f"{self.run_id}.json")


#: Keys of the document that differ from the field's name: the original's, and one of the first version.
KEYS = {
    "fleet_id": "MONITOR_FLEET_ID",
    "app_name": "MONITOR_APP_NAME",
    "cluster": "MONITOR_ECS_CLUSTER",
    "queue_name": "MONITOR_QUEUE_NAME",
    "bucket": "MONITOR_BUCKET_NAME",
    "log_group": "MONITOR_LOG_GROUP_NAME",
    "started": "MONITOR_START_TIME",
    "clean_dashboard": "CLEAN_DASHBOARD",
    "run_id": "client_token",
}

#: How a field is read: by its type, unless it has its own format.
BY_TYPE: dict[str, Reader] = {
    "str": text,
    "str | None": _maybe_text,
    "int": _whole,
    "float": number,
    "bool": flag,
    "tuple[str, ...]": texts,
    "dict[str, str]": _mapping_of_texts,
    "dict[str, Any]": _mapping,
}
FORMS: dict[str, Reader] = {
    "fleet_id": _like(FLEET_ID),
    **dict.fromkeys(("app_name", "cluster", "queue_name", "bucket"), _like(NAME)),
    "log_group": _like(LOG_GROUP),
    "region": _like(REGION),
    "started": _started,
    "clean_dashboard": _true_or_false,
    "tasks_per_machine": _one_or_more,
    "settings": _shown_only,
}


def from_document(document: Mapping[str, Any]) -> Run:
    """Return the run in a document of this or an earlier version. Unknown fields are ignored.

    Raises NoRecord.
    """
    values, problems = {}, []
    for kept in fields(Run):
        key = KEYS.get(kept.name, kept.name)
        if key not in document and not _is_needed(kept):
            continue
        read = FORMS.get(kept.name) or BY_TYPE[str(kept.type)]
        try:
            values[kept.name] = read(document, key)
        except Unreadable as error:
            problems.append(str(error))
    if problems:
        raise NoRecord(problems)
    return Run(**values)


def to_document(run: Run) -> dict[str, Any]:
    """Return the document of a run, as kept in files/ and in the bucket."""
    document = {KEYS.get(kept.name, kept.name): getattr(run, kept.name) for kept in fields(Run)}
    return document | {
        "MONITOR_START_TIME": str(round(run.started * 1000)),
        "CLEAN_DASHBOARD": str(run.clean_dashboard),
        "output_locations": list(run.output_locations),
        "machine_types": list(run.machine_types),
    }


def _is_needed(kept: Field[Any]) -> bool:
    return kept.default is MISSING and kept.default_factory is MISSING


def without_secrets(text: str) -> str:
    """Return a text without the parts of web addresses that open doors: passwords, and queries and fragments,
    in which signatures and tokens stand.
    """
    return ADDRESS.sub(r"\1\2", text)


def kept_settings(settings: Settings) -> dict[str, str]:
    """Return the settings that decide what a run does, takes and costs, as text.

    Whom to notify and whose keys are used is not among them.
    """
    kept = {}
    for name in (*FLEET_SETTINGS, *ENVIRONMENT):
        value = getattr(settings, name, None)
        if value not in (None, "", []):
            text_of = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            kept[name] = without_secrets(text_of)
    return kept


def new_run(settings: Settings, *, started: float, run_id: str, local: bool, account: str = "") -> Run:
    """Return the record of a run that is about to start."""
    return Run(
        app_name=settings.APP_NAME,
        cluster=settings.ECS_CLUSTER,
        queue_name=settings.SQS_QUEUE_NAME,
        bucket=settings.AWS_BUCKET,
        log_group=settings.LOG_GROUP_NAME,
        started=int(started * 1000) / 1000,
        clean_dashboard=settings.CLEAN_DASHBOARD,
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
        machine_types=tuple(settings.MACHINE_TYPE),
        machine_price=settings.MACHINE_PRICE,
        machine_extras=hourly_overhead(settings.EBS_VOL_SIZE, public_address=settings.ASSIGN_IP),
        max_cost=settings.MAX_COST,
        job_retries=settings.JOB_RETRIES,
        visibility_seconds=settings.SQS_MESSAGE_VISIBILITY,
        dashboard=settings.CREATE_DASHBOARD,
        auto_monitor=settings.AUTO_MONITOR,
        janitor_role=settings.JANITOR_ROLE,
        permissions_boundary=settings.PERMISSIONS_BOUNDARY,
        encryption=settings.encryption,
        settings=kept_settings(settings),
        run_id=run_id,
    )
