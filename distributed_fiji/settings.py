"""config.py -> frozen Settings: every problem listed at once, every default in one place, derived names.

Knows nothing of AWS calls. The names are those of the original Distributed-FIJI, of its sibling
Distributed-CellProfiler 2.2, and our own; `'True'` and `True` mean the same.
"""

from __future__ import annotations

import difflib
import re
import runpy
import unicodedata
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from distributed_fiji.awsnames import BUCKET, Boundary, Bucket, GivenProfile, GivenRole
from distributed_fiji.errors import InvalidInput
from distributed_fiji.jsonfiles import read_file
from worker.contract.fijihome import runner_problem
from worker.contract.flags import ENCRYPTION, read_flags

#: Placeholders in the example configs, to be filled in.
PLACEHOLDERS = {
    "AWS_BUCKET": {"your-bucket-name", "bucket-name"},
    "SOURCE_BUCKET": {"your-bucket-name", "bucket-name"},
    "DESTINATION_BUCKET": {"your-bucket-name", "bucket-name"},
    "SCRIPT_DOWNLOAD_URL": {"https://some/url/with/a/script.y"},
}

#: The image's name in the example config.py. A rehearsal without containers needs no image; machines do.
EXAMPLE_IMAGE = "your-docker-user/distributed-fiji:latest"

#: Names in older configs that have no effect here, each with the reason.
OBSOLETE = {
    "DOCKER_CORES": "FIJI uses its container's processors; CPU_CORES limits them",
    "CPU_SHARES": "CPU_CORES determines it",
    "SECONDS_TO_START": "each worker runs one FIJI at a time, so starts need not be staggered",
    "WORKSPACE_BUCKET": "inputs come from SOURCE_BUCKET, or from s3://bucket/key",
    "ALWAYS_CONTINUE": "it is an option of CellProfiler",
    "USE_PLUGINS": "plugins are part of the worker image (docs/image.md)",
    "UPDATE_PLUGINS": "plugins are part of the worker image (docs/image.md)",
    "PLUGINS_COMMIT": "plugins are part of the worker image (docs/image.md)",
    "INSTALL_REQUIREMENTS": "plugins are part of the worker image (docs/image.md)",
    "REQUIREMENTS": "plugins are part of the worker image (docs/image.md)",
}


#: The allowed form of names, in words, for settings that are checked by a pattern.
ALLOWED = {
    "APP_NAME": "a letter, then letters, digits, - and _, 32 characters at most",
    "LOG_GROUP_NAME": "letters, digits and the characters _ / . # -, or empty for none",
    "DOCKERHUB_TAG": "an image name without spaces, such as user/distributed-fiji:1.0",
    "AWS_REGION": "a region such as us-east-1",
    **dict.fromkeys(
        ("AWS_BUCKET", "SOURCE_BUCKET", "DESTINATION_BUCKET"),
        "a bucket's name (3 to 63 lower-case letters, digits, dots and hyphens), without s3://",
    ),
    "ECS_CLUSTER": "letters, digits, - and _",
    "NOTIFY_EMAIL": "one e-mail address, or empty for none",
    "MACHINE_TYPE": "an EC2 instance type such as m5.xlarge",
    "MORE_SOURCE_BUCKETS": "names of buckets, without s3://",
    **dict.fromkeys(
        ("TASK_ROLE", "FLEET_ROLE", "JANITOR_ROLE"),
        "a role's name or ARN, such as arn:aws:iam::123456789012:role/lab-worker",
    ),
    "INSTANCE_PROFILE": "an instance profile's name or ARN",
    "PERMISSIONS_BOUNDARY": "a policy's ARN, such as arn:aws:iam::123456789012:policy/boundary",
    **dict.fromkeys(
        ("SQS_QUEUE_NAME", "SQS_DEAD_LETTER_QUEUE"), "letters, digits, - and _, 80 characters at most"
    ),
}


def _flag(value: Any) -> Any:
    """Read the original's 'True' and 'False'; anything else is left for pydantic to judge."""
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    if not isinstance(value, bool):
        raise ValueError("must be True or False")
    return value


