"""How many jobs `submitJob --bundle` puts into a message, and how many jobs wait in a queue of bundles."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from distributed_fiji.aws.refusals import is_denied
from distributed_fiji.commands.commandline import CHECKOUT, Context
from distributed_fiji.commands.costmodel import Workload
from distributed_fiji.commands.workload import find_script_hash, find_workload
from distributed_fiji.errors import InvalidInput
from distributed_fiji.monitor.jobcount import JobCount
from distributed_fiji.names import role_name
from distributed_fiji.settings import Settings
from distributed_fiji.state.jobids import LastSubmitted
from distributed_fiji.state.jobstate import JobState
from distributed_fiji.state.record import new_run
from distributed_fiji.state.submissions import Submission
from worker.contract.bundles import MOST_JOBS

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_s3 import S3Client

#: Seconds that a bundle may last, and how many there are for each task at least: so that no task is without
#: one while others have several, and the last ones end at about the same time.
LONGEST_SECONDS, BUNDLES_A_TASK = 90.0, 4


def find_bundle(context: Context, settings: Settings, s3: S3Client, jobs: int, asked: str | None) -> int:
    """Return how many jobs share a message; for auto, say why. `asked`: auto, a number, or None."""
    if asked != "auto":
        return int(asked or 1)
    script = find_script_hash(settings, context.config.parent)
    work = find_workload(settings, s3, CHECKOUT / "files", jobs, minutes=None, script=script)
    most, why = choose_bundle(jobs, settings.tasks, work)
    context.plan.append(why)
    context.terminal.note(why)
    return most


def check_workers_may_send(settings: Settings, iam: IAMClient) -> None:
    """Raise InvalidInput if a version of setup that knew no bundles made the workers' role.

    Workers could then not send on the jobs of a bundle that they cannot finish. A role that config.py names,
    or one that may not be read, is taken to be right.
    """
    if settings.given_role("task"):
        return
    name = role_name(settings.APP_NAME, settings.AWS_REGION, "task")
    try:
        granted = json.dumps(iam.get_role_policy(RoleName=name, PolicyName=name)["PolicyDocument"])
    except iam.exceptions.NoSuchEntityException:
        granted = ""
    except ClientError as error:
        if not is_denied(error):
            raise
        return
    if "sqs:SendMessage" not in granted:
        told = (
            f"--bundle: the role {name} does not let workers send jobs on, since an earlier version made it:"
            " run `python run.py setup`, and build the worker image again"
        )
        raise InvalidInput("No jobs were sent", [told])


def choose_bundle(jobs: int, tasks: int, work: Workload | None) -> tuple[int, str]:
    """Return how many jobs share a message, and a sentence that says why. `work`: None if unknown."""
    if work is None:
        return 1, (
            "Each job is sent alone, because nothing is known about how long one takes."
            " `python run.py rehearse JOB_FILE` measures some."
        )
    fit = int(LONGEST_SECONDS / max(work.seconds.high, 0.01))
    share = jobs // (tasks * BUNDLES_A_TASK)
    most = max(1, min(fit, share, MOST_JOBS))
    why = f"a job takes about {work.seconds.likely:.1f} s, says {work.source}"
    if share < min(fit, MOST_JOBS):
        why = f"there are {jobs:,}, and each of {tasks:,} tasks is to get {BUNDLES_A_TASK} messages"
    return most, (
        f"Up to {most} jobs share a message" if most > 1 else "Each job is sent alone"
    ) + f": {why}."


def jobs_left(settings: Settings, s3: S3Client, submissions: Sequence[Submission], messages: int) -> int:
    """Return how many jobs a queue holds: as many as messages, where each has one.

    Else they are those submitted and not done since, which may include dead letters.
    """
    if not messages or all(one.bundle == 1 for one in submissions):
        return messages
    known = LastSubmitted([one.job_ids for one in submissions], [one.submitted_at for one in submissions])
    count = JobCount(known, 0.0)
    for job, written in JobState(new_run(settings, started=0, run_id="", local=False), s3).manifests():
        count.add_manifest(job, written)
    return max(messages, count.missing)
