"""Only the cloud's owner is answered: not another user, not a web page, not a rebound name."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from distributed_fiji.errors import InvalidInput
from distributed_fiji.local import cloud as clouds
from distributed_fiji.local import doors, state
from distributed_fiji.local.access import Cloud
from distributed_fiji.local.doors import Door
from distributed_fiji.local.state import CONTROL_PLANE, DATA_PLANE, MACHINES, Folders
from tests.local.support import listening
from tests.local.test_cloud import pids

DOOR = Door("LOCALKEY", 4000)
HERE = "127.0.0.1:4000"

#: What a stranger would request first: each server's sign of life, its content, and anything that runs code.
ASKED = (
    ("GET", "/", ""),
    ("GET", "/_local/health", ""),
    ("GET", "/_ministack/health", ""),
    ("GET", "/health", ""),
    ("GET", "/doors-bucket/secret.txt", ""),
    ("GET", "/doors-bucket/secret.txt?X-Amz-Credential=LOCAL%2F20260101", ""),
    ("POST", "/_ministack/reset", ""),
    ("POST", "/interrupt", '{"instance": "i-1", "seconds": null}'),
    ("POST", "/", "Action=DescribeInstances&Version=2016-11-15"),
    ("GET", "/LOCAL/instances/i-1/latest/meta-data/instance-id", ""),
    ("OPTIONS", "/", ""),
)


def header(key: str) -> str:
    scope = f"{key}/20260101/us-east-1/s3/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"


def test_the_door_opens_to_the_key_alone():
    for authorization in ("", "Bearer LOCALKEY", header("local"), header(""), header("LOCALKE")):
        assert not DOOR.admits(host=HERE, origin=None, authorization=authorization)
    assert DOOR.admits(host=HERE, origin=None, authorization=header("LOCALKEY"))
    assert DOOR.admits(host=HERE, origin=None, authorization=doors.headers("LOCALKEY")["Authorization"])
    assert DOOR.admits(
        host=HERE, origin=None, authorization="", query="X-Amz-Credential=LOCALKEY%2F20260101%2Fus-east-1"
    )
    assert not Door("", 4000).admits(host=HERE, origin=None, authorization=header(""))


def test_a_tasks_key_opens_the_buckets_and_no_door_behind_which_something_could_be_run(filled):
    key = doors.task_key(filled.state.key)
    answers = {
        name: ask(server.port, "GET", path, "", {"Authorization": header(key)})[0]
        for name, server in filled.state.servers.items()
        for path in {DATA_PLANE: ["/doors-bucket/secret.txt"], MACHINES: ["/health"]}.get(
            name, ["/_local/health"]
        )
    }

    assert answers == {CONTROL_PLANE: 403, DATA_PLANE: 200, MACHINES: 403}
    assert filled.state.key not in key


@pytest.mark.parametrize("origin", ["null", "https://evil.example", f"http://{HERE}", ""])
def test_no_page_is_let_in_even_with_the_key(origin):
    assert not DOOR.admits(host=HERE, origin=origin, authorization=header("LOCALKEY"))


@pytest.mark.parametrize(
    "host", [None, "", "evil.example:4000", "127.0.0.1", "127.0.0.1:4001", "127.0.0.1.evil:4000"]
)
def test_no_other_name_of_the_host_is_answered_even_with_the_key(host):
    assert not DOOR.admits(host=host, origin=None, authorization=header("LOCALKEY"))


@pytest.fixture(scope="module")
def filled(cloud: Cloud) -> Cloud:
    """The cloud with an object that nobody else should read."""
    s3 = cloud.client("s3")
    clouds.ensure_bucket(s3, "doors-bucket")
    s3.put_object(Bucket="doors-bucket", Key="secret.txt", Body=b"secret")
    return cloud


def ask(
    port: int, method: str, path: str, body: str, headers: dict[str, str]
) -> tuple[int, bytes, list[str]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read(), [name for name in answer.headers if doors.is_cors(name)]
    finally:
        connection.close()


def test_no_port_of_the_cloud_answers_a_stranger(filled):
    key = header(filled.state.key)
    for port in listening(filled):
        strangers = (
            {},
            {"Authorization": header("local")},
            {"Authorization": key, "Host": f"evil.example:{port}"},
            {"Authorization": key, "Host": f"localhost.evil.example:{port}"},
            {"Authorization": key, "Origin": "https://evil.example"},
            {"Authorization": key, "Origin": "null", "Access-Control-Request-Method": "PUT"},
        )
        for headers in strangers:
            for method, path, body in ASKED:
                assert ask(port, method, path, body, headers) == (403, b"", []), (port, method, path, headers)
    assert len(listening(filled)) == len(filled.state.servers)
    assert filled.client("s3").get_object(Bucket="doors-bucket", Key="secret.txt")["Body"].read() == b"secret"


def test_an_answer_to_the_owner_has_no_cors_header_either(filled):
    paths = {DATA_PLANE: "/doors-bucket/secret.txt", MACHINES: "/health"}
    for name, server in filled.state.servers.items():
        headers = {"Authorization": header(filled.state.key)}
        status, _, cors = ask(server.port, "GET", paths.get(name, "/_local/health"), "", headers)

        assert (status, cors) == (200, []), name


def test_the_secret_and_all_else_in_the_folder_are_their_owners_alone(filled):
    assert stat.S_IMODE(filled.root.stat().st_mode) == 0o700
    assert stat.S_IMODE(filled.folders.state.stat().st_mode) == 0o600
    assert filled.state.key in filled.folders.state.read_text()
    assert filled.state.key not in repr(filled.state)
    assert len(filled.state.key) == 45


def test_a_folder_that_was_open_is_closed_and_a_cloud_without_a_secret_gets_one(tmp_path):
    root = tmp_path / "local-cloud"
    root.mkdir(mode=0o755)
    try:
        first = clouds.start(root)
        state.write(Folders(root), state.State(first.state.servers, fiji=first.state.fiji))

        second = clouds.start(root)

        assert stat.S_IMODE(root.stat().st_mode) == 0o700
        assert second.state.key not in {"", first.state.key}
        assert set(pids(first).values()).isdisjoint(pids(second).values())
    finally:
        clouds.reset(root)


@pytest.mark.parametrize("kind", ["a file", "somebody's documents"])
def test_a_folder_with_other_things_is_neither_closed_nor_deleted(tmp_path, kind):
    root = tmp_path / "documents"
    if kind == "a file":
        root.write_text("thesis")
    else:
        root.mkdir(mode=0o755)
        (root / "thesis.txt").write_text("thesis")
    before = stat.S_IMODE(root.stat().st_mode)

    for use in (clouds.start, clouds.reset):
        with pytest.raises(InvalidInput, match="set DISTRIBUTED_FIJI_LOCAL to another folder"):
            use(root)

    assert stat.S_IMODE(root.stat().st_mode) == before
    assert (root if kind == "a file" else root / "thesis.txt").read_text() == "thesis"


#: What another user of the machine tries: the folder, the processes, and every port, as boto3 would.
ATTACK = """
import json, os, sys, urllib.error, urllib.request
root, ports = sys.argv[1], json.loads(sys.argv[2])
got = {"uid": os.getuid(), "read": 0, "answered": 0, "asked": 0}
def read(path):
    try:
        got["read"] += len(open(path, "rb").read())
    except OSError:
        pass
