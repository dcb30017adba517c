"""`collect` over 100,000 tables of 10 kB on the emulator's disk, side by side with pandas where it is there.

Each in a process of its own. `collect` reads what `run.py --local collect` reads: the listing from the
emulator, manifests and tables from the bucket's folder. Over HTTP a hundredth of them is collected as well.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common import Target, finish, show
from distributed_fiji.aws.clients import connect
from distributed_fiji.commands.collect import Wish, collect
from distributed_fiji.review.facts import from_folder, from_s3
from distributed_fiji.settings import parse_settings
from distributed_fiji.state.record import new_run
from distributed_fiji.terminal import Terminal
from tests.emulators import CLIENT_ENVIRONMENT, ministack

CHECKOUT = Path(__file__).resolve().parents[1]
BUCKET, ACCOUNT, TABLES, PART = "bench-bucket", "000000000000", 100_000, 1_000
APPS = {"All": TABLES, "Part": PART}
ROW = "{number},blobs.tif,{area}.125,93.4{area},12.75,250.5,{area}3.375,{area}8.875,0.{area}\n"
HEAD = " ,Label,Area,Mean,Min,Max,X,Y,Circ.\n"

PANDAS = """
import json, sys, pandas
from pathlib import Path
bucket = Path(sys.argv[1])
parts = []
for path in sorted((bucket / "distributed-fiji/All/manifests").iterdir()):
    manifest = json.loads(path.read_bytes())
    table = pandas.read_csv(bucket / manifest["outputs"][0]["key"])
    parts.append(table.assign(**manifest["job"]["Metadata"]))
pandas.concat(parts).to_csv(sys.argv[2], index=False)
"""


@dataclass(frozen=True)
class Figures:
    """What a process took."""

    seconds: float
    cpu: float
    peak_mb: float


def table(job: int) -> str:
    """Return a table of 10 kB as FIJI writes it, with others' numbers in it."""
    return HEAD + "".join(ROW.format(number=row, area=(job * 31 + row) % 900 + 100) for row in range(1, 161))


def write_objects(bucket: Path) -> None:
    """Write tables and manifests as files, which the emulator takes up when it starts."""
    for app, count in APPS.items():
        manifests = bucket / "distributed-fiji" / app / "manifests"
        manifests.mkdir(parents=True)
        for job in range(count):
            key = f"out/{app}/{job // 384}/{job}_Results.csv"
            (bucket / key).parent.mkdir(parents=True, exist_ok=True)
            (bucket / key).write_text(table(job))
            metadata = {"Plate": f"P{job // 384:03}", "Well": f"{chr(65 + job // 24 % 16)}{job % 24 + 1:02}"}
            document = {
                "job_id": f"{job:016x}",
                "job": {"Metadata": metadata, "output_file_location": f"out/{app}"},
                "destination": BUCKET,
                "outputs": [{"key": key, "bytes": 10_000, "etag": "e"}],
            }
            (manifests / f"{job:016x}.json").write_text(json.dumps(document))


def collect_here(app: str, buckets: str, target: str) -> None:
    """Collect in this process, from the folder of the buckets or, without one, over HTTP."""
    settings = parse_settings({"APP_NAME": app, "AWS_BUCKET": BUCKET, "SCRIPT_DOWNLOAD_URL": "a.ijm"})[0]
    clients = connect(settings.AWS_REGION, None)
    read = from_s3(clients.s3)
    run = new_run(settings, started=0, run_id="", local=True)
    wish = Wish("*_Results.csv", Path(target), "plain", overwrite=True)
    collect(run, clients, from_folder(Path(buckets), read) if buckets else read, wish, Terminal())


def measured(command: list[str], endpoint: str, said: Path) -> Figures:
    """Run a command in a process of its own; return what it took."""
    environment = {**os.environ, **CLIENT_ENVIRONMENT, "AWS_ENDPOINT_URL": endpoint}
    began = time.perf_counter()
    with said.open("wb") as out:
        process = subprocess.Popen(command, env=environment, cwd=CHECKOUT, stdout=out, stderr=out)
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(
            f"{command[:4]} ended with status {status}: {said.read_text(encoding='utf-8')[-2000:]}"
        )
    return Figures(time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def main() -> list[Target]:
    """Measure, print the table. PANDAS_PYTHON: a Python that has pandas."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        buckets, target = folder / "s3" / ACCOUNT, str(folder / "all.csv")
        write_objects(buckets / BUCKET)
        ways = {
            "collect, 100,000 from disk": [sys.executable, "-m", "benchmarks.collect", "All", str(buckets)],
            "collect, 1,000 over HTTP": [sys.executable, "-m", "benchmarks.collect", "Part", ""],
        }
        if python := os.environ.get("PANDAS_PYTHON"):
            ways["pandas, 100,000 from disk"] = [python, "-c", PANDAS, str(buckets / BUCKET)]
        with ministack(folder, "s3,sqs,sts") as endpoint:
            made = {}
            for way, args in ways.items():
                made[way] = measured([*args, target], endpoint, folder / "said")
                print(way, made[way], file=sys.stderr, flush=True)
    show(
        f"tables of {len(table(1)) / 1000:.1f} kB into one",
        ["way", "seconds", "CPU seconds", "peak MB"],
        [[way, one.seconds, one.cpu, one.peak_mb] for way, one in made.items()],
    )
    whole = made["collect, 100,000 from disk"]
    return [
        Target("collect", whole.seconds, " s", at_most=120),
        Target("collect: peak memory", whole.peak_mb, " MB", at_most=400),
    ]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        collect_here(*sys.argv[1:])
    else:
        sys.exit(finish(main()))