def _several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _upload_flags(text: str) -> str:
    """Accept what the worker will understand. InvalidFlags is a ValueError that names everything else."""
    read_flags(text)
    return text


def _thumbnails(pattern: str) -> str:
    """Accept a pattern that some output's name or path below its job's location can match."""
    if pattern.startswith(("/", "s3://")) or "\\" in pattern:
        raise ValueError("must be a pattern for names of outputs, such as '*overlay*', or '' for none")
    return pattern


def _fiji_runner(text: str) -> str:
    """Accept the existing ways to run a script; both names mean the runner."""
    if problem := runner_problem(text):
        raise ValueError(problem)
    return text


def _log_group(name: str) -> str:
    """Accept names that a log group of ours may have (CloudWatch Logs API, CreateLogGroup)."""
    if name.startswith("aws/"):
        raise ValueError("must not start with aws/, which AWS reserves")
    return name


def _plain(text: str) -> str:
    """Accept text that is safe in a task's environment and in a file name."""
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text):
        raise ValueError("must not contain control characters or unpaired surrogates")
    return text


Text = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_plain)]
Flag = Annotated[bool, BeforeValidator(_flag)]
#: A letter first, since the name is used in names of SQS, ECS, EC2, IAM (64 characters) and CloudWatch.
APP_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")
AppName = Annotated[str, StringConstraints(pattern=f"^{APP_NAME.pattern}$")]
QueueName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,80}$")]
MachineTypes = Annotated[
    list[Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+\.[a-z0-9-]+$")]],
    BeforeValidator(_several),
    Field(min_length=1),
]


class Settings(BaseModel):
    """The user's settings, checked. Field names are those of config.py."""

    # Its validator is built when a config.py is first checked, since monitor and --help need none.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    APP_NAME: AppName
    LOG_GROUP_NAME: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z0-9_/.#-]{0,400}$"), AfterValidator(_log_group)
    ]

    DOCKERHUB_TAG: Annotated[str, StringConstraints(min_length=1, pattern=r"^\S+$")]
    AWS_REGION: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")] = "us-east-1"
    AWS_PROFILE: str | None = "default"
    SSH_KEY_NAME: str = ""
    AWS_BUCKET: Bucket
    SOURCE_BUCKET: Bucket
    DESTINATION_BUCKET: Bucket
    MORE_SOURCE_BUCKETS: Annotated[list[Bucket], BeforeValidator(_several)] = []
    UPLOAD_FLAGS: Annotated[Text, AfterValidator(_upload_flags)] = ""

    TASK_ROLE: GivenRole = ""
    INSTANCE_PROFILE: GivenProfile = ""
    FLEET_ROLE: GivenRole = ""
    JANITOR_ROLE: GivenRole = ""
    PERMISSIONS_BOUNDARY: Boundary = ""

    ECS_CLUSTER: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,255}$")]
    CLUSTER_MACHINES: Annotated[int, Field(ge=1, le=1000)] = 3
    TASKS_PER_MACHINE: Annotated[int, Field(ge=1, le=200)] = 1
    MACHINE_TYPE: MachineTypes
    MACHINE_PRICE: Annotated[float, Field(gt=0, le=100)]
    EBS_VOL_SIZE: Annotated[int, Field(ge=22, le=16384)] = 30
    ASSIGN_IP: Flag = True
    DOWNLOAD_FILES: Flag = True

    # No EC2 machine has more than 32 TiB.
    MEMORY: Annotated[int, Field(ge=512, le=50_000_000)]
    CPU_CORES: Annotated[int, Field(ge=0, le=448)] = 0
    SCRIPT_DOWNLOAD_URL: Annotated[Text, StringConstraints(min_length=1)]
    FIJI_RUNNER: Annotated[str, AfterValidator(_fiji_runner)] = "auto"
    PLUGIN_ERRORS: Literal["fail", "warn"] = "fail"
    UNANSWERED: Literal["fail", "defaults"] = "fail"
    COLLECT_ALL: Flag = False
    THUMBNAILS: Annotated[Text, AfterValidator(_thumbnails)] = ""
    DISPLAY_MODE: Literal["auto", "headless", "xvfb"] = "auto"
    STANDBY: Flag = True

    SQS_QUEUE_NAME: QueueName
    SQS_MESSAGE_VISIBILITY: Annotated[int, Field(ge=30, le=43200)] = 180
    SQS_DEAD_LETTER_QUEUE: QueueName
    HEARTBEAT_SECONDS: Annotated[int, Field(ge=1, le=14400)]
    JOB_RETRIES: Annotated[int, Field(ge=1, le=1000)] = 5
    JOB_TIMEOUT_MINUTES: Annotated[float, Field(ge=0, le=11 * 60)] = 10 * 60
    STALL_TIMEOUT_MINUTES: Annotated[float, Field(ge=0, le=11 * 60)] = 60

    AUTO_MONITOR: Flag = True
    NOTIFY_EMAIL: Annotated[str, StringConstraints(pattern=r"^([^@\s,]+@[^@\s,]+\.[^@\s,]+)?$")] = ""
    CREATE_DASHBOARD: Flag = True
    CLEAN_DASHBOARD: Flag = True
    MAX_HOURS: Annotated[float, Field(gt=0, le=24 * 7)] = 24
    MAX_COST: Annotated[float, Field(ge=0, le=1_000_000)] = 0
    LOG_FORMAT: Literal["text", "json"] = "text"

    CHECK_IF_DONE_BOOL: Flag = True
    RERUN_ON_NEW_IMAGE: Flag = True
    EXPECTED_NUMBER_FILES: Annotated[int, Field(ge=0, le=1_000_000_000)] = 1
    MIN_FILE_SIZE_BYTES: Annotated[int, Field(ge=0, le=2**50)] = 1
    NECESSARY_STRING: Text = ""

    @property
    def service(self) -> str:
        return f"{self.APP_NAME}Service"

    @property
    def task_family(self) -> str:
        return f"{self.APP_NAME}Task"

    @property
    def launch_template(self) -> str:
        return f"{self.APP_NAME}LaunchTemplate"

    @property
    def machine_log_group(self) -> str:
        """Log group of the workers' own output, one stream per task; FIJI's console is in LOG_GROUP_NAME."""
        return f"{self.LOG_GROUP_NAME or self.APP_NAME}_perInstance"

    @property
    def readable_buckets(self) -> list[str]:
        """The buckets that workers may read, sorted; jobs' inputs must be in one of them."""
        own = {self.AWS_BUCKET, self.SOURCE_BUCKET, self.DESTINATION_BUCKET}
        return sorted(own | set(self.MORE_SOURCE_BUCKETS))

    @property
    def encryption(self) -> dict[str, str]:
        """UPLOAD_FLAGS' encryption, as arguments of PutObject, since a bucket's policy may require it."""
        arguments = read_flags(self.UPLOAD_FLAGS).arguments
        return {name: arguments[name] for name in ENCRYPTION if name in arguments}

    def given_role(self, purpose: str) -> str:
        """Return the role, or for 'instance' the profile, that config.py names; '' if setup creates it."""
        return str(getattr(self, GIVEN[purpose]))

    @property
    def tasks(self) -> int:
        """How many tasks the whole fleet runs at once."""
        return self.CLUSTER_MACHINES * self.TASKS_PER_MACHINE


