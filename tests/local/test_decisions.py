"""What the machines decide and compose, as pure functions: placement, scale-in, environment, log lines."""

from __future__ import annotations

import base64
import threading
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributed_fiji.aws.documents import user_data
from distributed_fiji.errors import DistributedFijiError, InvalidInput
from distributed_fiji.local import fiji
from distributed_fiji.local.machines import containers, taskplan
from distributed_fiji.local.machines.agent import Throttle, next_throttle
from distributed_fiji.local.machines.logdriver import MOST_LINE_BYTES, whole_lines
from distributed_fiji.local.machines.observation import (
    Instance,
    Place,
    RegionSnapshot,
    Service,
    TaskView,
    parse_user_data,
)
from distributed_fiji.local.machines.region import registered_memory
from distributed_fiji.local.machines.runtimes import ProcessRuntime
from distributed_fiji.local.machines.scheduling import (
    Event,
    Register,
    SchedulerAction,
    StartTask,
    StopTask,
    decide,
)
from distributed_fiji.local.machines.taskplan import HostInfo, TaskPlan
from distributed_fiji.local.machines.tasks import CannotStart, NotReady, TaskProcess
from distributed_fiji.local.state import Folders
from tests.local.support import until

NOW = datetime(2026, 11, 23, tzinfo=timezone.utc)


def a_region(machines: int = 1, desired: int = 0, **service: Any) -> RegionSnapshot:
    """Return joined machines of 8,000 MiB and 2,048 CPU units, and a service of 3,000 MiB and 1,024 units."""
    container = {"name": "worker", "memory": 3000, "cpu": 1024}
    names = [str(number) for number in range(machines)]
    return RegionSnapshot(
        clusters={"c"},
        machines={name: Instance(name, "m5.large", "us-east-1a", "c", True, True) for name in names},
        places={f"p{name}": Place(f"p{name}", name, "c", True, 8000, 2048) for name in names},
        services=[replace(Service("s-arn", "s", "c", "d:1", desired), **service)],
        definitions={
            "d:1": {"containerDefinitions": [container]},
            "d:2": {"containerDefinitions": [container]},
        },
    )


def with_tasks(snapshot: RegionSnapshot, *places: str, **task: Any) -> RegionSnapshot:
    """Add running tasks of the service, each a second younger than the one before."""
    for place in places:
        number = len(snapshot.tasks)
        view = TaskView(
            f"t{number}", "c", "service:s", place, "d:1", True, "RUNNING", NOW + timedelta(seconds=number)
        )
        snapshot.tasks[view.arn] = replace(view, **task)
    return snapshot


def messages(actions: list[SchedulerAction]) -> list[str]:
    return [action.message for action in actions if isinstance(action, Event)]


def test_tasks_are_spread_over_machines_and_fill_them_up_to_memory_and_cpu():
    actions = decide(a_region(machines=2, desired=5))

    assert [action.place.arn for action in actions if isinstance(action, StartTask)] == [
        "p0",
        "p1",
        "p0",
        "p1",
    ]
    [message] = messages(actions)
    assert "has insufficient memory available" in message


def test_a_service_of_distinct_instances_puts_one_task_on_a_machine():
    snapshot = with_tasks(a_region(machines=2, desired=3, distinct=True), "p0")

    actions = decide(snapshot)

    assert [action.place.arn for action in actions if isinstance(action, StartTask)] == ["p1"]
    assert "distinct instances" in messages(actions)[0]


def test_a_machine_joins_its_cluster_once_that_is_there():
    snapshot = a_region(machines=1, desired=1)
    snapshot.places.clear()

    actions = decide(snapshot)

    assert [action.machine.instance_id for action in actions if isinstance(action, Register)] == ["0"]
    assert "No Container Instances were found" in messages(actions)[0]
    snapshot.clusters.clear()
    assert not [action for action in decide(snapshot) if isinstance(action, Register)]


def test_scale_in_ends_the_newest_task_of_the_fullest_machine_and_no_protected_one():
    snapshot = with_tasks(a_region(machines=2, desired=2), "p0", "p0", "p1", "p1")
    snapshot.tasks["t3"] = replace(snapshot.tasks["t3"], protected=True)

    stopped = [action.task.arn for action in decide(snapshot) if isinstance(action, StopTask)]

    assert stopped == ["t2", "t1"]
    snapshot.tasks.update((arn, replace(task, protected=True)) for arn, task in snapshot.tasks.items())
    assert decide(snapshot) == []


def test_tasks_of_a_draining_machine_and_of_an_old_definition_are_replaced():
    snapshot = with_tasks(a_region(machines=2, desired=2), "p0", "p1")
    snapshot.places["p0"] = replace(snapshot.places["p0"], active=False)

    draining = decide(snapshot)
    outdated = decide(with_tasks(a_region(machines=1, desired=1, definition="d:2"), "p0"))

    assert [type(action) for action in draining] == [StopTask, StartTask]
    assert (draining[0].task.arn, draining[1].place.arn) == ("t0", "p1")
    assert [type(action) for action in outdated] == [StopTask, StartTask]


