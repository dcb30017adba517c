"""The environment -> frozen WorkerSettings; everything missing or wrong is named at once.

Knows nothing of AWS. The names are those of `contract.ENVIRONMENT`, and a few that only the image, tests and
the embedded cloud set (FIJI_HOME, WORKER_SCRATCH, STOP_GRACE_SECONDS, …).
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from worker.contract.display import DISPLAY_MODES
from worker.contract.fijihome import runner_problem
from worker.contract.flags import InvalidFlags, read_flags
from worker.contract.questions import UNANSWERED
from worker.errors import SettingsError

#: SQS hides a message for at most 12 hours, including all extensions (SQS quotas).
LONGEST_VISIBILITY = 43_200
#: A job must have ended by then, so that its upload also ends within those 12 hours.
LEASE_SECONDS = LONGEST_VISIBILITY - 1_800


@dataclass(frozen=True)
class WorkerSettings:
    """A worker's settings. Fields from the contract have the contract's names in lower case."""

    app_name: str
    sqs_queue_url: str
    aws_bucket: str
    source_bucket: str
    destination_bucket: str
    aws_region: str
    log_group_name: str
    script_download_url: str
    script_sha256: str
    expected_number_files: int
    min_file_size_bytes: int
    necessary_string: str
    download_files: bool
    check_if_done: bool
    rerun_on_new_image: bool
    upload_flags: str
    visibility_seconds: int
    heartbeat_seconds: float
    job_retries: int
    job_timeout_seconds: float
    stall_timeout_seconds: float
    plugin_errors: str
    unanswered: str
    collect_all: bool
    thumbnails: str
    display_mode: str
    log_format: str
    memory_mb: int
    tasks_per_machine: int
    cpu_cores: int
    fiji_home: Path
    scratch: Path
    stop_grace_seconds: float
    retry_backoff_seconds: float
    fiji_start_seconds: float
    call_seconds: float
    spot_poll_seconds: float
    overlap: bool
    standby: bool
    image: str


class _Reader:
    """Reads one variable after another and collects problems."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.problems: list[str] = []

    def text(self, name: str, default: str | None = None) -> str:
        value = self.environ.get(name, "").strip()
        if not value and default is None:
            self.problems.append(f"{name} is missing")
        return value or default or ""

    def number(self, name: str, default: float, least: float = 0.0) -> float:
        text = self.text(name, str(default))
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not least <= value < float("inf"):
            self.problems.append(f"{name} must be a number of {least:g} or more, not {text!r}")
            return default
        return value

    def integer(self, name: str, default: int, least: int = 0) -> int:
        value = self.number(name, default, least)
        if value != int(value):
            self.problems.append(f"{name} must be a whole number, not {value:g}")
        return int(value)

    def flag(self, name: str, default: bool) -> bool:
        return self.choice(name, str(default).lower(), ("true", "false")) == "true"

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        value = self.text(name, default).lower()
        if value not in allowed:
            self.problems.append(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
        return value


def read_settings(environ: Mapping[str, str]) -> WorkerSettings:
    """Return the settings in an environment. Raises SettingsError with every problem."""
    read = _Reader(environ)
    bucket = read.text("AWS_BUCKET")
    runner = read.text("FIJI_RUNNER", "auto")
    if problem := runner_problem(runner):
        read.problems.append(f"FIJI_RUNNER = {runner!r} {problem}")
    settings = WorkerSettings(
        app_name=read.text("APP_NAME"),
        sqs_queue_url=read.text("SQS_QUEUE_URL"),
        aws_bucket=bucket,
        source_bucket=read.text("SOURCE_BUCKET", bucket),
        destination_bucket=read.text("DESTINATION_BUCKET", bucket),
        aws_region=read.text("AWS_REGION"),
        log_group_name=read.text("LOG_GROUP_NAME", ""),
        script_download_url=read.text("SCRIPT_DOWNLOAD_URL"),
        script_sha256=read.text("SCRIPT_SHA256", "").lower(),
        expected_number_files=read.integer("EXPECTED_NUMBER_FILES", 1),
        min_file_size_bytes=read.integer("MIN_FILE_SIZE_BYTES", 1),
        # Unchanged, since a space at its end counts.
        necessary_string=environ.get("NECESSARY_STRING", ""),
        download_files=read.flag("DOWNLOAD_FILES", True),
        check_if_done=read.flag("CHECK_IF_DONE_BOOL", True),
        rerun_on_new_image=read.flag("RERUN_ON_NEW_IMAGE", True),
        upload_flags=read.text("UPLOAD_FLAGS", ""),
        visibility_seconds=read.integer("SQS_MESSAGE_VISIBILITY", 180, 1),
        heartbeat_seconds=read.number("HEARTBEAT_SECONDS", 60, 0.05),
        job_retries=read.integer("JOB_RETRIES", 5, 1),
        job_timeout_seconds=60 * read.number("JOB_TIMEOUT_MINUTES", 600),
        stall_timeout_seconds=60 * read.number("STALL_TIMEOUT_MINUTES", 60),
        plugin_errors=read.choice("PLUGIN_ERRORS", "fail", ("fail", "warn")),
        unanswered=read.choice("UNANSWERED", "fail", UNANSWERED),
        collect_all=read.flag("COLLECT_ALL", False),
        thumbnails=read.text("THUMBNAILS", ""),
        display_mode=read.choice("DISPLAY_MODE", "auto", DISPLAY_MODES),
        log_format=read.choice("LOG_FORMAT", "text", ("text", "json")),
        memory_mb=read.integer("MEMORY", 2048, 128),
        tasks_per_machine=read.integer("TASKS_PER_MACHINE", 1, 1),
        cpu_cores=read.integer("CPU_CORES", 0),
        fiji_home=Path(read.text("FIJI_HOME")),
        scratch=Path(read.text("WORKER_SCRATCH", tempfile.gettempdir())),
        stop_grace_seconds=read.number("STOP_GRACE_SECONDS", 8),
        retry_backoff_seconds=read.number("RETRY_BACKOFF_SECONDS", 30),
        fiji_start_seconds=read.number("FIJI_START_SECONDS", 120, 0.1),
        call_seconds=read.number("CALL_SECONDS", 20, 0.1),
        spot_poll_seconds=read.number("SPOT_POLL_SECONDS", 5, 0.05),
        overlap=read.flag("OVERLAP", True),
        standby=read.flag("STANDBY", True),
        image=read.text("WORKER_IMAGE", ""),
    )
    problems = [*read.problems, *_misfits(settings)]
    if problems:
        raise SettingsError(problems)
    return settings


def _misfits(settings: WorkerSettings) -> list[str]:
    """Name problems between settings, or between a setting and the machine."""
    problems = []
    if settings.visibility_seconds > LONGEST_VISIBILITY:
        problems.append(f"SQS_MESSAGE_VISIBILITY must be at most {LONGEST_VISIBILITY} (SQS allows 12 hours)")
    if settings.job_timeout_seconds > LEASE_SECONDS:
        problems.append(
            f"JOB_TIMEOUT_MINUTES must be at most {LEASE_SECONDS / 60:g} (SQS hides a job for 12 hours)"
        )
    if settings.heartbeat_seconds * 3 > settings.visibility_seconds:
        problems.append(
            f"HEARTBEAT_SECONDS ({settings.heartbeat_seconds:g}) must be at most a third of"
            f" SQS_MESSAGE_VISIBILITY ({settings.visibility_seconds}): a job whose lease is lost is stopped"
            " after two missed beats, before another worker gets it"
        )
    if settings.script_download_url and not settings.script_download_url.startswith(
        ("https://", "http://127.0.0.1", "http://localhost", "s3://")
    ):
        problems.append(
            f"SCRIPT_DOWNLOAD_URL must start with https:// or s3://, not {settings.script_download_url!r}"
        )
    try:
        read_flags(settings.upload_flags)
    except InvalidFlags as error:
        problems += [f"UPLOAD_FLAGS = {settings.upload_flags!r}: {line}" for line in error.problems]
    return problems
