"""The monitor on emulators: a run is watched to its end and taken down."""

from __future__ import annotations

import gzip
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from distributed_fiji.aws.clients import Clients
from distributed_fiji.aws.deadletters import read_dead_letters
from distributed_fiji.aws.queues import messages_left, queue_attributes
from distributed_fiji.aws.telemetry import read_alarms
from distributed_fiji.monitor.lastwords import read_lines
from distributed_fiji.monitor.observe import Observer
from distributed_fiji.state.jobstate import JobState
from tests.monitor.builders import ARun, EmulatedSession, a_run, some_jobs
from tests.monitor.captive import captive
from tests.monitor.screen import KEPT, kinds, watch
from worker.contract.jobs import WARNINGS, WITHOUT_OUTPUTS, marker_key

#: How much longer than asked for the waits of a long end last.
SLOW = 10


def observer(run: ARun) -> Observer:
    return Observer(run.record, run.clients)


def test_a_run_is_watched_to_its_end_and_nothing_that_bills_is_left(clients: Clients, app: str) -> None:
    run = a_run(clients, app)
    run.submit(some_jobs(3))

    def work() -> None:
        if messages_left(clients.sqs, run.record.queue_name):
            run.work_off()

    result, screen = watch(run, work)

    assert result.exit_code == 0
    assert result.done == 3
    assert kinds(run) == KEPT
    assert "3 jobs done" in screen.out.getvalue()
    assert f"s3://{run.bucket}/" in screen.out.getvalue()


def test_a_dead_letter_ends_the_run_with_exit_3_its_reason_and_its_queue_kept(
    clients: Clients, app: str
) -> None:
    run = a_run(clients, app)
    run.submit(some_jobs(2))
    run.work_off()
    run.give_up(reported="the macro called exit('no image')")

    result, screen = watch(run)

    assert (result.exit_code, result.done, result.dead) == (3, 1, 1)
    assert "no image" in screen.text
    assert run.record.dead_letter_queue in screen.text
    assert "`redrive`" in screen.out.getvalue()
    assert messages_left(clients.sqs, run.record.dead_letter_queue) == 1
    assert kinds(run) == KEPT | {"queue"}


@pytest.mark.parametrize("again", [False, True])
def test_an_interrupted_submission_is_named_until_its_jobs_are_submitted_again(
    clients: Clients, app: str, again: bool
) -> None:
    run, jobs = a_run(clients, app), some_jobs(3)
    run.submit(jobs, sent=False, at=time.time() - 1800, complete=False)
    if again:
        run.submit(jobs, sent=False)
    run.send(jobs[:2])

    def work() -> None:
        if messages_left(clients.sqs, run.record.queue_name):
            run.work_off()

    _, screen = watch(run, work, pace=SLOW)

    said = "submitJob was interrupted after about 2 of the 3 jobs of jobs.json: run" in screen.text
    assert said is not again


def test_a_dead_letter_that_no_worker_reported_is_recorded_as_a_failure(clients: Clients, app: str) -> None:
    run = a_run(clients, app)
    run.submit(some_jobs(1))
    job_id = run.give_up()

    _, screen = watch(run)

    state = JobState(run.record, clients.s3)
    assert list(state.failures()) == [job_id]
    assert "No worker reported a reason" in screen.text


def test_dead_letters_of_other_apps_in_a_shared_queue_are_not_counted_and_stay(
    clients: Clients, app: str
) -> None:
    run = a_run(clients, app)
    shared = clients.sqs.create_queue(QueueName=f"user_DeadMessages_{app}")["QueueUrl"]
    for number in range(3):
        clients.sqs.send_message(QueueUrl=shared, MessageBody=f"someone else's {number}")
    run.record = replace(run.record, dead_letter_queue=f"user_DeadMessages_{app}")
    run.submit(some_jobs(2))
    run.work_off(2)

    result, _ = watch(run)

    assert (result.exit_code, result.done, result.dead) == (0, 2, 0)
    assert messages_left(clients.sqs, f"user_DeadMessages_{app}") == 3


