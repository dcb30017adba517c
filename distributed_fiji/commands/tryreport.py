"""`tryScript`: what a script asks and names, how it does on one or two images, and files to continue with.

Pure, except that it reads and writes the two files; `local.trial` runs the jobs.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from distributed_fiji.checks.parameters import declared_parameters
from distributed_fiji.commands.scripts import Script
from distributed_fiji.commands.trial import Tried
from distributed_fiji.errors import InvalidInput
from distributed_fiji.jsonfiles import is_file
from distributed_fiji.settings import Settings, parse_settings
from worker.contract.display import find_need_of_display
from worker.contract.inputs import read_patterns
from worker.contract.jobs import Job, job_name
from worker.contract.locations import OPEN_TABLES
from worker.contract.paths import find_fixed_paths, suggested_paths
from worker.contract.questions import answers_for, find_questions
from worker.contract.scripts import LANGUAGES

BUCKET = "try-script"
#: Where images are in the bucket.
IMAGES = "images"
#: MB: for a trial's FIJI, and the margin on what it was seen to use, in steps.
MEMORY, SPARE_MEMORY, STEP = 4096, 512, 256
MOST_MINUTES = 30
#: Bytes that both files may take.
ROOM = 64 * 1024


def app_name(script: Path) -> str:
    """Return a name for a script's app: letters and digits, as APP_NAME requires."""
    plain = re.sub(r"[^A-Za-z0-9]", "", script.stem) or "Script"
    return f"Try{plain[:1].upper()}{plain[1:]}"[:32]


def trial_settings(script: Path) -> Settings:
    """Return the settings for trying a script."""
    values = {
        "APP_NAME": app_name(script),
        "AWS_BUCKET": BUCKET,
        "SCRIPT_DOWNLOAD_URL": str(script),
        "MEMORY": MEMORY,
        "JOB_RETRIES": 1,
        "JOB_TIMEOUT_MINUTES": MOST_MINUTES,
        "STALL_TIMEOUT_MINUTES": 5,
        "CHECK_IF_DONE_BOOL": False,
        "SQS_MESSAGE_VISIBILITY": 60,
        "COLLECT_ALL": True,
    }
    return parse_settings(values, "tryScript")[0]


def file_names(script: Path, folder: Path) -> tuple[Path, Path]:
    """Return where a script's job file and settings go."""
    return folder / f"{script.stem}.job.json", folder / f"{script.stem}.config.py"


def job_document(script: Script, images: Sequence[Path]) -> dict[str, Any]:
    """Return a job file for a script: a group per image, with hard-coded folders redirected to the job's."""
    groups: list[dict[str, Any]] = [{"Image": image.name} for image in images] or [{"Run": 1}]
    key = next(iter(groups[0]))
    document: dict[str, Any] = {"output_file_location": f"results/{{{key}}}"}
    if images:
        document["inputs"] = [f"{IMAGES}/{{Image}}"]
    paths = suggested_paths(find_fixed_paths(script.text, script.ending))
    return document | ({"paths": paths} if paths else {}) | {"groups": groups}


def describe(path: Path, script: Script) -> list[str]:
    """Describe what in a script concerns a job, after a line with its name and language."""
    lines = []
    names = [parameter.name for parameter in declared_parameters(script.text)]
    if names:
        lines.append(f"declares parameters: {', '.join(names)}")
    for question in find_questions(script.text):
        lines.append(f"line {question.line} asks for a {question.kind}: {question.label!r}")
    for fixed in find_fixed_paths(script.text, script.ending):
        lines.append(f"line {fixed.line} names a folder of another machine: '{fixed.path}'")
    if need := find_need_of_display(script.text):
        lines.append(f"uses {need}, and gets a virtual display if this machine has one")
    first = f"{path.name}: {LANGUAGES[script.ending]}, {len(script.text.splitlines())} lines"
    return [first, *(f"  {line}" for line in lines)]


def unread(jobs: Sequence[Job], images: Sequence[Path]) -> list[str]:
    """Return the names of images that no job reads; an existing job file may not name them."""
    patterns = {one for job in jobs for text in job.inputs for one in read_patterns(text, BUCKET)}
    values = [value for job in jobs for value in (*job.parameters.values(), *job.answers.values())]
    return [
        image.name
        for image in images
        if not any(one.bucket == BUCKET and one.glob.matches(f"{IMAGES}/{image.name}") for one in patterns)
        and not any(f"{IMAGES}/{image.name}" in str(value) for value in values)
    ]


