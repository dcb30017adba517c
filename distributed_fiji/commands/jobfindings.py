"""What submitJob checks about jobs before it sends any: their script, inputs and outputs."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distributed_fiji import plates
from distributed_fiji.aws.buckets import list_inputs, read_head
from distributed_fiji.aws.clients import Clients
from distributed_fiji.checks import inputs
from distributed_fiji.checks.fit import volume_findings
from distributed_fiji.checks.parameters import (
    answer_findings,
    declared_parameters,
    parameter_findings,
    unanswered_findings,
)
from distributed_fiji.checks.places import doubts_about_places
from distributed_fiji.commands.datacosts import listing_doubts
from distributed_fiji.commands.findings import asked
from distributed_fiji.commands.imagesources import nothing_there
from distributed_fiji.commands.scripts import NoScript, Script, read_script
from distributed_fiji.findings import Finding, doubts, unknowns
from distributed_fiji.jobs import JobFile, answers_of, metadata_of, paths_of
from distributed_fiji.listedinputs import ListedInputs, Need, TooMany
from distributed_fiji.monitor.result import counted
from distributed_fiji.settings import Settings
from distributed_fiji.state.statefiles import find_state
from worker.contract.jobs import manifest_key
from worker.contract.paths import FixedPath, find_fixed_paths, warnings_of_paths
from worker.contract.questions import find_questions
from worker.contract.scripts import NotAScript

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: How many jobs' manifests are read, and how many wells are named.
MOST_MANIFESTS, MOST_WELLS = 8, 12


def look_at_jobs(
    settings: Settings, clients: Clients, jobs: JobFile, folder: Path, script: Script | None = None
) -> list[Finding]:
    """Return findings about jobs before they are sent. `folder`: the base of a relative script.

    `script`: if it has been read already. One at a web address is not downloaded again, since that may be
    slow, and setup has checked it.
    """
    is_far = settings.SCRIPT_DOWNLOAD_URL.lower().startswith(("http://", "https://"))
    script = script or (None if is_far else _find_script(settings, clients, folder))
    places = doubts_about_places(jobs, settings.SOURCE_BUCKET, settings.DESTINATION_BUCKET)
    return [
        *doubts("job-file", _doubles(jobs)),
        *doubts("job-file", jobs.warnings),
        *doubts("outputs", places),
        *(fit_findings(settings, script, jobs) if script else []),
        *doubts("wells", _absent_wells(jobs)),
        *(asked("results", "Earlier results", lambda: look_at_results(settings, clients.s3, jobs, script))),
        *asked("inputs", "inputs: what is in the bucket", lambda: look_at_inputs(settings, clients.s3, jobs)),
    ]


def _find_script(settings: Settings, clients: Clients, folder: Path) -> Script | None:
    try:
        return read_script(settings, clients.s3, folder)
    except (NoScript, NotAScript, OSError):
        return None


def _doubles(jobs: JobFile) -> Iterator[str]:
    for first, again in jobs.duplicates[:20]:
        both = f"{jobs.groups.called(first)} and {jobs.groups.called(again)}"
        yield f"{both} are the same job, which is sent once"
    if len(jobs.duplicates) > 20:
        yield f"and {len(jobs.duplicates) - 20} more groups are duplicates"


def _absent_wells(jobs: JobFile) -> list[str]:
    """Report which wells have no job, if most of the wells in the file's range have one."""
    count, absent = plates.absent_wells(
        jobs.template.shared_metadata | metadata_of(group) for group in jobs.groups
    )
    if not count or count > len(jobs.groups) / 2:
        return []
    more = f" and {count - MOST_WELLS} more" if count > MOST_WELLS else ""
    return [f"groups: {counted(count, 'well')} without a job: {', '.join(islice(absent, MOST_WELLS))}{more}"]