#: Settings that name roles which others have created, by purpose.
GIVEN = {
    "task": "TASK_ROLE",
    "instance": "INSTANCE_PROFILE",
    "fleet": "FLEET_ROLE",
    "janitor": "JANITOR_ROLE",
}


def check_app_name(name: str | None) -> None:
    """Raise InvalidInput for an invalid APP_NAME on the command line: a pattern, or empty."""
    if name is not None and not APP_NAME.fullmatch(name):
        problem = (
            f"APP_NAME = {name!r}: must be {ALLOWED['APP_NAME']}; `python run.py inventory` lists the apps"
        )
        raise InvalidInput("Invalid APP_NAME", [problem])


def check_bucket(name: str) -> None:
    """Raise InvalidInput for an invalid bucket name on the command line."""
    if not BUCKET.fullmatch(name):
        raise InvalidInput(
            "The bucket cannot be created", [f"NAME = {name!r}: must be {ALLOWED['AWS_BUCKET']}"]
        )


def check_region(name: str | None) -> None:
    """Raise InvalidInput for an invalid --region."""
    if name is not None and not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-[0-9]", name):
        problem = (
            f"--region {name!r}: must be {ALLOWED['AWS_REGION']}. The default is AWS_REGION in config.py"
        )
        raise InvalidInput("Invalid --region", [problem])