def test_a_throttled_service_starts_nothing_and_another_ones_tasks_are_no_concern():
    snapshot = with_tasks(a_region(desired=2), "p0", group="service:other")

    assert decide(snapshot, frozenset({"s-arn"})) == []
    assert [type(action) for action in decide(snapshot)] == [StartTask, Event]


def test_failing_at_once_makes_a_service_wait_longer_each_time_up_to_a_minute():
    throttle = None
    waits = []
    for _ in range(8):
        throttle = next_throttle(throttle, lived_seconds=0.5, now=100.0)
        waits.append(throttle.until - 100.0)

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert next_throttle(Throttle(5, 132.0), lived_seconds=11.0, now=200.0) is None


def test_a_task_is_placed_on_no_machine_of_another_app():
    region = a_region(machines=2, desired=2, member_of={"distributed-fiji.app": "Cells"})
    mine = replace(region.machines["1"], attributes={"distributed-fiji.app": "Cells"})
    theirs = replace(region.machines["0"], attributes={"distributed-fiji.app": "Cells2"})

    started = [
        action
        for action in decide(replace(region, machines={"0": theirs, "1": mine}))
        if isinstance(action, StartTask)
    ]

    assert {action.place.arn for action in started} == {"p1"}
    assert not [action for action in decide(region) if isinstance(action, StartTask)]


@pytest.mark.parametrize(
    ("size", "least", "most"),
    [(8192, 7.4 * 1024, 7.6 * 1024), (16384, 15 * 1024, 15.6 * 1024), (4096, 3650, 3705), (1024, 700, 960)],
)
def test_a_machine_keeps_some_of_its_memory(size, least, most):
    assert least < registered_memory(size) < most


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_user_data_names_its_cluster_as_a_script_and_as_a_mime_multipart():
    script = "#!/bin/bash\necho ECS_CLUSTER=my-cluster_1 >> /etc/ecs/ecs.config\n"
    mixed = MIMEMultipart()
    mixed.attach(MIMEText("#cloud-config\nrepo_update: true\n", "cloud-config"))
    mixed.attach(MIMEText(script + "echo ECS_ENABLE_SPOT_INSTANCE_DRAINING=true >> x\n", "x-shellscript"))

    assert parse_user_data(encoded(script)) == ("my-cluster_1", False, {})
    assert parse_user_data(encoded(mixed.as_string())) == ("my-cluster_1", True, {})
    assert parse_user_data(encoded("#!/bin/bash\necho hello\n")) == (None, False, {})
    assert parse_user_data("") == (None, False, {})
    assert parse_user_data(encoded(user_data("c", "Cells")))[2] == {"distributed-fiji.app": "Cells"}


def a_plan(folder: Path, **container: Any) -> TaskPlan:
    gifts = HostInfo(
        cloud={
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
            "AWS_EC2_METADATA_DISABLED": "true",
        },
        region="eu-west-1",
        metadata_url="http://127.0.0.1:2",
        instance_id="i-1",
        checkout=folder,
    )
    return TaskPlan(
        "arn:aws:ecs:eu-west-1:1:task/c/abc", {"name": "worker"} | container, folder / "abc", gifts
    )


def test_the_definition_decides_but_for_what_says_where_the_task_is(tmp_path):
    variables = {"AWS_REGION": "ap-south-1", "WORKER_SCRATCH": "/scratch", "HOME": "/root", "APP_NAME": "A"}
    plan = a_plan(tmp_path, environment=[{"name": name, "value": value} for name, value in variables.items()])

    environ = taskplan.process_environment(plan, tmp_path / "Fiji.app")

    assert environ["AWS_REGION"] == "ap-south-1"
    assert environ["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert environ["APP_NAME"] == "A"
    assert environ["WORKER_SCRATCH"] == str(plan.scratch)
    assert environ["FIJI_HOME"] == str(tmp_path / "Fiji.app")
    assert environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"] == "http://127.0.0.1:2/instances/i-1"
    assert "AWS_EC2_METADATA_DISABLED" not in environ


@pytest.mark.parametrize("own", [{"command": ["true"]}, {"entryPoint": ["sh", "-c"]}])
def test_a_command_of_the_definition_is_run_by_no_process(tmp_path, own):
    runtime = ProcessRuntime(Folders(tmp_path), lambda: tmp_path / "core")

    with pytest.raises(CannotStart, match="--runtime docker runs such tasks"):
        runtime.launch(a_plan(tmp_path, **own), tmp_path / "log")

    assert not (tmp_path / "abc").exists()


def test_log_streams_are_named_as_the_awslogs_driver_names_them(tmp_path):
    options = {"awslogs-group": "g", "awslogs-stream-prefix": "app"}
    plan = a_plan(tmp_path, logConfiguration={"logDriver": "awslogs", "options": options})

    assert taskplan.log_stream(plan) == "app/worker/abc"
    assert taskplan.log_options(a_plan(tmp_path, logConfiguration={"logDriver": "json-file"})) == {}


@given(
    st.lists(
        st.text(alphabet=st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])), max_size=20
    )
)
def test_all_lines_arrive_whole_and_in_order(lines):
    data = "\n".join(lines).encode()

    found, taken = whole_lines(data, flush=True)

    assert (found, taken) == ([line for line in lines if line], len(data))
    sent, taken = whole_lines(data, flush=False)
    assert sent == [line for line in lines[:-1] if line]


