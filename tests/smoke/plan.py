"""What the smoke run creates, its highest cost, and its app's files. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

#: The cheapest machine that FIJI starts on, its highest price in dollars per hour, and its memory (MiB).
MACHINE, PRICE, MEMORY = "t3.medium", 0.05, 3000

#: The run's own limits: hours until EC2 ends the fleet, and dollars until monitor or janitor do.
HOURS, COST = 1.0, 0.05

#: A machine's additional cost per hour: 30 GB of gp3, and a public address.
BESIDE = 30 * 0.08 / 730 + 0.005

#: Everything else, rounded up: an alarm and a janitor for an hour, requests, a few lines of log.
REST = 0.01

SCRIPT = """
#@ String Well
wait(20000);
File.saveString(Well + "\\n", "output/" + Well + ".txt");
print("well " + Well + " is done");
"""


@dataclass(frozen=True)
class Plan:
    """What runs where. `image`: the worker's; empty on the embedded cloud."""

    app: str
    bucket: str
    region: str
    profile: str
    image: str = ""

    @property
    def most_dollars(self) -> float:
        """The upper limit of the cost: the machine for as long as EC2 lets it live, and the rest."""
        return HOURS * (PRICE + BESIDE) + REST

    @property
    def sentences(self) -> list[str]:
        """What is created, and its highest cost, in words."""
        return [
            f"This makes, in {self.region}, an app {self.app}: two queues, four roles, log groups, a cluster,"
            " a service, a launch template, a Lambda with a schedule, and objects below"
            f" s3://{self.bucket}/distributed-fiji/{self.app}/ and s3://{self.bucket}/{self.app}/.",
            f"It starts one spot machine ({MACHINE}, ${PRICE:.2f} an hour at most) for two jobs of 20"
            " seconds, and removes all of it in the end, after an error and after Ctrl-C too.",
            f"It costs {100 * self.most_dollars:.0f} cents at most: EC2 ends the machine after {HOURS:g}"
            f" hour, whatever happens here, and the janitor when it has cost ${COST:.2f}.",
        ]


def write_files(plan: Plan, folder: Path) -> None:
    """Write config.py, script, job and fleet file into a folder."""
    settings = {
        "APP_NAME": plan.app,
        "AWS_REGION": plan.region,
        "AWS_PROFILE": plan.profile or "default",
        "AWS_BUCKET": plan.bucket,
        "SCRIPT_DOWNLOAD_URL": "script.ijm",
        "MACHINE_TYPE": MACHINE,
        "MACHINE_PRICE": PRICE,
        "CLUSTER_MACHINES": 1,
        "TASKS_PER_MACHINE": 1,
        "MEMORY": MEMORY,
        "MAX_HOURS": HOURS,
        "MAX_COST": COST,
        "CREATE_DASHBOARD": False,
        "JOB_RETRIES": 2,
        **({"DOCKERHUB_TAG": plan.image} if plan.image else {}),
    }
    lines = [f"{name} = {value!r}\n" for name, value in settings.items()]
    (folder / "config.py").write_text("".join(lines), encoding="utf-8")
    (folder / "script.ijm").write_text(SCRIPT, encoding="utf-8")
    (folder / "fleet.json").write_text("{}", encoding="utf-8")
    jobs = {"output_file_location": f"{plan.app}/{{Well}}", "groups": [{"Well": "A1"}, {"Well": "A2"}]}
    (folder / "jobs.json").write_text(json.dumps(jobs), encoding="utf-8")