def test_hundreds_of_dead_letters_are_each_read_once_and_none_is_lost(clients: Clients, app: str) -> None:
    run = a_run(clients, app)
    jobs = some_jobs(250)
    run.submit(jobs, sent=False)
    for job in jobs:
        clients.sqs.send_message(QueueUrl=run.dead_url, MessageBody=f'{{"Metadata": {job.metadata!r}}}')
    letters = list(read_dead_letters(clients.sqs, run.dead_url, 250))

    assert len({letter.message_id for letter in letters}) == 250
    assert messages_left(clients.sqs, run.record.dead_letter_queue) == 250


def test_a_dead_letter_from_before_the_last_submission_does_not_end_its_job(
    clients: Clients, app: str
) -> None:
    run = a_run(clients, app)
    run.submit(some_jobs(1))
    run.give_up()
    look = observer(run)
    assert len(look.observe(time.time()).jobs.dead) == 1

    run.submit(some_jobs(1), at=time.time() + 600)

    assert not observer(run).observe(time.time()).jobs.dead


def test_what_an_earlier_run_has_done_is_not_done_before_this_one_has_looked_at_it(
    clients: Clients, app: str
) -> None:
    run = a_run(clients, app)
    first, second = some_jobs(2)
    run.finish(first.job_id)
    run.finish(second.job_id)
    run.submit([first, second], at=time.time() + 5)

    jobs = observer(run).observe(time.time()).jobs

    assert jobs.done == 0
    assert jobs.unaccounted == jobs.outdated == {first.job_id, second.job_id}


def test_a_job_that_was_given_up_is_given_up_though_an_earlier_run_had_done_it(
    clients: Clients, app: str
) -> None:
    run = a_run(clients, app)
    jobs = some_jobs(2)
    for job in jobs:
        run.finish(job.job_id)
    time.sleep(1.1)  # S3 tells times in whole seconds
    run.submit(jobs)
    run.work_off()
    run.give_up(reported="no focus plane found")

    result, screen = watch(run)

    assert (result.exit_code, result.done, result.dead) == (3, 1, 1)
    assert "no focus plane found" in screen.text
    assert f"  Well=W00001 (job {jobs[1].job_id}): no focus plane found" in screen.out.getvalue()
    assert "1 of the unfinished jobs still have outputs from an earlier run" in screen.out.getvalue()


def test_letters_are_shown_while_work_goes_on_and_alarms_that_cannot_be_read_hide_no_job(
    clients: Clients, app: str
) -> None:
    run = a_run(clients, app)
    run.submit(some_jobs(5))
    run.work_off()
    run.give_up(reported="no cells")
    look = observer(run)
    look.clients = Clients(clients._session)
    look.clients.cloudwatch.meta.events.register("before-send", _refuse)

    seen = look.observe(time.time())

    assert (seen.unread, seen.jobs.done, seen.jobs.gone_dead) == ("", 1, 1)
    assert seen.alarms == set(run.machines())


def _refuse(**_: Any) -> None:
    raise EndpointConnectionError(endpoint_url="the alarms")


def test_jobs_done_with_warnings_or_without_outputs_are_counted_apart(clients: Clients, app: str) -> None:
    run = a_run(clients, app)
    jobs = some_jobs(4)
    for kind, number, body in ((WARNINGS, 0, b"{}"), (WARNINGS, 1, b""), (WITHOUT_OUTPUTS, 2, b"{}")):
        key = marker_key(app, kind, jobs[number].job_id)
        clients.s3.put_object(Bucket=run.bucket, Key=key, Body=body)
    # One of an earlier run, whose job this run has not done.
    key = marker_key(app, WARNINGS, some_jobs(1, 9)[0].job_id)
    clients.s3.put_object(Bucket=run.bucket, Key=key, Body=b"{}")
    run.submit(jobs)
    run.work_off(4)

    result, screen = watch(run)

    assert (result.exit_code, result.done) == (0, 4)
    assert "4 of 4 (1 with warnings, 1 without outputs)" in screen.err.getvalue()
    assert "4 jobs done (1 with warnings, 1 without outputs), 0 given up" in screen.out.getvalue()
    assert f"s3://{run.bucket}/distributed-fiji/{app}/warnings/" in screen.out.getvalue()


