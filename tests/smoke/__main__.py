"""`make aws-smoke`: setup twice, two jobs on one machine, monitor, cleanup, on a real account; and a report.

Asks before it makes anything. In every ending, Ctrl-C too, it removes what it made and lists what is left.
Exit codes: 0 nothing is left and every claim held, 1 one did not, 2 nothing was made, 4 something is left,
130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from distributed_fiji.aws.clients import AwsError, Clients, connect, error_text, pages
from tests.smoke import looks
from tests.smoke.looks import Finding, as_document
from tests.smoke.plan import Plan, write_files

CHECKOUT = Path(__file__).resolve().parents[2]
OPTIONS = ("AWS_PROFILE", "SMOKE_BUCKET", "SMOKE_IMAGE")

#: Seconds to wait for the janitor's first round, which comes within five minutes.
JANITOR_SECONDS = 420


class Smoke:
    """One run: its commands, what was found, and how long everything took."""

    def __init__(self, plan: Plan, folder: Path, options: Sequence[str]) -> None:
        self.plan, self.folder, self.options = plan, folder, options
        self.findings: list[Finding] = []
        self.said: list[dict[str, Any]] = []

    @property
    def record(self) -> Path:
        return CHECKOUT / "files" / f"{self.plan.app}SpotFleetRequestId.json"

    def run_py(self, *arguments: str | Path, quiet: bool = False) -> tuple[int, str]:
        """Run a command, showing its output; return its code and its results."""
        begun = time.monotonic()
        command = [sys.executable, "run.py", *self.options, "--config", self.folder / "config.py", *arguments]
        if not quiet:
            print(f"$ python run.py {' '.join(map(str, arguments))}", file=sys.stderr, flush=True)
        # In its own session, so Ctrl-C reaches only this process, which then takes everything down.
        done = subprocess.Popen(
            command, cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        try:
            out, _ = done.communicate()
        except KeyboardInterrupt:
            done.terminate()
            done.wait()
            raise
        seconds = round(time.monotonic() - begun, 1)
        words = list(map(str, arguments))
        self.said.append({"command": words, "code": done.returncode, "seconds": seconds, "out": out})
        return done.returncode, out

    def must(self, claim: str, *arguments: str | Path) -> bool:
        """Run a command that must succeed; record whether it did."""
        code, out = self.run_py(*arguments)
        self.findings.append(Finding(claim, code == 0, {"code": code, "out": out[-2000:]}))
        return code == 0


def go(smoke: Smoke, clients: Clients, *, wait: bool) -> None:
    """Do every step, until something fails."""
    files = smoke.folder
    if not smoke.must("setup works in this account", "setup"):
        return
    _, again = smoke.run_py("setup")
    kept = not {"created", "changed"} & set(again.split())
    smoke.findings.append(Finding("a second setup keeps everything", kept, again))
    if not smoke.must("jobs are sent", "submitJob", files / "jobs.json"):
        return
    if not smoke.must("a machine starts and joins", "startCluster", files / "fleet.json", "--yes"):
        smoke.findings += looks.while_running(clients, smoke.plan)
        return
    smoke.findings += looks.while_running(clients, smoke.plan)
    if wait:
        wait_for_janitor(clients, smoke.plan)
    smoke.must("both jobs are done, and monitor ends the run", "monitor", smoke.record)
    left = json.loads(smoke.run_py("inventory", smoke.plan.app, "--json", quiet=True)[1] or "[]")
    bills = [f"{item['kind']} {item['name']}" for item in left if item["bills"]]
    smoke.findings.append(
        Finding("after the end nothing bills, the janitor's schedule included", not bills, bills)
    )
    smoke.findings += looks.afterwards(clients, smoke.plan)


def wait_for_janitor(clients: Clients, plan: Plan) -> None:
    """Wait until the janitor's first round has written a line to its log."""
    print("Waiting for the janitor's first round (7 minutes at most) …", file=sys.stderr, flush=True)
    until = time.monotonic() + JANITOR_SECONDS
    while time.monotonic() < until and not looks.messages(clients, looks.log_group(plan.app)):
        time.sleep(10)


def remove_outputs(plan: Plan, clients: Clients) -> None:
    """Delete what the two jobs wrote, and the logs that monitor copied to the bucket."""
    for folder in (f"{plan.app}/", f"exportedlogs/{plan.app}/"):
        try:
            for item in pages(clients.s3, "list_objects_v2", "Contents", Bucket=plan.bucket, Prefix=folder):
                clients.s3.delete_object(Bucket=plan.bucket, Key=item["Key"])
        except AwsError as error:
            print(f"s3://{plan.bucket}/{folder} may hold a few bytes: {error_text(error)}", file=sys.stderr)


