"""Whether a finished job is still done: its manifest compared with today. Pure.

docs/worker.md has a table of what is compared; each difference is a phrase for the job's line.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from worker.contract.jobs import Job, canonical_json
from worker.contract.state import Unreadable, number, refuse_another_app, text, texts
from worker.records.records import job_document
from worker.storage.outputs import Output, counting
from worker.storage.s3 import Object
from worker.verdict.verdict import Expected


@dataclass(frozen=True)
class Today:
    """What a manifest must agree with.

    `image`: as NAME@DIGEST. `image_counts`: whether it must be the same. `collect_all`: whether files that a
    script writes elsewhere are outputs. `needs_answers`, `refuses_errors`: whether UNANSWERED and
    PLUGIN_ERRORS are 'fail'.
    """

    app_name: str
    script_sha256: str
    destination: str
    expected: Expected
    image: str = ""
    image_counts: bool = True
    collect_all: bool = False
    needs_answers: bool = True
    refuses_errors: bool = True


@dataclass(frozen=True)
class Listed:
    """An output in a manifest."""

    size: int
    etag: str


@dataclass(frozen=True)
class Manifest:
    """The content of a manifest.

    `inputs`: ETags by address. `outputs`: by key; `left`: those of earlier runs. `faults`: names of outputs
    that did not count because they could not be opened. `left_elsewhere`: files that the script wrote outside
    of `output/`, and that were not kept. `unanswered`: questions that got the dialog's own default. `errors`:
    errors after which the script went on. Both would have failed the job if its settings had not allowed
    them.
    """

    job: str
    job_id: str
    script_sha256: str
    image: str
    run_id: str
    time_seconds: float
    destination: str
    location: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, Listed]
    faults: frozenset[str] = frozenset()
    left: tuple[str, ...] = ()
    left_elsewhere: tuple[str, ...] = ()
    unanswered: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


def read_manifest(document: Mapping[str, Any], app_name: str) -> Manifest:
    """Return the content of a manifest's document; unknown fields are ignored. Raises Unreadable."""
    refuse_another_app(document, app_name)
    job = document.get("job")
    if not isinstance(job, dict):
        raise Unreadable("it names no job")
    try:
        canonical = canonical_json(job)
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None
    return Manifest(
        job=canonical,
        job_id=text(document, "job_id"),
        script_sha256=text(document, "script_sha256"),
        image=text(document, "image", ""),
        run_id=text(document, "run_id", ""),
        time_seconds=number(document, "time_seconds", 0.0),
        destination=text(document, "destination"),
        location=text(job, "output_file_location"),
        inputs={text(entry, "key"): text(entry, "etag") for entry in _entries(document, "inputs")},
        outputs={text(entry, "key"): _listed(entry) for entry in _entries(document, "outputs")},
        faults=frozenset(_object(document, "faults")),
        left=texts(document, "left_from_before"),
        left_elsewhere=texts(document, "left_elsewhere"),
        unanswered=tuple(_named(entry) for entry in _some(document, "questions") if _is_made_up(entry)),
        errors=tuple(
            text(entry, "text") for entry in _some(document, "warnings") if entry.get("fails") is True
        ),
    )


def find_manifest(document: Mapping[str, Any], app_name: str) -> Manifest | None:
    """Return the content of a manifest's document, or None if it is not one."""
    with contextlib.suppress(Unreadable):
        return read_manifest(document, app_name)
    return None


