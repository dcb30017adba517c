"""Lowering a service ends workers that wait, and none that holds a job: real workers, as tasks."""

from __future__ import annotations

from distributed_fiji.local.state import DATA_PLANE
from tests.local.support import until
from tests.worker import harness
from tests.worker.harness import a_job, submit

#: The worker with the run's stand-in for FIJI instead of the cloud's.
WORKER = """
import os, sys
del os.environ["TEST_SCRIPT"]
os.environ["FIJI_HOME"] = "{fiji}"
os.execv(sys.executable, [sys.executable, "-m", "worker"])
"""


def protected(deployment) -> set[str]:
    found = deployment.ecs.get_task_protection(cluster=deployment.name)["protectedTasks"]
    return {item["taskArn"] for item in found if item["protectionEnabled"]}


def test_lowering_a_service_ends_no_worker_that_holds_a_job(deploy, cloud, tmp_path):
    with harness.a_run(harness.connect(cloud.url(DATA_PLANE), cloud.state.key), tmp_path) as run:
        environment = {**harness.environment(run), **cloud.environment()}
        variables = [{"name": name, "value": value} for name, value in environment.items()]
        deployment = deploy(WORKER.format(fiji=run.fiji_home), environment=variables, cpu=512, memory=1000)
        deployment.start_fleet()
        workers = {task["taskArn"] for task in deployment.scale(4)}
        for worker in workers:
            until(lambda worker=worker: any("waits for jobs" in line for line in deployment.log(worker)))
        jobs = [a_job(number, sleep=3) for number in range(2)]
        submit(run, jobs)
        at_work = until(lambda: protected(deployment) if len(protected(deployment)) == 2 else None)

        deployment.ecs.update_service(cluster=deployment.name, service=deployment.name, desiredCount=0)
        for idle in workers - at_work:
            deployment.stopped(idle)

        assert {task["taskArn"] for task in deployment.tasks()} == at_work
        harness.wait_until_settled(run)
        harness.check_done(run, jobs)
        assert [harness.manifest(run, job)["attempt"] for job in jobs] == [1, 1]
        until(lambda: not deployment.tasks(), "the end of the workers that are idle now")