@contextmanager
def nothing_left(smoke: Smoke, clients: Clients) -> Iterator[None]:
    """Remove everything afterwards, in every case, and list what is left; a second Ctrl-C is refused."""
    try:
        yield
    finally:
        remove_outputs(smoke.plan, clients)
        for _ in range(2):
            try:
                smoke.run_py("cleanup", smoke.plan.app, "--yes", "--keep", "")
                break
            except KeyboardInterrupt:
                print("Removing what was made first; then it ends.", file=sys.stderr, flush=True)
        code, out = smoke.run_py("inventory", smoke.plan.app, "--json", quiet=True)
        left = json.loads(out) if code == 0 and out else ["the inventory could not be read"]
        smoke.findings.append(Finding("an empty inventory", not left, left))
        smoke.record.unlink(missing_ok=True)


def write_report(smoke: Smoke, path: Path, ending: str) -> None:
    """Write what held, with everything that was seen."""
    document = {
        "plan": vars(smoke.plan),
        "ending": ending,
        "findings": as_document(smoke.findings),
        "commands": smoke.said,
    }
    path.write_text(json.dumps(document, indent=1, default=str) + "\n", encoding="utf-8")
    for one in document["findings"]:
        word = {True: "held    ", False: "DID NOT ", None: "not seen"}[one["held"]]
        print(f"{word}  {one['claim']}")
    print(f"Report: {path}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make aws-smoke", description=__doc__)
    parser.add_argument("--bucket", default=os.environ.get("SMOKE_BUCKET", ""), help="SMOKE_BUCKET")
    parser.add_argument("--image", default=os.environ.get("SMOKE_IMAGE", ""), help="SMOKE_IMAGE, as pushed")
    parser.add_argument("--region", default=os.environ.get("AWS_REGION", "us-east-1"))
    parser.add_argument("--report", type=Path, default=Path("aws-smoke.json"))
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--local", action="store_true", help="on the embedded cloud: tests the logic alone")
    parser.add_argument("--no-wait", action="store_true", help="do not wait for the janitor's first round")
    return parser.parse_args()


def main() -> int:
    """Go; return the exit code."""
    given = arguments()
    profile = os.environ.get("AWS_PROFILE", "")
    values = dict(zip(OPTIONS, (profile, given.bucket, given.image), strict=True))
    missing = [name for name, value in values.items() if not value and not given.local]
    if missing or not given.bucket:
        print(f"Set {', '.join(missing or OPTIONS[1:2])}: docs/aws.md says what they are.", file=sys.stderr)
        return 2
    plan = Plan(f"Smoke{os.getpid()}", given.bucket, given.region, profile, given.image)
    for sentence in plan.sentences:
        print(sentence, file=sys.stderr)
    if not given.yes and (not sys.stdin.isatty() or input("Go on? Type yes: ").strip() != "yes"):
        print("Nothing was made. (Where nobody can answer, --yes goes on.)", file=sys.stderr)
        return 2
    return run(plan, given)


def run(plan: Plan, given: argparse.Namespace) -> int:
    """Do the run of a plan, cleaning up in every case; return the exit code."""
    ending = "to its end"
    with tempfile.TemporaryDirectory(prefix="aws-smoke-") as folder:
        smoke = Smoke(plan, Path(folder), ["--local"] if given.local else [])
        write_files(plan, smoke.folder)
        clients = clients_of(plan, given)
        try:
            with nothing_left(smoke, clients):
                go(smoke, clients, wait=not given.no_wait)
        except KeyboardInterrupt:
            ending = "interrupted"
        except AwsError as error:
            ending = f"AWS: {error_text(error)}"
        write_report(smoke, given.report, ending)
    empty = smoke.findings[-1].held
    if not empty:
        return 4
    if ending == "interrupted":
        return 130
    return 0 if ending == "to its end" and all(one.held is not False for one in smoke.findings) else 1


def clients_of(plan: Plan, given: argparse.Namespace) -> Clients:
    """Return clients of the account, or of the embedded cloud."""
    if given.local:
        from distributed_fiji.local import cloud

        here = cloud.start(
            progress=lambda line: print(line, file=sys.stderr), runtime=None, region=plan.region
        )
        here.apply(os.environ)
    return connect(plan.region, None if given.local else plan.profile)


if __name__ == "__main__":
    sys.exit(main())
