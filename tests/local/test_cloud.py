"""Start, find, repair, stop and reset a cloud; its environment; the commands that manage it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from distributed_fiji.local import cloud as clouds
from distributed_fiji.local import processes, state, watchdog
from distributed_fiji.local.access import Cloud
from distributed_fiji.local.processes import Identity
from distributed_fiji.local.state import CONTROL_PLANE, DATA_PLANE, MACHINES, Folders, Server, State
from tests.local.conftest import CHECKOUT
from tests.local.support import Deployment, until


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "local-cloud"
    yield folder
    clouds.reset(folder)


def user_environment(root: Path) -> dict[str, str]:
    """Return the environment of a user who has AWS set up, all of it pointing elsewhere."""
    (root.parent / "config").write_text("[profile real]\nregion = eu-north-1\n", encoding="utf-8")
    return {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        "HOME": str(root.parent),
        "DISTRIBUTED_FIJI_LOCAL": str(root),
        "AWS_PROFILE": "real",
        "AWS_CONFIG_FILE": str(root.parent / "config"),
        "AWS_SESSION_TOKEN": "real-token",
        "AWS_ENDPOINT_URL_SQS": "http://192.0.2.1",
        "HTTP_PROXY": "http://192.0.2.1:3128",
        "HTTPS_PROXY": "http://192.0.2.1:3128",
        "NO_PROXY": "intranet.example",
    }


def run(command: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", command], cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=60
    )


def pids(cloud: Cloud) -> dict[str, int]:
    return {name: server.identity.pid for name, server in cloud.state.servers.items() if server.identity}


def test_two_starts_at_once_make_one_cloud_which_a_later_start_finds(root):
    found: list[Cloud] = []
    threads = [threading.Thread(target=lambda: found.append(clouds.start(root))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    said: list[str] = []

    again = clouds.start(root, said.append)

    assert pids(found[0]) == pids(found[1]) == pids(again)
    assert set(pids(again)) == {CONTROL_PLANE, DATA_PLANE, MACHINES}
    assert said == []
    assert clouds.find(root) == again


def test_all_servers_listen_on_the_loopback_address_alone(cloud):
    listening = [
        connection
        for pid in pids(cloud).values()
        for connection in psutil.Process(pid).net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]

    assert {connection.laddr.ip for connection in listening} == {"127.0.0.1"}
    assert {connection.laddr.port for connection in listening} == {
        server.port for server in cloud.state.servers.values()
    }


def test_the_env_command_leads_the_aws_command_line_to_the_cloud_and_away_from_the_user(cloud):
    clouds.ensure_bucket(cloud.client("s3"), "my-bucket")
    environment = user_environment(cloud.root)

    talk = (
        'set -e; eval "$(python run.py local env)"; echo hello > "$HOME/hello.txt"'
        '; aws s3 cp --quiet "$HOME/hello.txt" s3://my-bucket/folder/hello.txt; aws s3 ls s3://my-bucket/folder/'
        "; aws sqs create-queue --queue-name q --query QueueUrl --output text"
        "; aws ec2 describe-availability-zones --query 'AvailabilityZones[0].RegionName'; env"
    )
    done = run(talk, environment)

    assert done.returncode == 0, done.stderr
    assert "6 hello.txt" in done.stdout
    assert f"{cloud.url(DATA_PLANE)}/123456789012/q\n" in done.stdout
    assert '"us-east-1"' in done.stdout
    assert "=real" not in done.stdout
    assert "NO_PROXY=127.0.0.1,localhost,intranet.example" in done.stdout
    assert (cloud.root / "s3" / "my-bucket" / "folder" / "hello.txt").read_text(encoding="utf-8") == "hello\n"


def test_apply_points_a_process_at_the_cloud_and_drops_what_leads_elsewhere(cloud):
    environ = user_environment(cloud.root)

    cloud.apply(environ)

    aws = {name: value for name, value in environ.items() if name.startswith("AWS_")}
    assert aws == {name: value for name, value in cloud.environment().items() if name.startswith("AWS_")}
    assert environ["no_proxy"] == "127.0.0.1,localhost,intranet.example"


def test_tasks_that_killed_machines_left_are_ended_and_started_anew(root):
    cloud = clouds.start(root)
    deployment = Deployment(
        cloud, "import os; print(os.getpid(), flush=True)\nwhile True: __import__('time').sleep(1)"
    )
    deployment.start_fleet()
    [task] = deployment.scale(1)
    pid = int(until(lambda: deployment.log(task["taskArn"]))[0])
    os.kill(pids(cloud)[MACHINES], 9)
    assert psutil.pid_exists(pid)

    clouds.start(root)

    [anew] = until(lambda: [found for found in deployment.tasks() if found["taskArn"] != task["taskArn"]])
    assert ended(pid)
    assert deployment.describe([task["taskArn"]])[0]["lastStatus"] == "STOPPED"
    assert anew["lastStatus"] == "RUNNING"


def test_a_pid_that_is_anothers_by_now_is_left_alone(root, tmp_path):
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        folders = Folders(root)
        state.prepare(folders, "us-east-1")
        long_ago = Identity(stranger.pid, psutil.Process(stranger.pid).create_time() - 3600)
        state.write(folders, State({MACHINES: Server(1, long_ago)}))

        assert clouds.find(root) is None
        clouds.stop(root)

        assert stranger.poll() is None
    finally:
        processes.end([Identity.of(stranger.pid)], 1)
        stranger.wait()


def test_servers_that_ended_are_started_again_and_what_was_lost_is_said(root):
    cloud = clouds.start(root)
    clouds.ensure_bucket(cloud.client("s3"), "my-bucket")
    cloud.client("s3").put_object(Bucket="my-bucket", Key="kept", Body=b"kept")
    lost = Deployment(cloud)
    lost.start_fleet()
    lost.scale(1)
    before = pids(cloud)
    for name in (CONTROL_PLANE, DATA_PLANE):
        os.kill(before[name], 9)
    said: list[str] = []

    mended = clouds.start(root, said.append)

    assert [line.split(";")[0] for line in said] == [
        "The embedded cloud's controlplane had stopped",
        "The embedded cloud's dataplane had stopped",
    ]
    assert mended.environment() == cloud.environment()
    assert pids(mended)[MACHINES] == before[MACHINES]
    assert mended.client("s3").get_object(Bucket="my-bucket", Key="kept")["Body"].read() == b"kept"
    until(lambda: not list((root / "scratch").iterdir()), "the end of the lost cloud's task")
    again = Deployment(mended)
    again.start_fleet()
    assert len(again.scale(1)) == 1


def test_stop_ends_servers_and_tasks_and_a_later_start_has_the_buckets_and_the_same_addresses(root):
    cloud = clouds.start(root, region="eu-west-1")
    clouds.ensure_bucket(cloud.client("s3"), "my-bucket")
    cloud.client("s3").put_object(Bucket="my-bucket", Key="kept", Body=b"kept")
    deployment = Deployment(cloud)
    deployment.start_fleet()
    deployment.scale(2)
    tasks = psutil.Process(pids(cloud)[MACHINES]).children()
    assert len(tasks) == 2

    assert clouds.stop(root) is True

    assert clouds.find(root) is None
    assert clouds.stop(root) is False
    assert not [task for task in tasks if task.is_running() and task.status() != psutil.STATUS_ZOMBIE]
    assert (root / "s3" / "my-bucket" / "kept").read_bytes() == b"kept"
    port, said = cloud.state.servers[MACHINES].port, []
    with socket.create_server(("127.0.0.1", port)):
        again = clouds.start(root, said.append)
    assert said == [
        "Starting the embedded cloud again: its queues, jobs, fleets, roles and logs are lost; the files in"
        f" buckets are still in {root / 's3'}",
        f"Port {port} of the machines is now in use by another program: variables you exported"
        " earlier are stale",
    ]
    assert again.environment() == cloud.environment()
    assert again.region == "eu-west-1"
    assert clouds.ensure_bucket(again.client("s3"), "my-bucket") is False


def test_status_tells_what_runs_and_interrupt_that_there_is_nothing_to_interrupt(cloud):
    clouds.ensure_bucket(cloud.client("s3"), "my-bucket")
    environment = user_environment(cloud.root)

    told = json.loads(run("python run.py local status --json", environment).stdout)
    text = run("python run.py local status", environment).stdout
    nothing = run("python run.py local interrupt", environment)

    assert {server["name"]: server["pid"] for server in told["servers"]} == pids(cloud)
    assert all(server["answers"] for server in told["servers"])
    assert told["buckets"] == {"my-bucket": str(cloud.root / "s3" / "my-bucket")}
    assert f"s3://my-bucket/  {cloud.root}/s3/my-bucket" in text
    assert (nothing.returncode, nothing.stdout) == (2, "")
    assert "No spot machine is running" in nothing.stderr


def test_reset_ends_the_cloud_and_deletes_its_folder(root):
    environment = user_environment(root)
    assert run("python run.py local status", environment).returncode == 2
    cloud = clouds.start(root)

    assert run("python run.py local reset --yes", environment).returncode == 0

    assert not root.exists()
    assert clouds.find(root) is None
    assert not [pid for pid in pids(cloud).values() if not ended(pid)]


def ended(pid: int) -> bool:
    """Return whether a process ended, reaped or not."""
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_servers_whose_folder_was_deleted_end_by_themselves(root):
    cloud = clouds.start(root)
    shutil.rmtree(root)

    until(lambda: all(ended(pid) for pid in pids(cloud).values()), "the servers' end")


def test_a_server_belongs_to_its_folder_unless_another_took_its_place(root):
    folders = Folders(root)
    assert not watchdog.belongs(folders, MACHINES, 10)
    state.prepare(folders, "us-east-1")
    assert watchdog.belongs(folders, MACHINES, 10)
    state.write(folders, State({MACHINES: Server(1, Identity(11, 0.0))}))

    assert not watchdog.belongs(folders, MACHINES, 10)
    assert watchdog.belongs(folders, MACHINES, 11)
