"""What submitJob finds out about jobs before it sends any: their script, their inputs, their places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from distributed_fiji.aws.clients import Clients
from distributed_fiji.checks.parameters import answer_findings, declared_parameters, parameter_findings
from distributed_fiji.checks.places import doubts_about_places
from distributed_fiji.commands.datacosts import listing_doubts
from distributed_fiji.commands.scripts import NoScript, Script, read_script
from distributed_fiji.findings import Finding, doubts
from distributed_fiji.jobs import JobFile, answers_of, metadata_of, paths_of
from distributed_fiji.settings import Settings
from worker.contract.paths import FixedPath, find_fixed_paths, warnings_of_paths
from worker.contract.questions import find_questions
from worker.contract.scripts import NotAScript


def look_at_jobs(
    settings: Settings, clients: Clients, jobs: JobFile, folder: Path, script: Script | None = None
) -> list[Finding]:
    """Return what is to be said of jobs before they are sent. `folder`: that of a relative script.

    `script`: where it was read already. One at a web address is not asked for again: it may take its time,
    and setup has looked at it.
    """
    is_far = settings.SCRIPT_DOWNLOAD_URL.lower().startswith(("http://", "https://"))
    script = script or (None if is_far else _find_script(settings, clients, folder))
    places = doubts_about_places(jobs, settings.SOURCE_BUCKET, settings.DESTINATION_BUCKET)
    return [
        *doubts("job-file", _doubles(jobs)),
        *doubts("job-file", jobs.warnings),
        *doubts("outputs", places),
        *(script_findings(script, jobs) if script else []),
        *doubts("inputs", listing_doubts(clients.s3, settings.SOURCE_BUCKET, jobs)),
    ]


def _find_script(settings: Settings, clients: Clients, folder: Path) -> Script | None:
    try:
        return read_script(settings, clients.s3, folder)
    except (NoScript, NotAScript, OSError):
        return None


def _doubles(jobs: JobFile) -> Iterator[str]:
    for first, again in jobs.duplicates[:20]:
        yield f"groups {first} and {again} are the same job, which is sent once"
    if len(jobs.duplicates) > 20:
        yield f"and {len(jobs.duplicates) - 20} more groups are duplicates"


def script_findings(script: Script, jobs: JobFile) -> list[Finding]:
    """Return what does not fit between the jobs' metadata and answers and the script."""
    declared = declared_parameters(script.text)
    names = {parameter.name for parameter in declared}
    groups = [
        metadata_of(group) | {key: value for key, value in answers_of(group).items() if key in names}
        for group in jobs.groups
    ]
    answers = [
        *jobs.template.answers.items(),
        *(item for group in jobs.groups for item in answers_of(group).items()),
    ]
    shared = jobs.template.shared_metadata | jobs.template.answers
    return [
        *parameter_findings(declared, shared, groups),
        *answer_findings(answers, declared, find_questions(script.text)),
        *doubts("script", path_doubts(find_fixed_paths(script.text, script.ending), jobs)),
    ]


def path_doubts(fixed: Sequence[FixedPath], jobs: JobFile) -> list[str]:
    """Return a warning for each whole path in the script that some job leads nowhere."""
    shared = jobs.template.paths
    ways = {tuple(sorted({*shared, *paths_of(group)})) for group in jobs.groups} if fixed else set()
    return list(dict.fromkeys(line for folders in sorted(ways) for line in warnings_of_paths(fixed, folders)))
