"""One app from setup to cleanup by the functions behind the commands, whose clients may die at any call."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distributed_fiji.aws.clients import Clients
from distributed_fiji.aws.fleet import live_fleets
from distributed_fiji.aws.tasks import read_container_instances
from distributed_fiji.changes import Change
from distributed_fiji.commands.plan import Start
from distributed_fiji.commands.setup import setup
from distributed_fiji.commands.start import start_cluster
from distributed_fiji.commands.submit import Manner, submit_job
from distributed_fiji.fleetfile import parse_fleet_file
from distributed_fiji.jobs import parse_job_file
from distributed_fiji.registry import Answer
from distributed_fiji.settings import Settings, parse_settings
from distributed_fiji.state.record import Run
from tests.monitor.builders import SteppedClock
from tests.monitor.screen import Screen

MACHINES = 2
WELLS = [f"A{number}" for number in range(12)]
JOBS = {
    "output_file_location": "results/{Well}",
    "shared_metadata": {},
    "groups": [{"Well": well} for well in WELLS],
}


@dataclass
class Flow:
    """A separate app. Each method is a command, run with the given clients."""

    app: str
    folder: Path
    clients: Clients
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        return parse_settings(
            {
                "APP_NAME": self.app,
                "AWS_BUCKET": f"bucket-{self.app.lower()}",
                "AWS_REGION": self.clients.region,
                "SCRIPT_DOWNLOAD_URL": "script.ijm",
                "ECS_CLUSTER": f"{self.app}Cluster",
                "CLUSTER_MACHINES": MACHINES,
                "MACHINE_TYPE": "m5.large",
                "MEMORY": 1000,
                **self.more,
            }
        )[0]

    @property
    def record_path(self) -> Path:
        return self.folder / "record.json"

    def begin(self) -> None:
        """Create what a user has before setup: a bucket and a script."""
        self.clients.s3.create_bucket(Bucket=self.settings.AWS_BUCKET)
        self.folder.mkdir(exist_ok=True)
        (self.folder / "script.ijm").write_text('print("hello");')

    def setup(self, clients: Clients) -> list[Change]:
        return setup(self.settings, clients, self.folder, self._clock(), Screen().terminal)

    def submit(self, clients: Clients, bundle: int = 1) -> int:
        file, manner = ("jobs.json", parse_job_file(JOBS, "jobs.json")), Manner(bundle=bundle)
        return submit_job(self.settings, clients, file, self._clock(), Screen().terminal, manner).sent

    def start(self, clients: Clients) -> Run:
        run = Start(
            self.settings,
            clients,
            self.record_path,
            SteppedClock(time.time(), self.join_machines),
            Screen().terminal,
            lambda _: Answer("there"),
            config=str(self.folder / "config.py"),
        )
        return start_cluster(run, parse_fleet_file({}, "fleet.json"))

    def _clock(self) -> SteppedClock:
        return SteppedClock(time.time())

    def join_machines(self) -> None:
        """Make every machine of the fleet join the cluster that has not."""
        ecs, cluster = self.clients.ecs, self.settings.ECS_CLUSTER
        for machine in self.machines() - read_container_instances(ecs, cluster).keys():
            document = json.dumps({"instanceId": machine, "region": self.clients.region})
            ecs.register_container_instance(cluster=cluster, instanceIdentityDocument=document)

    def fleets(self) -> list[str]:
        """Return the app's fleets that are not over."""
        return live_fleets(self.clients.ec2, self.app)

    def machines(self) -> set[str]:
        """Return the ids of the machines of the app's fleets."""
        found: set[str] = set()
        for fleet in self.fleets():
            answer = self.clients.ec2.describe_spot_fleet_instances(SpotFleetRequestId=fleet)
            found |= {item["InstanceId"] for item in answer["ActiveInstances"]}
        return found

    def messages(self) -> list[dict[str, Any]]:
        """Take every message out of the queue, like a worker; return their bodies."""
        sqs, bodies = self.clients.sqs, []
        url = sqs.get_queue_url(QueueName=self.settings.SQS_QUEUE_NAME)["QueueUrl"]
        while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            bodies += [json.loads(message["Body"]) for message in found]
            entries: list[Any] = [
                {"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(found)
            ]
            sqs.delete_message_batch(QueueUrl=url, Entries=entries)
        return bodies
