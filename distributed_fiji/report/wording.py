"""A run in sentences: its verdict, what was run, and a paragraph for the methods of a paper. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone

from distributed_fiji import VERSION
from distributed_fiji.monitor.result import counted
from distributed_fiji.report.spread import median
from distributed_fiji.report.tally import Tally
from distributed_fiji.state.record import Run, without_secrets

#: What of a manifest's versions is no version.
PLACES = ("script", "image", "worker")


@dataclass(frozen=True)
class JobCounts:
    """Jobs; `done`, `given_up`, `to_be_tried` and `open` add up to `submitted`.

    `unread`: finished jobs whose manifest could not be read. `causes`: groups of failures.
    """

    submitted: int
    done: int
    given_up: int
    to_be_tried: int
    open: int
    warned: int
    without_outputs: int
    unread: int
    causes: int
    over: bool


def verdict(counts: JobCounts) -> str:
    """Return in one sentence what became of a run."""
    if not counts.submitted:
        return "No job was submitted."
    all_of_them = counts.done == counts.submitted
    what = f"All {counts.done:,}" if all_of_them else f"{counts.done:,} of {counts.submitted:,}"
    said = f"{what} jobs are done"
    if counts.submitted == 1:
        said = f"The one job is {'' if all_of_them else 'not '}done"
    beside = [f"{counts.warned:,} with warnings"] if counts.warned else []
    beside += [f"{counts.without_outputs:,} without outputs"] if counts.without_outputs else []
    said += f" ({', '.join(beside)})" if beside else ""
    rest = [f"{counts.given_up:,} given up"] if counts.given_up else []
    rest += [f"{counts.to_be_tried:,} failed and to be tried again"] if counts.to_be_tried else []
    rest += [f"{counts.open:,} not finished"] if counts.open else []
    said += f"; {', '.join(rest)}" if rest else ""
    said += f", by {counted(counts.causes, 'cause')}" if counts.causes else ""
    return f"{said}." if counts.over or all_of_them else f"{said}. The run is not over."


def what_ran(run: Run, tally: Tally) -> Iterator[tuple[str, list[str]]]:
    """Yield names and values of what was run: those of the record, then those that manifests tell."""
    yield "Script", [run.script]
    yield "Script's SHA-256", [run.script_sha256]
    yield "Container image", [run.image]
    yield "Image's digest", [run.image_digest]
    for name, values in tally.made_with.items():
        met = [f"{value} ({counted(count, 'job')})" for value, count in values.most_common()]
        yield f"As workers say: {name}", met if len(values) > 1 else [next(iter(values))]
    yield "Machine types", list(run.machine_types)
    yield "Machines, tasks on each", [f"{run.machines}, {run.tasks_per_machine}"]
    yield "Attempts of a job", [str(run.job_retries)]
    yield "Region", [run.region]
    yield "Outputs", [f"s3://{run.destination_bucket}/{place}" for place in run.output_locations]
    yield "Distributed-FIJI", [VERSION]


def methods(run: Run, tally: Tally, counts: JobCounts) -> str:
    """Return a paragraph for the methods of a paper."""
    versions = {
        name: values.most_common(1)[0][0]
        for name, values in tally.made_with.items()
        if name not in PLACES and len(values) == 1
    }
    fiji = ", ".join(f"{name} {version}" for name, version in versions.items() if name != "FIJI")
    sha256 = f" (SHA-256 {run.script_sha256})" if run.script_sha256 else ""
    image = f"{run.image}{f' ({run.image_digest})' if run.image_digest else ''}"
    when, script = _when(run, tally), without_secrets(run.script).rpartition("/")[2]
    return (
        f"Images were processed by the script {script}{sha256} in Fiji"
        f"{f' ({fiji})' if fiji else ''}, in the container image {image}, distributed over"
        f" {'this machine' if run.local else f'AWS EC2 spot instances in {run.region}'} with Distributed-FIJI"
        f" {VERSION}{when}. Of {counted(counts.submitted, 'job')}, {counts.done} finished"
        f"{f', {counts.warned} of them with warnings' if counts.warned else ''};"
        f" a job took {_typical(tally)}."
    )


def _when(run: Run, tally: Tally) -> str:
    times = [run.started] if run.started else []
    times += [max(tally.ended)] if tally.ended else []
    days = [datetime.fromtimestamp(time, timezone.utc).strftime("%Y-%m-%d") for time in times]
    return f" on {' to '.join(dict.fromkeys(days))}" if days else ""


def _typical(tally: Tally) -> str:
    if not tally.seconds:
        return "an unknown time"
    return f"{median(tally.seconds):.1f} s (median)"