def test_jobs_that_are_not_done_are_named_by_their_wells_and_all_of_them_in_a_file(
    clients: Clients, app: str, tmp_path: Path
) -> None:
    run = a_run(clients, app)
    jobs = some_jobs(9)
    run.submit(jobs)
    run.work_off(2)
    for number in range(4):
        run.give_up(reported=f"no cells, {number}")
    clients.sqs.purge_queue(QueueUrl=run.queue_url)
    listing = tmp_path / "notdone.tsv"

    result, screen = watch(run, listing=listing, pace=SLOW)

    assert (result.exit_code, result.done, result.dead, result.unaccounted) == (3, 2, 4, 3)
    lines = [line for line in screen.out.getvalue().splitlines() if line.startswith("  Well=W")]
    assert len(lines) == 5
    assert sum(": no cells, " in line for line in lines) == 4
    assert lines[4].endswith("): not finished")
    assert "and 2 more" in screen.out.getvalue()
    rows = [row.split("\t") for row in listing.read_text().splitlines()]
    assert rows[0] == ["job", "name", "what", "reason"]
    assert {row[1] for row in rows[1:]} == {f"Well=W{number:05}" for number in range(2, 9)}
    assert {row[0] for row in rows[1:]} <= {job.job_id for job in jobs}


def test_a_queue_that_is_gone_hides_no_job_that_was_not_done(clients: Clients, app: str) -> None:
    run = a_run(clients, app)
    created = queue_attributes(clients.sqs, run.record.queue_name)
    assert created
    run.record = replace(run.record, queue_created=created["CreatedTimestamp"])
    run.submit(some_jobs(3))
    run.work_off()
    clients.sqs.delete_queue(QueueUrl=run.queue_url)

    result, _ = watch(run)

    assert (result.exit_code, result.done, result.unaccounted) == (3, 1, 2)


def test_jobs_that_were_sent_to_an_earlier_queue_of_that_name_are_not_waited_for(
    clients: Clients, app: str
) -> None:
    run = a_run(clients, app)
    run.submit(some_jobs(5), sent=False, queue_created="1")
    run.submit(some_jobs(1), sent=False)

    assert len(observer(run).observe(time.time()).jobs.submitted) == 1


def test_the_workers_log_of_the_run_is_exported_compressed_and_no_jobs_console(
    clients: Clients, app: str
) -> None:
    run = a_run(clients, app)
    run.submit(some_jobs(1))
    run.work_off()
    group, now = run.record.machine_log_group, int(time.time() * 1000)
    for place, stream in ((group, "task1"), (group, "task2"), (run.record.log_group, "task1")):
        clients.logs.create_log_stream(logGroupName=place, logStreamName=stream)
        events = [{"timestamp": now + n, "message": f"{stream} line {n} µm"} for n in range(3)]
        clients.logs.put_log_events(logGroupName=place, logStreamName=stream, logEvents=events)

    watch(run)

    listed = clients.s3.list_objects_v2(Bucket=run.bucket, Prefix=f"exportedlogs/{app}/")["Contents"]
    assert [item["Key"].rpartition("/")[2] for item in listed] == [f"{group}.log.gz"]
    body = clients.s3.get_object(Bucket=run.bucket, Key=listed[0]["Key"])["Body"].read()
    lines = gzip.decompress(body).decode().splitlines()
    assert len(lines) == 6
    assert lines[0].split("\t")[1:] == ["task1", "task1 line 0 µm"]


def test_a_workers_last_lines_are_read_where_fijis_console_has_no_log_group(
    clients: Clients, app: str
) -> None:
    run = a_run(clients, app)
    group, event = run.record.machine_log_group, {"timestamp": int(time.time() * 1000), "message": "no FIJI"}
    clients.logs.create_log_stream(logGroupName=group, logStreamName="task")
    clients.logs.put_log_events(logGroupName=group, logStreamName="task", logEvents=[event])

    assert read_lines(clients.logs, replace(run.record, log_group=""), "task") == ["no FIJI"]


