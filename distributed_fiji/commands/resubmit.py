"""`resubmit`: send only those jobs of a job file that are not done, or whose results are no longer valid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from distributed_fiji.aws.clients import Clients, pages
from distributed_fiji.clock import Clock
from distributed_fiji.commands.scripts import NoScript, read_script
from distributed_fiji.commands.submit import Manner, submit_job
from distributed_fiji.jobs import BRACES, JobFile
from distributed_fiji.review.facts import DoneJob, Facts
from distributed_fiji.review.parallel import Read
from distributed_fiji.settings import Settings
from distributed_fiji.state.jobids import JobSet
from distributed_fiji.state.jobstate import JobState
from distributed_fiji.state.record import new_run
from distributed_fiji.terminal import Terminal
from worker.contract.jobs import Job
from worker.contract.scripts import NotAScript


@dataclass(frozen=True)
class Resubmitted:
    """How many jobs were sent, and how many are done."""

    sent: int
    left_out: int


def resubmit(
    settings: Settings,
    clients: Clients,
    file: tuple[str, JobFile],
    read: Read,
    clock: Clock,
    terminal: Terminal,
    manner: Manner,
) -> Resubmitted:
    """Send the jobs of a file that are not done. Raises NothingThere, NotSent and InvalidInput."""
    name, jobs = file
    run = new_run(settings, started=0, run_id="", local=False)
    known = JobSet.of(jobs.job_ids)
    standing = {job for job, _ in JobState(run, clients.s3).manifests() if job in known}
    sha256 = _script_sha256(settings, clients, manner, terminal)
    found = _outputs(settings, clients, jobs) if standing else {}
    manifests = {one.job_id: one for one in Facts(run, read, clients.s3).done(standing)}
    done = {
        job.job_id
        for job in jobs
        if (manifest := manifests.get(job.job_id))
        and holds(manifest, job, sha256, settings.DESTINATION_BUCKET, found)
    }
    left = [place for place, job in enumerate(jobs.job_ids) if job not in done]
    if not left:
        return Resubmitted(0, len(done))
    sent = submit_job(settings, clients, (name, jobs.part(left)), clock, terminal, manner).sent
    return Resubmitted(sent, len(done))


def holds(manifest: DoneJob, job: Job, sha256: str, destination: str, found: Mapping[str, int]) -> bool:
    """Whether a job is still done, as far as can be seen from here. `found`: bytes of outputs, by key.

    Workers compare more (docs/worker.md), so they may redo jobs that count as done here. But no job counts as
    done if its outputs are missing.
    """
    same = manifest.destination == destination and manifest.patterns == job.inputs
    made_so = not sha256 or manifest.script_sha256 == sha256
    return same and made_so and all(found.get(key) == size for key, size in manifest.outputs.items())


def _script_sha256(settings: Settings, clients: Clients, manner: Manner, terminal: Terminal) -> str:
    """Return the hash of today's script; '', with a warning, if it cannot be read."""
    try:
        return read_script(settings, clients.s3, manner.folder).sha256
    except (NoScript, NotAScript, OSError) as error:
        terminal.warn(f"Whether the script has changed is not known, as it cannot be read: {error}")
        return ""


def _outputs(settings: Settings, clients: Clients, jobs: JobFile) -> dict[str, int]:
    """Return the bytes of all objects where the jobs' outputs may be, by key."""
    prefix = BRACES.split(jobs.template.output_file_location)[0].lstrip("/")
    found: Iterable[Mapping[str, int | str]] = pages(
        clients.s3, "list_objects_v2", "Contents", Bucket=settings.DESTINATION_BUCKET, Prefix=prefix
    )
    return {str(item["Key"]): int(item["Size"]) for item in found}