def test_a_line_longer_than_an_event_may_be_goes_out_in_pieces():
    data = b"x" * (MOST_LINE_BYTES + 10) + b"\n" + b"progress 1 %\rprogress 2 %\n"

    lines, taken = whole_lines(data, flush=False)

    assert [len(line) for line in lines] == [MOST_LINE_BYTES, 10, 25]
    assert taken == len(data)


def a_fiji(folder: Path, launcher: str) -> Path:
    folder.mkdir(parents=True)
    (folder / launcher).touch()
    return folder


def test_fiji_is_the_one_that_fiji_home_names_or_one_in_a_usual_place(tmp_path):
    usual = a_fiji(tmp_path / "home" / "Fiji.app", "ImageJ-linux64")
    named = a_fiji(tmp_path / "elsewhere", "fiji-linux-x64")
    home = {"HOME": str(tmp_path / "home")}

    assert fiji.find_fiji(home, tmp_path) == usual
    assert fiji.find_fiji({**home, "FIJI_HOME": str(named)}, tmp_path) == named
    with pytest.raises(InvalidInput, match="is not a FIJI"):
        fiji.find_fiji({**home, "FIJI_HOME": str(tmp_path / "home")}, tmp_path)


def test_a_task_waits_for_the_fiji_that_is_being_built_and_says_why_there_is_none(tmp_path):
    finished, outcomes = threading.Event(), [DistributedFijiError("no network"), tmp_path / "core"]

    def build() -> Path:
        finished.wait(10)
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    runtime = ProcessRuntime(Folders(tmp_path), build)
    plan = a_plan(tmp_path)

    def launch() -> TaskProcess | None:
        try:
            return runtime.launch(plan, tmp_path / "log")
        except NotReady:
            return None

    assert launch() is None
    finished.set()
    with pytest.raises(CannotStart, match="no network"):
        until(launch)
    task = until(launch)
    assert task is not None
    task.kill()
    assert until(task.poll), "its worker has no settings: it may have ended by itself before"
    assert not plan.folder.exists()


def test_a_container_gets_what_its_definition_says(tmp_path):
    plan = a_plan(
        tmp_path,
        image="example/worker:1",
        memory=3000,
        cpu=1024,
        readonlyRootFilesystem=True,
        linuxParameters={"initProcessEnabled": True, "devices": [{"hostPath": "/dev/fuse"}]},
        ulimits=[{"name": "nofile", "softLimit": 1000, "hardLimit": 2000}],
        mountPoints=[
            {"sourceVolume": "scratch", "containerPath": "/scratch"},
            {"sourceVolume": "data", "containerPath": "/data", "readOnly": True},
        ],
        environment=[{"name": "APP_NAME", "value": "A"}],
    )
    plan = replace(plan, volumes=[{"name": "scratch"}, {"name": "data", "host": {"sourcePath": "/srv/data"}}])

    arguments = containers.container_arguments(plan, tmp_path)

    assert (arguments["mem_limit"], arguments["memswap_limit"]) == ("3000m", "3000m")
    assert (arguments["cpu_shares"], arguments["init"], arguments["read_only"]) == (1024, True, True)
    assert (arguments["privileged"], arguments["network_mode"]) == (False, "host")
    assert arguments["devices"] == ["/dev/fuse:/dev/fuse:rwm"]
    assert [(item.name, item.soft, item.hard) for item in arguments["ulimits"]] == [("nofile", 1000, 2000)]
    assert arguments["environment"]["APP_NAME"] == "A"
    mounted = [
        (item["Source"], item["Target"], item["Type"], item["ReadOnly"]) for item in arguments["mounts"]
    ]
    assert mounted == [("ecs-abc-scratch", "/scratch", "volume", False), ("/srv/data", "/data", "bind", True)]
    assert containers.volumes(plan) == ["ecs-abc-scratch"]
    assert containers.exit_of({"ExitCode": 137, "OOMKilled": True}).reason == containers.OUT_OF_MEMORY