read(os.path.join(root, "state.json"))
read(os.path.join(root, "s3", "doors-bucket", "secret.txt"))
read(os.path.join(root, "data", "123456789012", "doors-bucket", "secret.txt"))
for pid in json.loads(sys.argv[3]):
    read(f"/proc/{pid}/environ")
try:
    got["read"] += len(os.listdir(root))
except OSError:
    pass
for port in ports:
    for method, path, body in json.loads(sys.argv[4]):
        for key in json.loads(sys.argv[5]):
            headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={key}/x"} if key else {}
            url = f"http://127.0.0.1:{port}{path}"
            got["asked"] += 1
            try:
                asked = urllib.request.Request(url, body.encode() or None, headers, method=method)
                with urllib.request.urlopen(asked, timeout=10) as answer:
                    got["answered"] += 1
                    got["read"] += len(answer.read())
            except urllib.error.HTTPError as error:
                got["answered"] += error.code != 403
                got["read"] += len(error.read())
print(json.dumps(got))
"""


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[None]:
    """Give everyone access to a folder and its parents: pytest's are closed, and would hide what ours is."""
    closed = [one for one in (folder, *folder.parents) if not stat.S_IMODE(one.stat().st_mode) & 0o001]
    modes = {one: stat.S_IMODE(one.stat().st_mode) for one in closed}
    for one, mode in modes.items():
        one.chmod(mode | 0o055)
    try:
        yield
    finally:
        for one, mode in modes.items():
            one.chmod(mode)


#: Keys that a stranger tries.
GUESSES = ("", "local", "test", "123456789012")


def as_another_user(
    root: Path, ports: list[int], pids: list[int], asked: Sequence[tuple[str, str, str]], keys: Sequence[str]
) -> dict[str, int]:
    """Let another user attack; return how much was requested, answered and read. Skips without root."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("to become another user, this test needs to be root and to have setpriv")
    with opened(root.parent):
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        python = [str(Path(sys.executable).resolve()), "-I", "-c", ATTACK]
        known = [json.dumps(item) for item in (ports, pids, asked, keys)]
        done = subprocess.run(
            [*nobody, *python, str(root), *known], capture_output=True, text=True, cwd="/", timeout=120
        )
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout)
    assert got.pop("uid") == 65534
    return got


def test_another_user_of_the_machine_is_not_answered_and_reads_nothing(filled):
    ports = listening(filled)

    got = as_another_user(filled.root, ports, list(pids(filled).values()), ASKED, GUESSES)

    assert got == {"read": 0, "answered": 0, "asked": len(GUESSES) * len(ASKED) * len(ports)}


def test_the_same_user_with_the_secret_is_answered_at_every_port(filled):
    """Without this, the test above would prove nothing: the same program, with the secret."""
    gets = [item for item in ASKED if item[0] == "GET"]
    for port in listening(filled):
        got = as_another_user(filled.root, [port], [], gets, [filled.state.key])
        assert got["answered"] > 0, port
        assert got["read"] > 0, port


def test_the_same_user_reads_a_folder_that_is_open(tmp_path):
    secret = tmp_path / "cloud" / "s3" / "doors-bucket" / "secret.txt"
    secret.parent.mkdir(parents=True)
    secret.write_text("secret")
    for one in (secret, *secret.parents[:3]):
        one.chmod(0o755)

    got = as_another_user(tmp_path / "cloud", [], [], [], [])

    assert got == {"read": len("secret") + len(["s3"]), "answered": 0, "asked": 0}