def _object(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = document.get(name, {})
    if not isinstance(value, dict):
        raise Unreadable(f"{name} is not an object")
    return value


def _entries(document: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    entries = document.get(name)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise Unreadable(f"{name} is not a list of objects")
    return entries


def _some(document: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Return entries that older manifests do not have."""
    return _entries(document, name) if name in document else []


def _is_made_up(question: Mapping[str, Any]) -> bool:
    return question.get("by") == "default" and question.get("met") is True


def _named(question: Mapping[str, Any]) -> str:
    return text(question, "name") or text(question, "label", "")


def _listed(entry: Mapping[str, Any]) -> Listed:
    return Listed(int(number(entry, "bytes")), text(entry, "etag"))


def difference_of_work(manifest: Manifest, job: Job, today: Today) -> str:
    """Say what about the work differs from today; '' if nothing does."""
    wanted = job_document(job)
    if manifest.job_id != job.job_id:
        return "its manifest is another job's"
    if manifest.job != canonical_json(wanted):
        return "what the job asks for changed"
    if manifest.script_sha256 != today.script_sha256:
        return "the script changed"
    if manifest.destination != today.destination:
        return f"its outputs are in {manifest.destination}, not in {today.destination}"
    if today.image_counts and _is_another_image(manifest.image, today.image):
        return "the image changed"
    if today.collect_all and manifest.left_elsewhere:
        return f"{_name(manifest.left_elsewhere[0])} was not kept, and COLLECT_ALL is True now"
    return _difference_of_settings(manifest, today) or _difference_of_expectations(manifest, today.expected)


def _difference_of_settings(manifest: Manifest, today: Today) -> str:
    """Say what was allowed then and would fail a job today."""
    if today.needs_answers and manifest.unanswered:
        return f"\"{manifest.unanswered[0]}\" had no answer, and UNANSWERED is 'fail' now"
    if today.refuses_errors and manifest.errors:
        return f"{_short(manifest.errors[0])}, and PLUGIN_ERRORS is 'fail' now"
    return ""


def _short(error: str) -> str:
    line = error.strip().rstrip(".")
    return line if len(line) <= 120 else line[:119] + "…"


def _is_another_image(then: str, now: str) -> bool:
    """Whether two images differ by their digests. A name alone can mean another image every day."""
    return "@" in then and "@" in now and then.rpartition("@")[2] != now.rpartition("@")[2]


def _difference_of_expectations(manifest: Manifest, expected: Expected) -> str:
    """Say whether there are fewer outputs than a job must have today."""
    start = manifest.location.strip("/")
    start = f"{start}/" if start else ""
    sizes = {key.removeprefix(start): listed.size for key, listed in manifest.outputs.items()}
    outputs = [
        Output(name, size, "does not open" if name in manifest.faults else "") for name, size in sizes.items()
    ]
    good = len(counting(outputs, expected.least_bytes, expected.necessary))
    if good >= expected.files:
        return ""
    return f"{good} of its {len(outputs)} outputs count by today's settings, {expected.files} are expected"


def difference_of_outputs(manifest: Manifest, found: Mapping[str, Object]) -> str:
    """Say which output is not as the manifest lists it. `found`: what exists, by key."""
    gone = [key for key in manifest.outputs if key not in found]
    changed = [
        key
        for key, listed in manifest.outputs.items()
        if key in found and (found[key].size, found[key].etag) != (listed.size, listed.etag)
    ]
    return _said([(f"output {_name(key)} is gone") for key in gone] + _changed("output", changed))


def difference_of_inputs(manifest: Manifest, now: Mapping[str, str]) -> str:
    """Say which input is not what the job saw. `now`: ETags by address, as they are today."""
    then = manifest.inputs
    new = [f"input {_name(key)} is new" for key in sorted(now.keys() - then.keys())]
    gone = [f"input {_name(key)} is gone" for key in sorted(then.keys() - now.keys())]
    both = sorted(then.keys() & now.keys())
    return _said(_changed("input", [key for key in both if then[key] != now[key]]) + new + gone)


def _changed(what: str, keys: Iterable[str]) -> list[str]:
    return [f"{what} {_name(key)} changed" for key in keys]


def _name(key: str) -> str:
    return key.rpartition("/")[2]


def _said(differences: list[str]) -> str:
    if len(differences) < 2:
        return "".join(differences)
    return f"{differences[0]}, and {len(differences) - 1} more"
