"""Inventory and cleanup on emulators: everything of one app by name alone, and nothing of any other."""

from __future__ import annotations

import time

import pytest

from distributed_fiji.aws.clients import Clients
from distributed_fiji.commands.cleanup import cleanup, read_keep
from distributed_fiji.commands.inventory import as_documents, inventory
from distributed_fiji.errors import InvalidInput
from distributed_fiji.janitor.install import install_janitor
from distributed_fiji.state.openruns import list_open_runs
from tests.monitor.builders import ARun, EmulatedSession, SteppedClock, a_run, some_jobs
from tests.monitor.screen import KEPT, Screen, a_round, clean, kinds, watch

#: Everything that a run can have.
ALL_KINDS = KEPT | {
    "alarm",
    "cluster",
    "dashboard",
    "fleet",
    "launch template",
    "machine",
    "queue",
    "service",
    "task",
    "task definition",
}


def a_full_run(clients: Clients, app: str) -> ARun:
    """Return a run with one thing of every kind at least."""
    run = a_run(clients, app)
    run.submit(some_jobs(3))
    machine = run.machines()[0]
    run.join(machine)
    clients.cloudwatch.put_metric_alarm(
        AlarmName=f"{app}-stuck-{machine}",
        ComparisonOperator="LessThanThreshold",
        EvaluationPeriods=1,
        MetricName="CPUUtilization",
        Namespace="AWS/EC2",
        Period=60,
        Statistic="Average",
        Threshold=1.0,
    )
    return run


def fingerprint(run: ARun) -> set[tuple[str, str]]:
    return {(item.kind, item.name) for item in inventory(run.clients, run.app)}


def test_everything_of_an_app_is_found_by_its_name_alone(clients: Clients, app: str) -> None:
    run = a_full_run(clients, app)

    assert kinds(run) == ALL_KINDS
    billing = {item.kind for item in inventory(clients, app) if item.bills}
    assert billing == {"fleet", "machine", "alarm", "dashboard", "service"}


def test_cleanup_removes_everything_but_logs_and_results_and_proves_it(clients: Clients, app: str) -> None:
    run = a_full_run(clients, app)

    code, screen = clean(clients, app, on_sleep=run.report_stopped_tasks)

    assert code == 0
    assert kinds(run) == {"log group", "results"}
    assert "by the second" in screen.text
    assert f"no resources of {app} remain" in screen.text


def test_cleanup_that_keeps_nothing_leaves_the_outputs_alone(clients: Clients, app: str) -> None:
    run = a_full_run(clients, app)
    run.finish("0123456789abcdef")
    clients.s3.put_object(Bucket=run.bucket, Key="out/W00001/cells.csv", Body=b"1")

    code, _ = clean(clients, app, keep=(), on_sleep=run.report_stopped_tasks)

    assert code == 0
    assert kinds(run) == set()
    keys = [item["Key"] for item in clients.s3.list_objects_v2(Bucket=run.bucket)["Contents"]]
    assert keys == ["out/W00001/cells.csv"]


def test_cleanup_that_is_answered_no_changes_nothing_and_says_that_it_bills(
    clients: Clients, app: str
) -> None:
    run = a_full_run(clients, app)
    before = fingerprint(run)
    screen, clock = Screen(), SteppedClock(time.time())

    code = cleanup(clients, app, confirm=lambda _: False, clock=clock, out=screen.terminal)

    assert code == 4
    assert fingerprint(run) == before


def test_cleanup_of_an_app_of_which_nothing_is_there_is_done(clients: Clients, app: str) -> None:
    code, screen = clean(clients, app)

    assert code == 0
    assert f"No resources of {app}" in screen.text


def test_what_cannot_be_removed_is_named_with_its_reason_and_exit_4(clients: Clients, app: str) -> None:
    a_full_run(clients, app)
    role = f"{app}-us-east-1-fiji-task"
    clients.iam.create_instance_profile(InstanceProfileName=f"{app}-of-another")
    clients.iam.add_role_to_instance_profile(InstanceProfileName=f"{app}-of-another", RoleName=role)

    code, screen = clean(clients, app)

    assert code == 4
    assert role in screen.out.getvalue().partition("Left:")[2]
    assert "DeleteConflict" in screen.text or "instance profile" in screen.err.getvalue()


@pytest.mark.parametrize("ending", ["cleanup", "monitor"])
def test_apps_whose_names_contain_each_other_never_touch_each_other(
    clients: Clients, app: str, ending: str
) -> None:
    longer = [a_full_run(clients, name) for name in (f"{app}Task", f"My{app}")]
    before = [fingerprint(run) for run in longer]
    run = a_full_run(clients, app)

    if ending == "cleanup":
        clean(clients, app)
    else:
        run.work_off(3)
        watch(run, run.report_stopped_tasks)

    assert not {item.kind for item in inventory(clients, app) if item.bills}
    assert [fingerprint(run) for run in longer] == before


@pytest.mark.parametrize("ending", ["cleanup", "monitor", "janitor"])
def test_an_app_of_the_same_name_in_another_region_is_not_touched_though_it_shares_the_bucket(
    session: EmulatedSession, clients: Clients, app: str, ending: str
) -> None:
    elsewhere = Clients(EmulatedSession(session.control, session.data, "eu-west-1"))
    run = a_full_run(clients, app)
    far = a_run(elsewhere, app, bucket=run.bucket)
    for one in (run, far):
        install_janitor(one.clients, one.record, SteppedClock(time.time()))
    far.submit(some_jobs(2))
    before = fingerprint(far)

    if ending == "cleanup":
        assert clean(clients, app, on_sleep=run.report_stopped_tasks)[0] == 0
    else:
        run.work_off(3)
        if ending == "monitor":
            watch(run, run.report_stopped_tasks)
        else:
            assert a_round(run) == []

    assert not {item.kind for item in inventory(clients, app) if item.bills}
    assert fingerprint(far) == before
    assert len(list_open_runs(elsewhere.s3, far.bucket, app, "eu-west-1")) == 1


def test_a_cluster_that_another_app_uses_stays_and_is_not_counted_as_left(clients: Clients, app: str) -> None:
    run = a_full_run(clients, app)
    guest = a_run(clients, f"{app}Guest", cluster=run.record.cluster)

    assert clean(clients, app)[0] == 0

    assert "service" in kinds(guest)


def test_the_inventory_of_all_apps_names_each(session: EmulatedSession, app: str) -> None:
    clients = Clients(EmulatedSession(session.control, session.data, "eu-central-1"))
    a_full_run(clients, app)
    a_full_run(clients, f"{app}b")

    items = inventory(clients, None)

    assert {item.app for item in items} == {app, f"{app}b"}
    documents = [item for item in as_documents(items) if item["app"] == app]
    assert {item["kind"] for item in documents} == ALL_KINDS
    assert all(item["costs"] for item in documents)


def test_keep_names_what_can_be_kept() -> None:
    assert read_keep("logs, results") == ("logs", "results")
    assert read_keep("") == ()
    with pytest.raises(InvalidInput, match="queues"):
        read_keep("logs,queues")