def test_log_groups_that_are_gone_do_not_stop_the_teardown(clients: Clients, app: str) -> None:
    run = a_run(clients, app)
    run.submit(some_jobs(1))
    run.work_off()
    clients.logs.delete_log_group(logGroupName=run.record.machine_log_group)

    result, _ = watch(run)

    assert result.exit_code == 0
    assert kinds(run) == KEPT


def test_machines_without_tasks_end_while_others_still_work(clients: Clients, app: str) -> None:
    run = a_run(clients, app, machines=3)
    run.submit(some_jobs(1))
    busy, *idle = run.machines()
    run.join(busy)
    for machine in idle:
        run.join(machine, tasks=0)
    clients.ecs.update_service(cluster=run.record.cluster, service=run.record.service, desiredCount=1)
    during: list[list[str]] = []

    def work() -> None:
        during.append(run.machines())
        if len(during) == 2:
            run.work_off()
        run.report_stopped_tasks()

    _, screen = watch(run, work)

    assert during[0] == [busy]
    assert kinds(run) == KEPT, screen.text


def test_every_machine_has_its_alarm_while_the_run_goes_on(clients: Clients, app: str) -> None:
    run = a_run(clients, app)
    run.submit(some_jobs(1))
    alarms: list[frozenset[str]] = []

    def work() -> None:
        alarms.append(read_alarms(clients.cloudwatch, app))
        if len(alarms) == 1:
            run.work_off()

    watch(run, work)

    assert len(alarms[0]) == 2
    assert not read_alarms(clients.cloudwatch, app)


def test_the_end_of_the_fleet_keeps_the_queue_with_its_jobs_and_what_setup_made(
    clients: Clients, app: str
) -> None:
    run = a_run(clients, app)
    run.submit(some_jobs(3))
    run.work_off()
    clients.ec2.cancel_spot_fleet_requests(SpotFleetRequestIds=[run.record.fleet_id], TerminateInstances=True)

    result, screen = watch(run)

    assert (result.exit_code, result.done, result.unaccounted) == (3, 1, 2)
    assert messages_left(clients.sqs, run.record.queue_name) == 2
    assert {"queue", "service", "task definition"} <= kinds(run)
    assert not {"machine", "fleet", "alarm"} & kinds(run)
    assert "startCluster" in screen.text


def test_ctrl_c_leaves_the_run_alive_and_says_how_to_go_on(clients: Clients, app: str) -> None:
    run = a_run(clients, app)
    run.submit(some_jobs(1))

    def interrupt() -> None:
        raise KeyboardInterrupt

    result, screen = watch(run, interrupt)

    assert result.exit_code == 130
    assert {"machine", "fleet", "service", "queue"} <= kinds(run)
    assert "run.py monitor" in screen.text


def test_a_monitor_that_comes_when_all_is_gone_reports_the_same_end(clients: Clients, app: str) -> None:
    run = a_run(clients, app)
    run.submit(some_jobs(2))
    run.work_off()
    run.give_up(reported="no cells")
    first, _ = watch(run)

    second, screen = watch(run)

    assert second == first
    assert "no cells" in screen.text


@pytest.mark.parametrize(("is_local", "exit_code"), [(True, 0), (False, 4)])
def test_a_fleet_that_is_not_known_is_gone_from_the_embedded_cloud_and_may_just_be_new_on_aws(
    clients: Clients, app: str, is_local: bool, exit_code: int
) -> None:
    """The embedded cloud forgets all fleets as it stops; its run's end is in the bucket, and can be read."""
    run = a_run(clients, app)
    run.submit(some_jobs(1))
    run.work_off()
    watch(run)
    forgotten = "sfr-00000000-0000-0000-0000-000000000000"
    again = replace(run, record=replace(run.record, fleet_id=forgotten, local=is_local, started=time.time()))

    result, _ = watch(again)

    assert (result.exit_code, result.done) == (exit_code, 1)


@pytest.mark.parametrize("state", ["queue", "bucket's verdict"])
def test_a_run_whose_queue_was_deleted_by_hand_is_taken_down(clients: Clients, app: str, state: str) -> None:
    run = a_run(clients, app)
    clients.sqs.delete_queue(QueueUrl=run.queue_url)

    result, _ = watch(run)

    assert result.exit_code == 0
    assert queue_attributes(clients.sqs, run.record.queue_name) is None
    assert kinds(run) <= KEPT