def told(tried: Tried) -> list[str]:
    """Describe what became of a job: outcome, seconds, memory, outputs or the reason, and more."""
    record = tried.record
    seconds = sum(value for value in record.get("seconds", {}).values() if isinstance(value, (int, float)))
    used = f"{seconds:.1f} s, {record.get('peak_memory_mb', 0)} MB"
    name = job_name(tried.job.metadata)
    if not tried.is_done:
        return [
            f"{name}: {record.get('outcome')} ({record.get('class')}), {used}",
            f"  {record.get('sentence')}",
        ]
    prefix = tried.job.output_file_location.strip("/") + "/"
    lines = [f"{name}: DONE, {used}"]
    for output in record["outputs"]:
        lines.append(f"  {output['key'].removeprefix(prefix)}  {output['bytes']} bytes")
    lines += [f"  Warning: {warning['text']}" for warning in record.get("warnings", ())]
    for question in record.get("questions", ()):
        answer = f"{question.get('answer')!r}, by {question.get('by')}"
        lines.append(f"  {question.get('label')!r} got {answer}")
    return list(dict.fromkeys(lines))


def unanswered(tried: Sequence[Tried]) -> dict[str, Any]:
    """Return initial answers for all questions that no job answered."""
    questions = [question for one in tried for question in one.record.get("questions") or ()]
    files = [Path(str(pattern)).name for one in tried[:1] for pattern in one.job.inputs]
    return answers_for(questions, files)


def writes_elsewhere(tried: Sequence[Tried]) -> bool:
    """Whether a job's outputs are kept only because of COLLECT_ALL."""
    for one in tried:
        location = one.job.output_file_location.strip("/")
        elsewhere = (f"{location}/input/", f"{location}/home/")
        if any(output["key"].startswith(elsewhere) for output in one.record.get("outputs", ())):
            return True
    return False


def count_of_files(one: Tried) -> int:
    """Return how many files to expect from a job that is done.

    A table that was only left open counts only if there is nothing else, since a well with no objects may
    have no table and still be right.
    """
    keys = [output["key"] for output in one.record["outputs"]]
    left_open = [key for key in keys if f"/{OPEN_TABLES}/" in key]
    return len(keys) - len(left_open) or len(keys)


def config_text(script: Path, tried: Sequence[Tried]) -> str:
    """Return a config.py that fits what was seen. What only you can know is left to fill in."""
    done = [one for one in tried if one.is_done]
    files = min(map(count_of_files, done), default=1)
    peak = max((int(one.record.get("peak_memory_mb") or 0) for one in tried), default=0)
    memory = max(1024, -(-(peak + SPARE_MEMORY) // STEP) * STEP)
    collect = "COLLECT_ALL = True  # It writes beside its inputs.\n" if writes_elsewhere(tried) else ""
    return f'''"""Settings for {script.name}, as tryScript saw it; docs/config.md explains them all."""

APP_NAME = {app_name(script).removeprefix("Try")!r}
AWS_REGION = "us-east-1"
AWS_BUCKET = {BUCKET!r}  # On AWS: your own bucket.
DOCKERHUB_TAG = "your-docker-user/distributed-fiji:latest"  # On AWS: the image that `make image` made.
SCRIPT_DOWNLOAD_URL = {str(script)!r}

EXPECTED_NUMBER_FILES = {files}
MEMORY = {memory}  # MB; FIJI used {peak} here, and your images may be larger.
{collect}
CLUSTER_MACHINES = 1
TASKS_PER_MACHINE = 1
MACHINE_TYPE = ["m5.xlarge"]
MACHINE_PRICE = 0.20
'''


def write_new(path: Path, text: str, *, overwrite: bool) -> str:
    """Write a file unless it exists; say what was done."""
    if path.exists() and not overwrite:
        return f"{path} is left unchanged; --overwrite replaces it"
    path.write_text(text, encoding="utf-8")
    return f"Wrote {path}"


def as_json(document: Mapping[str, Any]) -> str:
    """Return a document as readable text: indented, with letters of all languages as they are."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def check_folder(folder: Path) -> None:
    """Raise InvalidInput if job file and settings could not be written, before the script runs."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(ROOM))
            file.flush()
    except OSError as error:
        problem = f"--into {folder}: {error.strerror}; the job file and the settings cannot be written there"
        raise InvalidInput("The script was not run", [problem]) from error


def _image_problem(image: Path) -> str:
    """Return why a file cannot be an image; '' if it can."""
    if not is_file(image):
        return "this file does not exist"
    try:
        with image.open("rb") as file:
            return "" if file.read(1) else "it is empty"
    except OSError as error:
        return f"it cannot be read: {error.strerror}"


def check_images(images: Sequence[Path]) -> None:
    """Raise InvalidInput for files that are not images, or that would be the same object in the bucket."""
    problems = [f"{image}: {problem}" for image in images if (problem := _image_problem(image))]
    names = [image.name for image in images]
    problems += [
        f"{name}: two images have this name" for name in sorted({n for n in names if names.count(n) > 1})
    ]
    if problems:
        raise InvalidInput("IMAGES", problems)
