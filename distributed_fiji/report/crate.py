"""What was run, as a Process Run Crate: `ro-crate-metadata.json`, which repositories and tools read. Pure.

RO-Crate 1.1 (https://w3id.org/ro/crate/1.1) and Process Run Crate 0.5 (https://w3id.org/ro/wfrun/process/0.5).
The run as a whole is one action: an action for each job would have no bound. Jobs are in `wells.csv`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

from distributed_fiji import VERSION
from distributed_fiji.report.tally import Tally
from distributed_fiji.report.wording import JobCounts, methods, verdict
from distributed_fiji.state.record import Run, without_secrets
from worker.contract.text import shown

#: The document's file, which is its entity's name as well, and the names of what every document has.
DESCRIPTOR = "ro-crate-metadata.json"
ROOT, ACTION, FIJI, OURS = "./", "#run", "#fiji", "#distributed-fiji"
PROCESS = "https://w3id.org/ro/wfrun/process/0.5"
CRATE = "https://w3id.org/ro/crate/1.1"

Entity = dict[str, Any]


def crate_of(run: Run, tally: Tally, counts: JobCounts, files: Sequence[str], now: float) -> Entity:
    """Return the document. `files`: those of the report, beside it; `now`: seconds since 1970."""
    graph = [*_descriptor(), _root(run, tally, counts, files, now), *_files(files)]
    graph += [_action(run, tally, counts, now), *_instruments(run, tally), *_parameters(tally)]
    graph += _outputs(run)
    return {"@context": f"{CRATE}/context", "@graph": [_cleaned(entity) for entity in graph]}


def _descriptor() -> Iterator[Entity]:
    yield {
        "@id": DESCRIPTOR,
        "@type": "CreativeWork",
        "conformsTo": {"@id": CRATE},
        "about": {"@id": ROOT},
    }
    yield {"@id": PROCESS, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"}


def _root(run: Run, tally: Tally, counts: JobCounts, files: Sequence[str], now: float) -> Entity:
    return {
        "@id": ROOT,
        "@type": "Dataset",
        "name": f"Run of {run.app_name}",
        "description": methods(run, tally, counts),
        "datePublished": _time(now),
        "license": "The owner of the data decides; no license is given here.",
        "conformsTo": {"@id": PROCESS},
        "hasPart": _references([*files, *_places(run)]),
        "mentions": {"@id": ACTION},
    }


def _files(files: Sequence[str]) -> Iterator[Entity]:
    kinds = {"html": "text/html", "csv": "text/csv"}
    for name in files:
        yield {"@id": name, "@type": "File", "name": name, "encodingFormat": kinds[name.rpartition(".")[2]]}


def _action(run: Run, tally: Tally, counts: JobCounts, now: float) -> Entity:
    """Return the run: what did it, with what, from when to when, and whether all of it was done."""
    all_done = counts.done == counts.submitted and counts.done > 0
    status = "Completed" if all_done else "Failed" if counts.over else "Active"
    action: Entity = {
        "@id": ACTION,
        "@type": "CreateAction",
        "name": f"{counts.submitted} jobs of {run.app_name}",
        "description": verdict(counts),
        "instrument": {"@id": script_id(run)},
        "object": _references(_named(name) for name in tally.shared),
        "result": _references(_places(run)),
        "actionStatus": {"@id": f"http://schema.org/{status}ActionStatus"},
    }
    if run.started:
        action["startTime"] = _time(run.started)
    if tally.ended:
        action["endTime"] = _time(max(tally.ended))
    if not all_done and counts.over:
        action["error"] = verdict(counts)
    return action


def script_id(run: Run) -> str:
    """Return how the script is called in the document: its address, or its name where it has none."""
    where = shown(without_secrets(run.script))
    return quote(where, safe=":/@") if "://" in where else f"#{quote(where)}"


def _instruments(run: Run, tally: Tally) -> Iterator[Entity]:
    """Yield the script, the FIJI that ran it, and what distributed it."""
    versions = {name: list(values) for name, values in tally.made_with.items()}
    script = script_id(run)
    yield {
        "@id": script,
        "@type": "SoftwareApplication",
        "name": without_secrets(run.script).rpartition("/")[2],
        "identifier": f"sha256:{run.script_sha256}" if run.script_sha256 else run.script,
        "softwareRequirements": _references([FIJI, OURS]),
        **({"url": script} if "://" in script else {}),
        **({"version": f"sha256:{run.script_sha256}"} if run.script_sha256 else {}),
    }
    yield {
        "@id": FIJI,
        "@type": "SoftwareApplication",
        "name": "Fiji",
        "url": "https://fiji.sc",
        "softwareVersion": "; ".join(f"{name} {', '.join(met)}" for name, met in versions.items())
        or "not known",
        "identifier": f"{run.image}{f'@{run.image_digest}' if run.image_digest else ''}",
    }
    yield {
        "@id": OURS,
        "@type": "SoftwareApplication",
        "name": "Distributed-FIJI",
        "softwareVersion": VERSION,
    }


def _parameters(tally: Tally) -> Iterator[Entity]:
    for name, values in tally.shared.items():
        yield {
            "@id": _named(name),
            "@type": "PropertyValue",
            "name": name,
            "value": "; ".join(value for value, _ in values.most_common()),
        }


def _outputs(run: Run) -> Iterator[Entity]:
    for place in _places(run):
        yield {"@id": place, "@type": "Dataset", "name": "outputs of jobs"}


def _places(run: Run) -> list[str]:
    places = run.output_locations or ("",)
    return [
        f"s3://{run.destination_bucket}/{quote(shown(place.strip('/')))}".rstrip("/") + "/"
        for place in places
    ]


def _named(parameter: str) -> str:
    return f"#parameter-{quote(shown(parameter))}"


def _references(names: Any) -> list[Entity]:
    return [{"@id": name} for name in names]


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds")


def _cleaned(value: Any) -> Any:
    """Return a value whose texts hold no control characters and no queries of addresses."""
    if isinstance(value, dict):
        return {name: _cleaned(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_cleaned(one) for one in value]
    return without_secrets(shown(value)) if isinstance(value, str) else value