def test_a_run_that_has_cost_what_it_may_ends_what_costs_and_keeps_its_jobs(
    clients: Clients, app: str
) -> None:
    run = a_run(clients, app)
    run.submit(some_jobs(3))
    run.work_off()
    run.record = replace(run.record, max_cost=0.0001)
    run.join(run.machines()[0])

    result, screen = watch(run, run.report_stopped_tasks)

    assert (result.exit_code, result.done, result.unaccounted) == (3, 1, 2)
    assert messages_left(clients.sqs, run.record.queue_name) == 2
    assert {"queue", "service", "task definition"} <= kinds(run)
    assert not {"machine", "fleet", "alarm", "task", "dashboard"} & kinds(run)
    assert "MAX_COST was reached" in screen.out.getvalue()
    assert "To continue, run `startCluster` again" in screen.out.getvalue()


def test_what_was_spent_is_known_to_a_later_monitor_though_its_machines_are_gone(
    clients: Clients, app: str
) -> None:
    run = a_run(clients, app)
    run.submit(some_jobs(1))
    run.record = replace(run.record, machine_price=0.36, machine_extras=0.0)
    now = time.time()
    first = observer(run)
    first.observe(now + 1000)
    first.meter.keep(now)
    run.clients.ec2.terminate_instances(InstanceIds=run.machines())

    spent = observer(run).observe(now + 5000).spent

    # Two machines for 1000 s at 0.36 dollars an hour, or at moto's spot prices, which are lower.
    assert 0 < spent < 0.21


@pytest.mark.parametrize("plane", ["control", "data"])
def test_a_login_page_in_place_of_an_answer_is_a_look_that_failed(
    session: EmulatedSession, clients: Clients, app: str, plane: str
) -> None:
    run = a_run(clients, app)
    run.submit(some_jobs(2))
    run.work_off()
    with captive(getattr(session, plane)) as proxy:
        urls = {"control": session.control, "data": session.data, plane: proxy.url}
        waits: list[int] = []

        def work() -> None:
            waits.append(1)
            if len(waits) == 1:
                proxy.shut = 3
            if len(waits) == 4:
                run.work_off()

        result, screen = watch(run, work, clients=Clients(EmulatedSession(urls["control"], urls["data"])))

    assert result.exit_code == 0
    assert kinds(run) == KEPT
    assert proxy.pages == 3
    assert "a proxy or a login page is in between" in screen.text


class FailedStarts(EmulatedSession):
    """A session whose EC2 ends machines since their volumes' key may not be used (EC2, StateReason)."""

    def __init__(self, session: EmulatedSession) -> None:
        super().__init__(session.control, session.data, session.region_name)
        self.boto = session.boto

    def client(self, service: str, config: Any) -> Any:
        client = super().client(service, config)
        client.meta.events.register("after-call.ec2.DescribeInstances", self._say_why)
        return client

    def _say_why(self, parsed: dict[str, Any], **_: Any) -> None:
        why = {"Code": "Client.InternalError", "Message": "Client.InternalError: Client error on launch"}
        for reservation in parsed.get("Reservations", []):
            for machine in reservation["Instances"]:
                if machine["State"]["Name"] == "terminated":
                    machine["StateReason"] = why


def test_machines_that_ec2_ends_in_their_start_are_said_once_with_what_to_do(
    session: EmulatedSession, clients: Clients, app: str
) -> None:
    run = a_run(clients, app)
    run.submit(some_jobs(1))
    clients.ec2.terminate_instances(InstanceIds=[run.machines()[0]])
    looks = 0

    def world() -> None:
        nonlocal looks
        looks += 1
        run.report_stopped_tasks()
        if looks == 3:
            run.work_off()

    result, screen = watch(run, world, clients=Clients(FailedStarts(session)))

    assert result.done == 1, screen.text
    said = " ".join(screen.text.split())
    assert said.count("EC2 ended 1 machine at start: Client.InternalError: Client error on launch") == 1
    assert "KMS key" in said and "docs/troubleshooting.md" in said
