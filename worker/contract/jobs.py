"""What the user's side and the worker agree on: message, job id, manifest, failure record, keys, environment.

Standard library only, and nothing here talks to AWS. `distributed_fiji` may import `worker.contract`, and
nothing else of `worker`; `worker` imports nothing of `distributed_fiji`.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from math import isfinite
from typing import Any

from worker.contract.locations import RESERVED, location_problems
from worker.contract.paths import path_problems

Scalar = str | int | float | bool
#: A list is for parameters that take several values, such as `#@ File[]`.
Value = Scalar | list[Scalar]

#: Names of script parameters: what SciJava accepts as an unquoted key.
PARAMETER_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

#: A value that is shown unquoted in a name.
PLAIN = re.compile(r"[^\s\"'=\x00-\x1f]+\Z")

#: Characters that cannot be in a process's parameter (NUL), or in an SQS message.
NO_TEXT = re.compile("[\0\ufffe\uffff]")

#: The prefix in AWS_BUCKET for the state of all runs, with a folder per APP_NAME.
STATE_PREFIX = RESERVED[0]

#: The tag on all of an app's AWS resources.
APP_TAG = "distributed-fiji:app"

#: The tag on a fleet that names its run.
RUN_TAG = "distributed-fiji:run"

#: Receives that SQS allows a message beyond JOB_RETRIES. SQS counts every receive, including those that end
#: before FIJI starts: a job received early and returned, or a machine reclaimed. Failures are counted only by
#: their records.
SPARE_RECEIVES = 5

#: The most bytes that SQS takes in one message, and in one batch of ten (SQS quotas).
MAX_MESSAGE_BYTES = 1024 * 1024


class InvalidMessage(ValueError):
    """Raised when a message body is not a job; `reasons` lists every problem found."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


class Outcome(str, Enum):
    """How one receive of a job ended. This alone determines what happens to its message."""

    DONE = "DONE"
    SKIPPED = "SKIPPED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    STALLED = "STALLED"
    REJECTED = "REJECTED"
    INTERRUPTED = "INTERRUPTED"
    LEASE_LOST = "LEASE_LOST"


class FailureClass(str, Enum):
    """Why a job failed, in the words of the failure record and every report."""

    SCRIPT_ERROR = "script error"
    MACRO_ERROR = "macro error"
    OUT_OF_MEMORY = "out of memory"
    NEEDS_DISPLAY = "needs a display"
    NEEDS_ANSWER = "needs an answer"
    PLUGIN_ERROR = "plugin error"
    INPUT_MISSING = "input missing"
    OUTPUTS_MISSING = "outputs missing or too small"
    OUTPUTS_REFUSED = "outputs that cannot be uploaded"
    OUTPUTS_TAKEN = "outputs of another job or an input"
    TIMED_OUT = "timed out"
    STALLED = "stalled"
    DISK_FULL = "disk full"
    DOWNLOAD_FAILED = "download failed"
    UPLOAD_FAILED = "upload failed"
    FIJI_DID_NOT_START = "FIJI did not start"
    REJECTED = "message is no job"
    NEVER_ENDED = "no attempt came to its end"


@dataclass(frozen=True)
class Job:
    """One job: a group of metadata, what all jobs share, where its outputs go and which inputs it wants.

    `answers`: to what the script asks a person, by the words of the question. `inputs`: key patterns with `*`
    and `?` (braces are already filled in), relative to SOURCE_BUCKET or `s3://bucket/key`. `paths`: folders
    of another machine that the script names, and the job's folder that each leads to, `input` or `output` or
    one below (`worker.contract.paths`).
    """

    metadata: dict[str, Value]
    output_file_location: str
    shared_metadata: dict[str, Value] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    answers: dict[str, Value] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)

    @cached_property
    def job_id(self) -> str:
        return job_id(
            self.metadata, self.output_file_location, self.shared_metadata, self.answers, self.paths
        )

    @property
    def parameters(self) -> dict[str, Value]:
        """The script's parameters: the shared ones, overridden by the group's own metadata."""
        return {**self.shared_metadata, **self.metadata}


