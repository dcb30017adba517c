"""20,000 real jobs on the embedded cloud, by the commands that a user types: is each verdict as planned?

Real workers, queue, bucket, machine and monitor. FIJI is the stand-in, which does what a job's parameters
say: of a hundred jobs two fail, one fails once, one warns, one leaves nothing. When the run is over, what
`status`, `failures` and the bucket say is compared with the plan. JOBS in the environment: how many.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common import Target, finish, show
from tests.commands import run_py
from tests.e2e.conftest import App
from tests.worker.harness import make_fake_fiji

JOBS = int(os.environ.get("JOBS", "20000"))
LONGEST_SECONDS = 3 * 3600.0
RETRIES = 2


@dataclass(frozen=True)
class Kind:
    """What a job does, and what has to be said of it."""

    parameters: Mapping[str, object]
    is_done: bool = True
    failures: int = 0
    warnings: int = 0
    outputs: int = 1


KINDS = {
    "done": Kind({}),
    "done with a warning": Kind({"warn": "a plugin was slow"}, warnings=1),
    "done without outputs": Kind({"files": 0}, outputs=0),
    "done at the second try": Kind({"fail": "script_error"}, failures=1),
    "failed by its script": Kind({"fail": "macro_error"}, is_done=False, failures=RETRIES),
    "failed by its process": Kind({"exit": 3}, is_done=False, failures=RETRIES),
}


def kind_of(number: int) -> str:
    """Return what kind of job a number is: of a hundred, five are of the rare kinds."""
    rare = list(KINDS)[1:]
    return rare[number % 20 // 4] if number % 100 < 20 and number % 4 == 0 else "done"


def group(number: int, folder: Path) -> dict[str, object]:
    """Return a job's group."""
    kind = kind_of(number)
    once = {"once": str(folder / f"once-{number}")} if kind == "done at the second try" else {}
    return {"Well": f"W{number:06}", "print": 2, **KINDS[kind].parameters, **once}


def run_all(app: App) -> dict[str, float]:
    """Run every job, as a user does; return the seconds by command."""
    seconds = {}
    job_file = app.job_file([group(number, app.folder) for number in range(JOBS)])
    commands: dict[str, list[str | Path]] = {
        "setup": [],
        "submitJob": [job_file],
        "startCluster": [],
        "monitor": [app.record],
        "status": ["--json"],
        "failures": ["--json"],
        "report": ["-o", app.folder / "report"],
    }
    for name, rest in commands.items():
        began = time.monotonic()
        starts = name == "startCluster"
        ended = app.start_cluster() if starts else app.run(name, *rest, timeout=LONGEST_SECONDS)
        seconds[name] = time.monotonic() - began
        # The monitor's exit code says that jobs have failed.
        assert ended.code == 0 or name == "monitor", f"{name}: {ended.said}"
        (app.folder / f"{name}.out").write_text(ended.out)
        print(f"{name}: {seconds[name]:.0f} s, exit code {ended.code}", file=sys.stderr, flush=True)
    return seconds


def found_kinds(app: App) -> Counter[tuple[str, str]]:
    """Return how many jobs of each planned kind are of each kind by what the bucket holds."""
    state = app.bucket_folder / "distributed-fiji" / app.name
    records = Counter(path.parent.name for path in state.glob("failures/*/*.json"))
    found: Counter[tuple[str, str]] = Counter()
    for path in state.glob("manifests/*.json"):
        document = json.loads(path.read_bytes())
        planned = kind_of(int(document["job"]["Metadata"]["Well"][1:]))
        is_right = (
            records[path.stem] == KINDS[planned].failures
            and len(document["warnings"]) == KINDS[planned].warnings
            and len(document["outputs"]) == KINDS[planned].outputs
            and all(
                (app.bucket_folder / one["key"]).stat().st_size == one["bytes"] for one in document["outputs"]
            )
        )
        found[planned, "done as planned" if is_right and KINDS[planned].is_done else "wrong"] += 1
    names = {path.stem for path in state.glob("manifests/*.json")}
    for job in records.keys() - names:
        document = json.loads(min((state / "failures" / job).iterdir()).read_bytes())
        planned = kind_of(int(json.loads(document["message"])["Metadata"]["Well"][1:]))
        is_right = records[job] == KINDS[planned].failures and not KINDS[planned].is_done
        found[planned, "failed as planned" if is_right else "wrong"] += 1
    return found


def wrong(app: App, plan: Counter[str], found: Counter[tuple[str, str]]) -> int:
    """Return by how much anything that is said differs from the plan."""
    as_planned = Counter(kind for (kind, how), count in found.items() if how != "wrong" for _ in range(count))
    status: dict[str, Any] = json.loads((app.folder / "status.out").read_text())
    dead = sum(plan[name] for name, kind in KINDS.items() if not kind.is_done)
    expected = {
        "total": JOBS,
        "done": JOBS - dead,
        "with_warnings": plan["done with a warning"],
        "without_outputs": plan["done without outputs"],
        "given_up": dead,
    }
    said = {name: status[name] for name in expected}
    groups = json.loads((app.folder / "failures.out").read_text())
    in_groups = sum(len(one["jobs"]) for one in groups)
    print(f"\nstatus says {said}; failures has {len(groups)} groups of {in_groups} jobs", flush=True)
    differences = [*((plan - as_planned) + (as_planned - plan)).values()]
    counted = sum(abs(said[name] - expected[name]) for name in expected)
    return int(sum(differences) + counted + abs(in_groups - dead))


def main() -> list[Target]:
    """Run the jobs; compare what is said of them, and what is there, with the plan."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_fake_fiji(folder / "fiji", runner=True)
        # What tells that a FIJI has macros (distributed_fiji/local/fiji.py).
        (folder / "fiji" / "jars" / "imagej-legacy-1.jar").touch()
        cloud = {"DISTRIBUTED_FIJI_LOCAL": str(folder / "cloud"), "FIJI_HOME": str(folder / "fiji")}
        (folder / "app").mkdir()
        app = App("ManyJobs", folder / "app", cloud)
        try:
            (app.folder / "script.ijm").write_text("// for the stand-in\n")
            app.make_bucket()
            app.configure(TASKS_PER_MACHINE=2, JOB_RETRIES=RETRIES, EXPECTED_NUMBER_FILES=0)
            seconds = run_all(app)
            plan, found = Counter(map(kind_of, range(JOBS))), found_kinds(app)
            show(
                "Jobs by plan",
                ["planned", "found", "jobs"],
                [[*pair, n] for pair, n in sorted(found.items())],
            )
            show("Seconds", ["command", "s"], seconds.items())
            return [Target("verdicts that are not as planned", wrong(app, plan, found), at_most=0)]
        finally:
            run_py("local", "reset", "--yes", environment=cloud)
            app.record.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(finish(main()))