def look_at_results(settings: Settings, s3: S3Client, jobs: JobFile, script: Script | None) -> list[Finding]:
    """Return whether there are results of another script, by a few jobs' manifests. Raises ClientError."""
    if script is None or not script.sha256:
        return []
    some = jobs.job_ids[:: -(-len(jobs.job_ids) // MOST_MANIFESTS)]
    made = [
        find_state(
            s3, settings.AWS_BUCKET, manifest_key(settings.APP_NAME, job), lambda it: str(it["script_sha256"])
        )
        for job in some
    ]
    others = sum(one not in (None, script.sha256) for one in made)
    line = f"{others} of {len(some)} jobs that were looked at have results of another script, and run again"
    return doubts("results", [line] if others else [])


def fit_findings(settings: Settings, script: Script, jobs: JobFile) -> list[Finding]:
    """Return how the jobs' metadata and answers do not fit the script."""
    declared = declared_parameters(script.text)
    names = {parameter.name for parameter in declared}
    shared = jobs.template.shared_metadata | jobs.template.answers
    answers, given = list(jobs.template.answers.items()), set(shared)

    def groups() -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the parameters of each group; note what else it has."""
        for number, group in jobs.groups.numbered():
            metadata, own = metadata_of(group), answers_of(group)
            answers.extend(own.items())
            given.update(metadata, own)
            as_parameters = {key: value for key, value in own.items() if key in names}
            yield jobs.groups.called(number), metadata | as_parameters if as_parameters else metadata

    seen = groups()
    misfits = parameter_findings(declared, shared, seen)
    deque(seen, maxlen=0)
    questions = find_questions(script.text)
    return [
        *misfits,
        *answer_findings(answers, declared, questions),
        *unanswered_findings(settings, given, questions),
        *doubts("script", path_doubts(find_fixed_paths(script.text, script.ending), jobs)),
    ]


def path_doubts(fixed: Sequence[FixedPath], jobs: JobFile) -> list[str]:
    """Return a warning for each full path in the script that some job does not redirect."""
    shared = jobs.template.paths
    ways = {tuple(sorted({*shared, *paths_of(group)})) for group in jobs.groups} if fixed else set()
    return list(dict.fromkeys(line for folders in sorted(ways) for line in warnings_of_paths(fixed, folders)))


def look_at_inputs(settings: Settings, s3: S3Client, jobs: JobFile) -> list[Finding]:
    """Return findings about the jobs' inputs, from a few listings. Raises ClientError."""
    if not jobs.may_have_inputs:
        return []
    lists = partial(list_inputs, s3)
    try:
        listed = ListedInputs(
            jobs, settings.SOURCE_BUCKET, lists, values=settings.DOWNLOAD_FILES, limits=inputs.LIMITS
        )
        looked = inputs.compare(jobs, listed)
    except TooMany as error:
        return unknowns("inputs", [f"inputs: {error}, which were not compared"])
    return [
        *inputs.input_findings(looked, lambda one: inputs.nearest(one, listed) or _beside(s3, one)),
        *asked("inputs-broken", "inputs: the beginning of TIFF files", lambda: look_into(s3, looked)),
        *volume_findings(settings, looked.largest),
        *doubts("inputs", listing_doubts(settings.SOURCE_BUCKET, jobs, listed.count)),
    ]


def _beside(s3: S3Client, wanted: Need) -> str:
    """Return what is in the first folder above an input that nothing begins like; '' if nothing is."""
    bucket, start, _ = wanted.places[0]
    return nothing_there(s3, bucket, start)[-1]


def look_into(s3: S3Client, looked: inputs.Compared) -> list[Finding]:
    """Return which of the chosen TIFF files do not begin as TIFF. Raises ClientError."""
    broken = [
        (number, f"s3://{bucket}/{key}")
        for number, bucket, key, size in looked.heads
        if not inputs.is_tiff(read_head(s3, bucket, key, inputs.HEAD_BYTES), size)
    ]
    return [inputs.lack("inputs-broken", broken, len(looked.heads))] if broken else []