#: Created once, since json.dumps creates an encoder for each call, a third of its time on such small
#: messages.
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
_COMPACT = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


def canonical_json(value: Any) -> str:
    """Return JSON with sorted keys and no spaces, which is the same text for equal values."""
    return _CANONICAL.encode(value)


def job_id(
    metadata: dict[str, Value],
    output_file_location: str,
    shared_metadata: dict[str, Value],
    answers: dict[str, Value] | None = None,
    paths: dict[str, str] | None = None,
) -> str:
    """Return the first 16 hex digits of the SHA-256 of the canonical JSON of a message's parts.

    Parts that a job does not have are left out, so that adding a kind of part changes no existing id.
    """
    parts: dict[str, Any] = {
        "Metadata": metadata,
        "output_file_location": output_file_location,
        "shared_metadata": shared_metadata,
    }
    if answers:
        parts["answers"] = answers
    if paths:
        parts["paths"] = paths
    return hashlib.sha256(canonical_json(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


#: The most characters shown of a job's name, and of one value in it.
LONGEST_NAME, LONGEST_VALUE = 160, 60


def job_name(metadata: dict[str, Value]) -> str:
    """Return a job's name for people, on one line: `Plate=P1 Well=A02`.

    Values with spaces or marks are quoted, and only the ends of long ones are shown.
    """
    name = " ".join(f"{key}={_short(value)}" for key, value in metadata.items())
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def _short(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    text = value if len(value) <= LONGEST_VALUE else f"…{value[1 - LONGEST_VALUE :]}"
    return text if PLAIN.match(text) else json.dumps(text, ensure_ascii=not text.isprintable())


def encode_message(job: Job) -> str:
    """Return the body of a job's SQS message: the original's three keys, and ours."""
    body: dict[str, Any] = {
        "Metadata": job.metadata,
        "output_file_location": job.output_file_location,
        "shared_metadata": job.shared_metadata,
        "job_id": job.job_id,
    }
    if job.inputs:
        body["inputs"] = list(job.inputs)
    if job.answers:
        body["answers"] = job.answers
    if job.paths:
        body["paths"] = job.paths
    return _COMPACT.encode(body)


def decode_message(body: str) -> Job:
    """Return the job in a message body. Messages of the original (without job_id and inputs) work too.

    Raises InvalidMessage with every problem if it is not a job.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidMessage([f"it is not JSON ({error})"]) from error
    if not isinstance(document, dict):
        raise InvalidMessage([f"it is a JSON {type(document).__name__}, not an object"])
    problems = [
        *value_problems("Metadata", document.get("Metadata")),
        *value_problems("shared_metadata", document.get("shared_metadata", {})),
        *location_problems(document.get("output_file_location")),
        *input_problems(document.get("inputs", [])),
        *answer_problems("answers", document.get("answers", {})),
        *path_problems("paths", document.get("paths", {})),
    ]
    if problems:
        raise InvalidMessage(problems)
    job = Job(
        metadata=document["Metadata"],
        output_file_location=document["output_file_location"],
        shared_metadata=document.get("shared_metadata", {}),
        inputs=tuple(document.get("inputs", [])),
        answers=document.get("answers", {}),
        paths=document.get("paths", {}),
    )
    sent_id = document.get("job_id", job.job_id)
    if sent_id != job.job_id:
        raise InvalidMessage([f"its job_id {sent_id!r} does not match its content ({job.job_id})"])
    return job


def value_problems(name: str, mapping: Any) -> list[str]:
    """Name every entry of a metadata mapping that cannot be a script parameter."""
    if not isinstance(mapping, dict):
        return [f"{name} must be an object of names and values, not {type(mapping).__name__}"]
    problems = []
    for key, value in mapping.items():
        if not PARAMETER_NAME.match(key):
            problems.append(
                f"{name}: {key!r} is not a valid parameter name (letters, digits and _, not starting"
                " with a digit)"
            )
        else:
            problems += _value_problems(f"{name}.{key}", value)
    return problems


def answer_problems(name: str, mapping: Any) -> list[str]:
    """Name every invalid entry of a mapping of answers. A key may be any text, like labels."""
    if not isinstance(mapping, dict):
        return [f"{name} must be an object of questions and answers, not {type(mapping).__name__}"]
    problems = []
    for key, value in mapping.items():
        if not key.strip() or not _encodable(key):
            problems.append(f"{name}: {key!r} is not a valid question label")
        else:
            problems += _value_problems(f"{name}[{key!r}]", value)
    return problems


def _value_problems(name: str, value: Any) -> list[str]:
    if not isinstance(value, list):
        return _scalar_problems(name, value)
    if not value:
        return [f"{name} is an empty list"]
    return [
        line for number, item in enumerate(value, 1) for line in _scalar_problems(f"{name}[{number}]", item)
    ]


def _scalar_problems(name: str, value: Any) -> list[str]:
    if isinstance(value, float) and not isfinite(value):
        return [f"{name} must be a finite number, not {value}; put text in quotes"]
    if not isinstance(value, (str, int, float)):
        return [f"{name} must be a string, a number, a boolean or a list of these, not {value!r:.60}"]
    if isinstance(value, str) and not _encodable(value):
        return [f"{name} contains an invalid character (NUL, U+FFFE, U+FFFF or an unpaired surrogate)"]
    return []


def input_problems(inputs: Any) -> list[str]:
    """Return what is wrong with a message's list of input patterns."""
    if not isinstance(inputs, list) or not all(isinstance(item, str) and item for item in inputs):
        return ["inputs must be a list of key patterns"]
    problems = [f"inputs: {item!r} must not contain '..'" for item in inputs if ".." in item.split("/")]
    no_text = "contains an invalid character (NUL, U+FFFE, U+FFFF or an unpaired surrogate)"
    return problems + [f"inputs: {item!r} {no_text}" for item in inputs if not _encodable(item)]


def _encodable(text: str) -> bool:
    """Whether a message can contain a text: SQS refuses U+FFFE and U+FFFF (API reference, SendMessage)."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return not NO_TEXT.search(text)


def state_key(app_name: str, *parts: str) -> str:
    """Return the key of a part of an app's own state, such as `distributed-fiji/APP_NAME/run.json`."""
    return "/".join((STATE_PREFIX, app_name, *parts))


def manifest_key(app_name: str, job: str) -> str:
    """Return the key of a job's manifest."""
    return state_key(app_name, "manifests", f"{job}.json")


def claim_key(app_name: str, job: str) -> str:
    """Return the key of the claim that a run makes before it uploads a job's outputs."""
    return state_key(app_name, "claims", f"{job}.json")


#: Special kinds of done jobs, which monitor counts: each a folder of the state with a marker per job.
WARNINGS, WITHOUT_OUTPUTS = "warnings", "without-outputs"


def marker_key(app_name: str, kind: str, job: str) -> str:
    """Return the key of the marker of a job that is done with warnings, or without outputs.

    It lets monitor count such jobs with a listing. An empty marker means that this no longer applies.
    """
    return state_key(app_name, kind, f"{job}.json")


#: The folder of what workers say of the jobs that they have done, many of them in one object.
FACTS = "facts"


def segment_key(app_name: str, worker: str, number: int) -> str:
    """Return the key of a worker's n-th object of lines about jobs that it has done."""
    return state_key(app_name, FACTS, worker, f"{number}.jsonl.gz")


def failure_key(app_name: str, job: str, attempt: int) -> str:
    """Return the key of the failure record of a job's n-th receive."""
    return state_key(app_name, "failures", job, f"{attempt}.json")


def log_key(app_name: str, job: str, attempt: int) -> str:
    """Return the key of FIJI's console from a job's n-th receive."""
    return state_key(app_name, "logs", job, f"{attempt}.log")


def log_line(job: str, attempt: int, line: str) -> str:
    """Return a line of a job's console as it is in the log group, where a worker's jobs share its stream."""
    return f"{job}/{attempt} {line}"


def read_log_line(line: str, job: str) -> tuple[int, str] | None:
    """Return the attempt and the text of such a line, or None if it is not one of the job."""
    whose, _, rest = line.partition("/")
    attempt, space, text = rest.partition(" ")
    return (int(attempt), text) if whose == job and space and attempt.isdecimal() else None


#: The folder of the state that holds jobs' thumbnails.
THUMBNAILS = "thumbnails"


def thumbnails_key(app_name: str, job: str) -> str:
    """Return the key of the thumbnails of a job's outputs."""
    return state_key(app_name, THUMBNAILS, f"{job}.json")


#: Name and meaning of each variable that the task definition sets for the worker. True and False are written
#: as in the original. No AWS key is ever among them.
ENVIRONMENT = {
    "APP_NAME": "name of the app",
    "SQS_QUEUE_URL": "URL of the queue",
    "AWS_BUCKET": "bucket that holds the run's own state",
    "SOURCE_BUCKET": "bucket that relative inputs and /home/ubuntu/bucket name",
    "DESTINATION_BUCKET": "bucket that outputs go to",
    "AWS_REGION": "region of queue and logs",
    "LOG_GROUP_NAME": "log group for FIJI's console, a stream per worker; empty: none",
    "SCRIPT_DOWNLOAD_URL": "https:// or s3:// address of the script",
    "SCRIPT_SHA256": "hex digest the script must have; empty where it is not known ahead",
    "EXPECTED_NUMBER_FILES": "outputs that a job must have at least",
    "MIN_FILE_SIZE_BYTES": "bytes an output must have to count",
    "NECESSARY_STRING": "text an output's name must hold to count",
    "DOWNLOAD_FILES": "True: inputs are brought to local disk; False: the bucket is mounted",
    "CHECK_IF_DONE_BOOL": "True: a job whose manifest holds is skipped",
    "RERUN_ON_NEW_IMAGE": "True: a manifest made with another image does not hold",
    "UPLOAD_FLAGS": "flags for uploads as `aws s3 cp` takes them",
    "SQS_MESSAGE_VISIBILITY": "seconds a received message stays hidden without a heartbeat",
    "HEARTBEAT_SECONDS": "seconds between heartbeats",
    "JOB_RETRIES": "failures after which a job is given up",
    "JOB_TIMEOUT_MINUTES": "minutes a job may run in FIJI; 0: no limit",
    "STALL_TIMEOUT_MINUTES": "minutes FIJI may stay silent; 0: no limit",
    "STOP_GRACE_SECONDS": "seconds that a running job may take to finish when the task has to stop",
    "PLUGIN_ERRORS": "fail or warn: what a job becomes in which a plugin failed and the script went on",
    "UNANSWERED": "fail or defaults: what becomes of a question of the script that the job does not answer",
    "COLLECT_ALL": "True: files that a script writes elsewhere than in output/ are outputs too",
    "THUMBNAILS": "pattern of the outputs that get thumbnails; empty: none",
    "DISPLAY_MODE": "auto, headless or xvfb: whether FIJI runs under a virtual display",
    "STANDBY": "True: the next job's FIJI starts while one is at work",
    "FIJI_RUNNER": "auto or runner, which are the same; direct is refused",
    "LOG_FORMAT": "text or json",
    "MEMORY": "MiB of memory of the container",
    "TASKS_PER_MACHINE": "tasks that share a machine",
    "CPU_CORES": "processors FIJI may use; 0: those the container sees",
}
