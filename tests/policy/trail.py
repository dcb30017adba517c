"""Record a process's calls to AWS, so that a whole test run can be checked against the roles' policies.

This file stands alone: `lay` copies it into a folder as sitecustomize.py, which Python runs first if the
folder is on its path (workers, tasks of the embedded cloud and its functions; DISTRIBUTED_FIJI_LOCAL_SITE
names it). A process with a role then leaves a file in the folder: a line about itself, and one for each call,
written when it is answered, so a killed process has left all but its last. Calls outside botocore (s5cmd, the
ECS agent's address) are not seen; tests/policy/test_worker.py covers those from outside.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

#: The variable that names the folder to the embedded cloud and the tests' own workers.
SITE = "DISTRIBUTED_FIJI_LOCAL_SITE"

#: Names a test's script to run instead of the worker, in a task's definition, since the embedded cloud runs
#: no command of a definition.
SCRIPT = "TEST_SCRIPT"

#: The parts of a process's environment that determine its role's policy.
NAMES = (
    "APP_NAME",
    "AWS_BUCKET",
    "AWS_REGION",
    "DESTINATION_BUCKET",
    "ECS_CLUSTER",
    "LOG_GROUP_NAME",
    "SOURCE_BUCKET",
    "SQS_QUEUE_URL",
    "UPLOAD_FLAGS",
)
#: Parameters that are irrelevant for rights, and may be large.
CONTENTS = {"Body", "Message", "MessageBody", "Entries", "logEvents", "MultipartUpload"}

#: Types that JSON cannot represent.
UNSAYABLE = (bytes, bytearray, datetime)

Writer = Callable[[dict[str, Any]], None]


def lay(folder: Path) -> None:
    """Set up a folder in which every process records its calls that has it on its path."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(__file__, folder / "sitecustomize.py")


def role_of(words: list[str], environment: dict[str, str]) -> str | None:
    """Return whose role a process has: worker, janitor, user or nobody's."""
    if "SQS_QUEUE_URL" in environment and ("worker" in words or any(word.endswith("/aws") for word in words)):
        return "worker"
    if "AWS_LAMBDA_FUNCTION_NAME" in environment and "STATE_BUCKET" in environment:
        return "janitor"
    if any(word.rpartition("/")[2] == "run.py" for word in words):
        return "user"
    return None


def user_of(words: list[str]) -> dict[str, Any]:
    """Return who runs a command of run.py: which, and with which settings. The words exclude Python's own."""
    path = words[words.index("--config") + 1] if "--config" in words else "config.py"
    try:
        config = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        config = ""
    return {"role": "user", "words": words, "config": config}


def open_trail(folder: Path, who: dict[str, Any]) -> Writer:
    """Start a file with a line about a process; return a function that adds a line."""
    path = folder / f"{os.getpid()}-{time.time_ns()}.jsonl"

    def write(line: dict[str, Any]) -> None:
        with path.open("ab", buffering=0) as file:
            file.write(json.dumps(line, default=lambda _: None).encode() + b"\n")

    write(who)
    return write


def sayable(value: Any) -> Any:
    """Return a value without what JSON cannot represent, such as times and bytes: left out, not replaced."""
    if isinstance(value, dict):
        return {name: sayable(item) for name, item in value.items() if not isinstance(item, UNSAYABLE)}
    if isinstance(value, (list, tuple)):
        return [sayable(item) for item in value if not isinstance(item, UNSAYABLE)]
    return value


def watch(write: Writer) -> None:
    """Make every client created from now on report its calls."""
    from botocore import handlers

    def begun(params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        context["trail"] = {
            # In boto3's name: "logs", while the model's id is "CloudWatch Logs".
            "service": model.service_model.service_name,
            "operation": model.name,
            "parameters": sayable({name: value for name, value in params.items() if name not in CONTENTS}),
        }

    def ended(context: dict[str, Any], http_response: Any = None, **_: Any) -> None:
        write({**context["trail"], "status": getattr(http_response, "status_code", 0)})

    handlers.BUILTIN_HANDLERS.extend(
        [("before-parameter-build", begun), ("after-call", ended), ("after-call-error", ended)]
    )


def attached_policies(function: str) -> list[Any]:
    """Return the inline policies that a function's role has now."""
    import boto3

    arn = boto3.client("lambda").get_function_configuration(FunctionName=function)["Role"]
    iam, role = boto3.client("iam"), arn.rpartition("/")[2]
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    return [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]


def pass_gate(folder: Path, role: str) -> None:
    """Lead this process's calls through the gates in the folder's gate.json, if it exists.

    They are signed with its role's key; child processes inherit that.
    """
    if not (folder / "gate.json").exists():
        return
    gate = json.loads((folder / "gate.json").read_text(encoding="utf-8"))
    if role in gate["keys"]:
        os.environ.update(gate["endpoints"])
        os.environ["AWS_ACCESS_KEY_ID"] = gate["keys"][role]


def begin(folder: Path) -> None:
    """Start this process's trail if it acts in a role."""
    role = role_of(sys.orig_argv, dict(os.environ))
    if role is None:
        return
    if role == "user":
        watch(open_trail(folder, user_of(sys.orig_argv)))
        return
    who: dict[str, Any] = {"role": role, **{name: os.environ[name] for name in NAMES if name in os.environ}}
    if role == "janitor":
        who["policies"] = attached_policies(os.environ["AWS_LAMBDA_FUNCTION_NAME"])
    pass_gate(folder, role)
    watch(open_trail(folder, who))


class Acting:
    """The calls of the test's own process while it acts in a role (a round of the janitor without Lambda)."""

    def __init__(self) -> None:
        self._write: Writer | None = None

    def line(self, line: dict[str, Any]) -> None:
        """Write a call if a role is active."""
        if self._write is not None:
            self._write(line)

    @contextmanager
    def as_role(self, who: dict[str, Any]) -> Iterator[None]:
        """Act in a role until the block ends."""
        if folder := os.environ.get(SITE):
            self._write = open_trail(Path(folder), who)
        try:
            yield
        finally:
            self._write = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Act in no role until the block ends."""
        write, self._write = self._write, None
        try:
            yield
        finally:
            self._write = write


def run_in_place_of_the_worker(script: str) -> None:
    """Run a test's script where the embedded cloud started the worker, and end with its exit code."""
    code: object = 0
    try:
        exec(script, {"__name__": "__main__"})
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    os._exit(code if isinstance(code, int) else code is not None)


acting = Acting()

if __name__ == "sitecustomize":
    begin(Path(__file__).parent)
    if SCRIPT in os.environ and "worker" in sys.orig_argv:
        run_in_place_of_the_worker(os.environ[SCRIPT])
