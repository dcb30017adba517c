"""The steps of `rehearse`: choose jobs, run them for real, record what they took, forecast all jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from distributed_fiji.aws.clients import Clients
from distributed_fiji.aws.machinetypes import MachineType, read_machine_types
from distributed_fiji.clock import SystemClock
from distributed_fiji.commands import rehearsalreport as report
from distributed_fiji.commands.commandline import CHECKOUT, Context
from distributed_fiji.commands.configedit import apply_settings
from distributed_fiji.commands.jobinputs import check_inputs
from distributed_fiji.commands.lawfit import choose_jobs, fit_law, memory_bound
from distributed_fiji.commands.rehearsalruns import (
    BucketInputs,
    FolderInputs,
    own_cloud,
    run_here,
    run_on_machine,
)
from distributed_fiji.commands.scripts import Script, locate_script
from distributed_fiji.commands.suggest import Suggestion, candidates, suggest
from distributed_fiji.commands.trial import Tried
from distributed_fiji.errors import JOBS_FAILED, InvalidInput
from distributed_fiji.fleetfile import parse_fleet_file, read_fleet_file
from distributed_fiji.jobs import JobFile, read_job_file
from distributed_fiji.listedinputs import Input, ListedInputs
from distributed_fiji.rehearsals import rehearsal_location, rehearsal_settings
from distributed_fiji.settings import Settings
from distributed_fiji.state.rehearsal import Rehearsal, RehearsedJob, rehearsal_path, write_rehearsal

#: Dollars per GB leaving AWS (AWS price list, us-east-1).
TRAFFIC_GB = 0.09

#: config.py's own machine types, and others.
Types = tuple[Sequence[MachineType], Sequence[MachineType]]


@dataclass(frozen=True)
class Asked:
    """The options. `folder`: replaces SOURCE_BUCKET; None: the inputs are in S3."""

    jobs: int
    where: str
    folder: Path | None
    fleet: Path | None
    max_cost: float
    apply: bool


@dataclass(frozen=True)
class Chosen:
    """The jobs to rehearse: their places in the file, the bytes of all jobs in it, and their own inputs."""

    file: JobFile
    places: list[int]
    sizes: list[int]
    inputs: Mapping[Input, int]


def rehearse(context: Context, job_file: Path, wanted: Asked) -> int:
    """Rehearse a job file; return the exit code. Raises InvalidInput before anything is run."""
    settings, file = context.settings(), read_job_file(job_file)
    readable = settings.readable_buckets
    values = settings.DOWNLOAD_FILES or wanted.where == "local"
    check_inputs(file, str(job_file), source_bucket=settings.SOURCE_BUCKET, values=values, readable=readable)
    clients = None if wanted.folder else context.connect_for(settings)
    copies = wanted.where == "local" and not wanted.folder and not context.local
    chosen = _choose(
        settings, file, _source(settings, clients, wanted), wanted, TRAFFIC_GB if copies else 0.0
    )
    run = _on_machine if wanted.where == "cloud" else _here
    script, tried, types = run(context, settings, clients, chosen, wanted)
    jobs = report.rehearsed(file, chosen.places, chosen.sizes, tried)
    for line in report.failures(tried):
        context.terminal.warn(line)
    context.terminal.out.print(report.jobs_table(file, jobs))
    done = [job for job in jobs if job.exit == report.DONE]
    if not done:
        context.terminal.fail("No job was done, so nothing is known of the others.")
        return JOBS_FAILED
    machine = report.machine_of(tried) if wanted.where == "cloud" else ""
    rehearsal = _rehearsal(settings, job_file.name, script, machine, chosen, jobs)
    write_rehearsal(rehearsal_path(CHECKOUT / "files", settings.APP_NAME), rehearsal)
    for line in report.summary(rehearsal):
        context.terminal.say(line)
    suggestions = _suggestions(settings, jobs, chosen, types)
    context.terminal.out.print(report.suggestions_table(settings, suggestions))
    _apply(context, settings, suggestions, wanted, failed=len(jobs) - len(done))
    return JOBS_FAILED if len(done) < len(jobs) else 0


def _rehearsal(
    settings: Settings,
    job_file: str,
    script: Script,
    machine: str,
    chosen: Chosen,
    jobs: Sequence[RehearsedJob],
) -> Rehearsal:
    """Return the record, with the law of the jobs that were done."""
    done = [(job.input_bytes, job.total_seconds) for job in jobs if job.exit == report.DONE]
    return Rehearsal(
        app_name=settings.APP_NAME,
        job_file=job_file,
        script_sha256=script.sha256,
        finished=SystemClock().now(),
        machine=machine,
        total_jobs=len(chosen.sizes),
        total_bytes=sum(chosen.sizes),
        law=fit_law(done, chosen.sizes),
        jobs=tuple(jobs),
    )


def _source(settings: Settings, clients: Clients | None, wanted: Asked) -> BucketInputs | FolderInputs:
    if clients is not None:
        return BucketInputs(clients.s3)
    assert wanted.folder is not None
    if not wanted.folder.is_dir():
        raise InvalidInput("Nothing is rehearsed", [f"--folder {wanted.folder}: there is no such folder"])
    return FolderInputs(wanted.folder.resolve(), settings.SOURCE_BUCKET)


def _choose(
    settings: Settings, file: JobFile, source: BucketInputs | FolderInputs, wanted: Asked, per_gb: float
) -> Chosen:
    """List the inputs and choose jobs. Raises InvalidInput if there are no inputs, or they cost too much."""
    listed = ListedInputs(file, settings.SOURCE_BUCKET, source.list, values=True)
    sizes = [sum(listed.sizes(job).values()) for job in file]
    if listed.wanted and not any(sizes):
        where = wanted.folder or f"s3://{settings.SOURCE_BUCKET}/"
        raise InvalidInput("Nothing is rehearsed", [f"none of the jobs' inputs is in {where}"])
    places = choose_jobs(sizes, wanted.jobs)
    inputs = {place: size for job in file.part(places) for place, size in listed.sizes(job).items()}
    traffic = sum(inputs.values()) / 1e9 * per_gb
    if traffic > wanted.max_cost:
        problem = f"downloading their inputs costs about ${traffic:.2f}, more than --max-cost"
        raise InvalidInput("Nothing is rehearsed", [f"{problem}; take fewer jobs (-n), or --where cloud"])
    return Chosen(file, places, sizes, inputs)


def _here(
    context: Context, settings: Settings, clients: Clients | None, chosen: Chosen, wanted: Asked
) -> tuple[Script, list[Tried | None], Types]:
    """Run the jobs on an embedded cloud on this machine."""
    script = _script(context, settings, clients)
    inputs = [*chosen.inputs]
    if script.local_file is None and script.url.startswith("s3://"):
        inputs.append(Input(*script.url.removeprefix("s3://").split("/", 1)))
    note = context.terminal.note
    note(f"Running {len(chosen.places)} of {len(chosen.sizes):,} jobs on this machine, one after another")
    with own_cloud(settings, {one.bucket for one in inputs}, note) as here:
        source = _source(settings, clients, wanted)
        part = chosen.file.part(chosen.places)
        tried = run_here(settings, here, (script, part), inputs, source, note)
        return script, [*tried], _types(here, settings)


def _on_machine(
    context: Context, settings: Settings, clients: Clients | None, chosen: Chosen, wanted: Asked
) -> tuple[Script, list[Tried | None], Types]:
    """Run the jobs on one machine of the real type."""
    assert clients is not None
    own = rehearsal_settings(settings, wanted.max_cost, len(chosen.places))
    part = chosen.file.part(chosen.places, rehearsal_location(settings.APP_NAME))
    fleet = read_fleet_file(wanted.fleet) if wanted.fleet else parse_fleet_file({}, "rehearsal")
    script = _script(context, settings, clients)
    what = f"{len(chosen.places)} of {len(chosen.sizes):,} jobs as {own.APP_NAME}, on one machine"
    context.terminal.note(f"Running {what}, for at most ${wanted.max_cost:g}; Ctrl-C ends it")
    name = f"{settings.APP_NAME}.rehearsal"
    tried = run_on_machine(context, own, clients, (name, part), fleet)
    return script, tried, _types(clients, settings)


def _script(context: Context, settings: Settings, clients: Clients | None) -> Script:
    script, problems = locate_script(settings, clients.s3 if clients else None, context.config.parent)
    if script is None:
        raise InvalidInput("config.py cannot be used", problems)
    return script


def _types(clients: Clients, settings: Settings) -> Types:
    """Return the machine types of config.py and others to compare with them; none if they are unknown."""

    def known(names: list[str]) -> list[MachineType]:
        with suppress(InvalidInput):
            return read_machine_types(clients.ec2, names)[0] or []
        return []

    own = known(settings.MACHINE_TYPE)
    return own, known(candidates(own)) if own else []


def _suggestions(
    settings: Settings, jobs: Sequence[RehearsedJob], chosen: Chosen, types: Types
) -> list[Suggestion]:
    done = [job for job in jobs if job.exit == report.DONE]
    bound = memory_bound([(job.input_bytes, job.peak_memory_mb) for job in done], chosen.sizes)
    if any(job.exit == report.OUT_OF_MEMORY for job in jobs):
        bound = max(bound, 1.5 * settings.MEMORY)
    most = (max(chosen.sizes), max(job.output_bytes for job in done))
    return suggest(settings, done, bound, most, min(job.files for job in done), types)


def _apply(
    context: Context, settings: Settings, suggestions: Sequence[Suggestion], wanted: Asked, failed: int
) -> None:
    """Write changed settings into config.py if asked to and no job failed; say what to do next."""
    terminal = context.terminal
    changed = {one.name: one.value for one in suggestions if getattr(settings, one.name) != one.value}
    if not changed:
        terminal.note("config.py has all of this already.")
    elif not wanted.apply:
        terminal.note("--apply writes this into config.py.")
    elif failed:
        terminal.warn(f"config.py is left as it is, because {failed} of the jobs failed.")
    else:
        apply_settings(context.config, changed)
        terminal.note(f"Wrote {', '.join(changed)} into config.py. Next: python run.py setup")
        if "MACHINE_TYPE" in changed:
            terminal.warn("MACHINE_PRICE is left as it is: see whether it fits the new MACHINE_TYPE")
