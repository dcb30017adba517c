"""A worker's AWS calls, as a proxy sees them, are what its role's policy allows: all of it, and no more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from distributed_fiji.aws.documents import service
from distributed_fiji.aws.policies import task_grants, task_policy
from distributed_fiji.settings import Settings, parse_settings
from tests import emulators
from tests.policy.calls import Call, Place, needs
from tests.policy.evaluator import allowed
from tests.policy.recorder import Recorder, recording
from tests.worker import harness
from tests.worker.ecs_agent import Agent
from tests.worker.harness import Run, a_job, submit
from worker.contract.bundles import bundled
from worker.contract.jobs import APP_TAG, encode_message
from worker.storage.bulk import LARGE

#: The account of ministack's queues.
ACCOUNT = "000000000000"


def settings_of(run: Run) -> Settings:
    settings, _ = parse_settings(
        {
            "APP_NAME": run.app_name,
            "AWS_BUCKET": run.bucket,
            "SOURCE_BUCKET": f"{run.bucket}-source",
            "SQS_QUEUE_NAME": run.app_name,
            "SCRIPT_DOWNLOAD_URL": f"s3://{run.bucket}/scripts/script.py",
            "ECS_CLUSTER": "PolicyCluster",
        }
    )
    return settings


def work(run: Run, recorder: Recorder, agent: Agent) -> None:
    """Make workers do everything they can: few and many files, in and out, parts, failures, skips, refusals.

    The parts of large uploads are refused, so that these are aborted.
    """
    settings = settings_of(run)
    recorder.refuse = lambda call: call.operation == "UploadPart"
    run.cloud.s3.create_bucket(Bucket=settings.SOURCE_BUCKET)
    for number in range(30):
        run.cloud.s3.put_object(Bucket=settings.SOURCE_BUCKET, Key=f"plate/{number}.txt", Body=b"image")
    run.cloud.logs.create_log_group(logGroupName=settings.LOG_GROUP_NAME)
    many = a_job(1, files=30, inputs=["plate/*"])
    submit(run, [many, a_job(2, fail="script_error"), "no job", a_job(3, inputs=["plate/missing.txt"])])
    submit(run, [a_job(4, files=1, bytes=LARGE + 1)])
    bodies = [(job.job_id, encode_message(job)) for job in (a_job(6, fail="script_error"), a_job(7))]
    submit(run, [bundle for _, bundle in bundled(bodies, most=2)])
    outcomes = worked_off(run, settings, agent)
    submit(run, [many, a_job(5, files=2)])
    outcomes += worked_off(run, settings, agent, UPLOAD_FLAGS="--metadata made=here")
    assert outcomes.count("DONE") == 3
    assert set(outcomes) == {"DONE", "SKIPPED", "FAILED", "REJECTED"}


def worked_off(run: Run, settings: Settings, agent: Agent, **changes: object) -> list[str]:
    """Let a worker empty the queue; return the outcomes of its jobs."""
    names = {"SOURCE_BUCKET": settings.SOURCE_BUCKET, "LOG_GROUP_NAME": settings.LOG_GROUP_NAME}
    worker = harness.start_worker(run, JOB_RETRIES=1, **names, **agent.environment, **changes)
    harness.wait_until_settled(run)
    worker.stop()
    return [line["outcome"] for line in worker.lines()]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, list[Call], Place]]:
    """Workers' settings, their calls, and where they were made."""
    folder = tmp_path_factory.mktemp("policy")
    agent = Agent()
    with emulators.ministack(folder) as url, recording(url) as recorder:
        (folder / "run").mkdir()
        with harness.a_run(harness.connect(url), folder / "run", retries=1) as run:
            run.worker_endpoint = recorder.url
            work(run, recorder, agent)
            settings = settings_of(run)
    agent.close()
    # The agent calls ECS with the task's role; the service gives its tag to its tasks.
    assert service(settings, "definition")["propagateTags"] == "SERVICE"
    place = Place(settings.AWS_REGION, ACCOUNT, lambda _: {APP_TAG: settings.APP_NAME})
    protection = {"cluster": f"cluster/{settings.ECS_CLUSTER}", "tasks": ["0123"]}
    asked = [Call("ecs", "UpdateTaskProtection", protection) for _ in agent.asked]
    yield settings, [*recorder.calls, *asked], place


def test_every_call_of_a_worker_is_allowed_by_its_role(
    recorded: tuple[Settings, list[Call], Place],
) -> None:
    settings, calls, place = recorded
    policy = task_policy(settings, ACCOUNT)

    refused = {need for call in calls for need in needs(call, place) if not allowed(policy, need)}

    assert refused == set()
    assert len(calls) > 100


def test_every_action_of_a_workers_role_is_used(recorded: tuple[Settings, list[Call], Place]) -> None:
    settings, calls, place = recorded

    used = {need.action for call in calls for need in needs(call, place)}
    granted = {
        action for grant in task_grants(settings, ACCOUNT) if not grant.made_by for action in grant.actions
    }

    assert granted == used