def load_settings(path: Path) -> tuple[Settings, list[str]]:
    """Read a config.py; return the settings, and warnings about what is obsolete or unknown.

    Raises InvalidInput with every problem in the file.
    """
    try:
        read_file(path)
    except ValueError as error:
        raise InvalidInput(
            f"{path} cannot be used", [f"{error}; use --config to name another file"]
        ) from error
    try:
        namespace = runpy.run_path(str(path))
    except (Exception, SystemExit) as error:
        raise InvalidInput(f"{path} cannot be used", [_python_problem(error)]) from error
    return parse_settings({k: v for k, v in namespace.items() if k.isupper()}, str(path))


def _python_problem(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f"line {error.lineno} is not Python: {error.msg}"
    return f"running it failed: {type(error).__name__}: {error}"


def parse_settings(values: dict[str, Any], source: str = "config.py") -> tuple[Settings, list[str]]:
    """Return checked settings and warnings for a mapping of config names. Raises InvalidInput."""
    values, contradictions = _with_old_names(values)
    warnings = [*_obsolete_warnings(values), *_advice(values)]
    known = {name: value for name, value in values.items() if name in Settings.model_fields}
    filled = _with_derived_defaults(known)
    problems = [
        *_placeholder_problems(known),
        *_field_problems(filled, known),
        *_lease_problems(filled),
        *contradictions,
    ]
    if problems:
        raise InvalidInput(f"{source} cannot be used", problems)
    return Settings(**filled), warnings


def _field_problems(filled: dict[str, Any], known: dict[str, Any]) -> list[str]:
    """Check each setting alone. Values derived from a wrong setting are not reported as well."""
    try:
        Settings(**filled)
    except ValidationError as error:
        wanted = {*known, "APP_NAME", "AWS_BUCKET", "SCRIPT_DOWNLOAD_URL"} - _placeholder_names(known)
        return [_sentence(finding) for finding in error.errors() if finding["loc"][0] in wanted]
    return []


def _lease_problems(values: dict[str, Any]) -> list[str]:
    """Two beats may be missed before a message is lost to another worker, so three must fit."""
    visibility, beat = values.get("SQS_MESSAGE_VISIBILITY", 180), values["HEARTBEAT_SECONDS"]
    if not isinstance(visibility, int) or not isinstance(beat, int) or visibility >= 3 * beat:
        return []
    return [
        f"HEARTBEAT_SECONDS = {beat}: must be at most a third of SQS_MESSAGE_VISIBILITY = {visibility},"
        " because two heartbeats may be missed before a message is lost"
    ]


def _with_old_names(values: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Read USE_XVFB = True, the old form, as DISPLAY_MODE = 'xvfb'; return problems as well."""
    known = {name: value for name, value in values.items() if name != "USE_XVFB"}
    old = str(values.get("USE_XVFB", False)).strip().lower()
    if old not in ("true", "false"):
        return known, [f"USE_XVFB = {values['USE_XVFB']!r}: must be True or False; DISPLAY_MODE replaces it"]
    if old == "false":
        return known, []
    if known.get("DISPLAY_MODE") == "headless":
        return known, [
            "USE_XVFB = True: contradicts DISPLAY_MODE = 'headless', which replaces it. Leave out USE_XVFB"
        ]
    return known | {"DISPLAY_MODE": "xvfb"}, []


def _with_derived_defaults(values: dict[str, Any]) -> dict[str, Any]:
    """Fill in what follows from other settings if the config does not set it."""
    app, bucket = values.get("APP_NAME", ""), values.get("AWS_BUCKET")
    visibility = values.get("SQS_MESSAGE_VISIBILITY", 180)
    derived: dict[str, Any] = {
        "LOG_GROUP_NAME": app,
        "ECS_CLUSTER": app,
        "SOURCE_BUCKET": bucket,
        "DESTINATION_BUCKET": bucket,
        "SQS_QUEUE_NAME": f"{app}Queue",
        "SQS_DEAD_LETTER_QUEUE": f"{app}DeadMessages",
        "HEARTBEAT_SECONDS": max(1, min(60, visibility // 3)) if isinstance(visibility, int) else 60,
        "DOCKERHUB_TAG": "distributed-fiji:latest",
        "MACHINE_TYPE": ["m5.xlarge"],
        "MACHINE_PRICE": 0.10,
        "MEMORY": 4096,
    }
    filled = {name: value for name, value in derived.items() if value is not None} | values
    filled["SSH_KEY_NAME"] = _key_pair(filled.get("SSH_KEY_NAME", ""))
    return filled


def _key_pair(name: Any) -> Any:
    """EC2 expects the key pair's name, but the original's config names its file.

    Its placeholder is not a key.
    """
    if not isinstance(name, str) or name == "your-key-file.pem":
        return ""
    return name.removesuffix(".pem")


def _placeholder_names(values: dict[str, Any]) -> set[str]:
    return {name for name, placeholders in PLACEHOLDERS.items() if values.get(name) in placeholders}


def _placeholder_problems(values: dict[str, Any]) -> list[str]:
    return [
        f"{name} = {values[name]!r} is still the example's placeholder; replace it (or name"
        " another settings file with --config)"
        for name in sorted(_placeholder_names(values))
    ]


def _obsolete_warnings(values: dict[str, Any]) -> list[str]:
    warnings = []
    for name in sorted(set(values) - set(Settings.model_fields)):
        if name in OBSOLETE:
            warnings.append(f"{name} is ignored: {OBSOLETE[name]}")
        else:
            near = difflib.get_close_matches(name, Settings.model_fields, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            warnings.append(f"unknown setting {name}, ignored{hint}")
    return warnings


def _advice(values: dict[str, Any]) -> list[str]:
    """Warn about values from the original that are allowed but not recommended today."""
    advice = []
    if str(values.get("DOCKERHUB_TAG", "")).startswith("cellprofiler/distributed-fiji"):
        advice.append(
            "DOCKERHUB_TAG is the image of the original Distributed-FIJI, not of this worker: `make"
            " image` builds yours"
        )
    if values.get("SSH_KEY_NAME") == "your-key-file.pem":
        advice.append("SSH_KEY_NAME is still the example's placeholder: machines start without an SSH key")
    if values.get("SQS_DEAD_LETTER_QUEUE") == "user_DeadMessages":
        advice.append(
            "SQS_DEAD_LETTER_QUEUE = 'user_DeadMessages' may be shared with other apps, whose dead"
            " letters then count as this app's. Leave it out to give this app its own queue"
        )
    if str(values.get("DOWNLOAD_FILES")) == "False":
        advice.append(
            "DOWNLOAD_FILES = False mounts the bucket with s3fs in a privileged container, which is slow"
            " with many files. True downloads inputs to local disk"
        )
    return advice


def _sentence(error: Any) -> str:
    """Turn one of pydantic's findings into a line that begins with the setting's name."""
    name, *inner = error["loc"]
    where = f"{name}[{inner[0]}]" if inner else name
    if error["type"] == "missing":
        return f"{name} is missing"
    if error["type"] == "string_pattern_mismatch":
        return f"{where} = {error['input']!r}: must be {ALLOWED[name]}"
    return f"{where} = {error['input']!r}: {error['msg'].removeprefix('Value error, ')}"
