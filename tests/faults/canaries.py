"""S1: secrets in the environment of whoever runs the commands are never written, sent or printed.

The script prints its whole environment, and writes it to an output, as a curious one would.
tests/docker/test_image.py examines images built with such secrets.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from distributed_fiji.local import cloud as clouds
from distributed_fiji.local.access import Cloud
from tests.commands import CHECKOUT, run_py
from tests.docker.build import CANARIES
from tests.faults.ground import Ground
from tests.faults.report import Report
from tests.imagej import imagej_core

SCRIPT = """said = exec("env");
print(said);
File.saveString(said, "output/environment.txt");
if (getArgument() == "fail") exit(said);
"""
FLEET = CHECKOUT / "files" / "demo" / "fleet.json"


def secrets_kept(ground: Ground, *, jobs: int) -> Report:
    """Run a main job with secrets in the environment, then search everything it left. One job fails."""
    report, folder, app = Report(), ground.new_folder("canaries"), f"Canaries{os.getpid()}"
    root, record = folder / "local-cloud", CHECKOUT / "files" / f"{app}SpotFleetRequestId.json"
    environment = {**CANARIES, "DISTRIBUTED_FIJI_LOCAL": str(root), "FIJI_HOME": str(imagej_core())}
    write_files(folder, app, jobs)
    said: list[str] = []

    def command(*arguments: str | Path, code: int = 0) -> None:
        ended = run_py(
            "--local", "--config", folder / "config.py", *arguments, environment=environment, timeout=600
        )
        report.expect(ended.code == code, f"{arguments[0]} ended with {ended.code}: {ended.said[-500:]}")
        said.append(ended.said)

    try:
        command("setup")
        command("submitJob", folder / "job.json")
        command("startCluster", FLEET)
        running = clouds.find(root)
        documents = list(documents_of(running)) if running else []
        record_text = record.read_text()
        command("monitor", app, code=3)
        command("redrive", code=2)
        command("inventory", "--json")
        command("cleanup", app, "--yes")
        files = dict(texts_in(folder))
    finally:
        clouds.reset(root)
        for path in record.parent.glob(f"{app}SpotFleetRequestId*"):
            path.unlink()
    texts = [*said, *documents, record_text, *files.values()]
    report.injected["secrets in the environment"] = len(CANARIES)
    report.outcomes["texts without one"] = len(texts) - sum(1 for text in texts if found_in(text))
    for name, text in [*files.items(), *(("a document", text) for text in [*said, *documents, record_text])]:
        report.expect(not found_in(text), f"{name} has {found_in(text)}")
    shown = [name for name, text in files.items() if f"APP_NAME={app}" in text]
    report.expect(len(shown) > jobs, f"scripts have shown their environment in {shown} alone")
    report.expect(len(documents) > 3, f"only {len(documents)} documents were looked at")
    return report


def found_in(text: str) -> list[str]:
    """Return the names of the secrets that occur in a text."""
    return [name for name, value in CANARIES.items() if value in text]


def write_files(folder: Path, app: str, jobs: int) -> None:
    """Write config.py, script and job file; the first job fails."""
    (folder / "show.ijm").write_text(SCRIPT)
    (folder / "config.py").write_text(
        f"APP_NAME = {app!r}\nAWS_BUCKET = 'canaries-bucket'\nSCRIPT_DOWNLOAD_URL = 'show.ijm'\n"
        "CLUSTER_MACHINES = 1\nMACHINE_TYPE = ['m5.large']\nMEMORY = 1500\nJOB_RETRIES = 1\n"
    )
    groups = [{"Number": number, "argument": "" if number else "fail"} for number in range(jobs)]
    (folder / "job.json").write_text(json.dumps({"output_file_location": "out/{Number}", "groups": groups}))


def documents_of(cloud: Cloud) -> Iterator[str]:
    """Yield what AWS's services hold during a run, besides the bucket, as JSON."""
    ecs, ec2, functions = cloud.client("ecs"), cloud.client("ec2"), cloud.client("lambda")
    for arn in ecs.list_task_definitions()["taskDefinitionArns"]:
        yield as_json(ecs.describe_task_definition(taskDefinition=arn))
    yield as_json(ec2.describe_spot_fleet_requests())
    yield as_json(ec2.describe_launch_template_versions(Versions=["$Latest"]))
    for function in functions.list_functions()["Functions"]:
        yield as_json(functions.get_function(FunctionName=function["FunctionName"]))
    yield as_json(cloud.client("events").list_rules())


def as_json(answer: dict[str, Any]) -> str:
    return json.dumps(answer, default=str)


def texts_in(folder: Path) -> Iterable[tuple[str, str]]:
    """Yield path and content of everything that commands, cloud and workers have written, unpacked."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            content = gzip.decompress(content) if path.suffix == ".gz" else content
            yield str(path.relative_to(folder)), content.decode("utf-8", "replace")
