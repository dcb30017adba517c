"""S5: strangers call an embedded cloud's every port: without key, by a guess, from a page, by other names.

One request in a hundred is the owner's own, which shows that the cloud is answering throughout.
"""

from __future__ import annotations

import http.client
import random
from typing import Any

from distributed_fiji.local import cloud as clouds
from distributed_fiji.local import doors
from distributed_fiji.local.access import Cloud
from tests.faults.ground import Ground
from tests.faults.report import Report
from tests.local.support import listening

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "NONSENSE")
PATHS = (
    *("/", "/health", "/interrupt", "/_local/health", "/_local/changes?since=-1", "/_local/service-event"),
    *(
        "/_ministack/health",
        "/_ministack/reset",
        "/_ministack/config",
        "/moto-api/reset",
        "/moto-api/data.json",
    ),
    *("/strangers/secret.txt", "/strangers?list-type=2", "/evil", "/2015-03-31/functions", "//", "/%2e%2e/"),
    "/LOCAL/tasks/x/v4",
    "/latest/meta-data/iam/security-credentials/",
)
BODIES = (
    "",
    "Action=RunInstances&ImageId=ami-1&MinCount=1&MaxCount=1&Version=2016-11-15",
    "Action=CreateRole&RoleName=evil&AssumeRolePolicyDocument=%7B%7D&Version=2010-05-08",
    '{"family": "evil", "containerDefinitions": [{"name": "x", "image": "x", "command": ["id"]}]}',
    '{"QueueName": "evil"}',
)
TARGETS = ("", "AmazonEC2ContainerServiceV20141113.RegisterTaskDefinition", "AmazonSQS.CreateQueue")


def strangers(ground: Ground, *, requests: int) -> Report:
    """Call as strangers do. Nothing is answered, no byte is read, and nothing changes."""
    report, chance = Report(), ground.chance("S5")
    root = ground.new_folder("strangers") / "local-cloud"
    cloud = clouds.start(root)
    try:
        s3 = cloud.client("s3")
        clouds.ensure_bucket(s3, "strangers")
        s3.put_object(Bucket="strangers", Key="secret.txt", Body=b"secret")
        before = everything(cloud)
        ports = listening(cloud)
        report.expect(len(ports) == len(cloud.state.servers), f"these ports listen: {ports}")
        for number in range(requests):
            port = chance.choice(ports)
            kind, headers = a_stranger(chance, cloud.state.key, port)
            ask_as(report, chance, kind, headers, port)
            if number % 100 == 0:
                report.expect(everything(cloud) == before, f"after {number} requests the cloud has changed")
                report.outcomes["the owner's answered"] += 1
        report.expect(everything(cloud) == before, "the cloud has changed")
        report.expect(listening(cloud) == ports, f"of {ports} these still listen: {listening(cloud)}")
    finally:
        clouds.reset(root)
    return report


def a_stranger(chance: random.Random, key: str, port: int) -> tuple[str, dict[str, str]]:
    """Return who calls, and with which headers. Whoever has the key comes from a page, or by another name."""
    guess = chance.choice(["", "local", "test", "123456789012", key[:-1], key.lower(), "*"])
    sent = {"X-Amz-Target": chance.choice(TARGETS), "Content-Type": "application/x-amz-json-1.1"}
    kind = chance.choice(["no key", "a guessed key", "a page", "a rebound name"])
    if kind == "a guessed key":
        sent["Authorization"] = f"AWS4-HMAC-SHA256 Credential={guess}/20260101/us-east-1/s3/aws4_request"
    if kind == "a page":
        origin = chance.choice(["null", "https://evil.example", f"http://127.0.0.1:{port}"])
        sent |= doors.headers(key) | {"Origin": origin}
    if kind == "a rebound name":
        host = chance.choice(
            ["evil.example", "localhost.evil.example", f"evil.example:{port}", "169.254.169.254"]
        )
        sent |= doors.headers(key) | {"Host": host}
    return kind, sent


def ask_as(report: Report, chance: random.Random, kind: str, sent: dict[str, str], port: int) -> None:
    """Call once; record a problem unless it is refused without content and without a CORS header."""
    method, path, body = chance.choice(METHODS), chance.choice(PATHS), chance.choice(BODIES)
    report.injected[kind] += 1
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body or None, sent)
        answer = connection.getresponse()
        status, read = answer.status, len(answer.read())
    except (TimeoutError, http.client.HTTPException, ConnectionError) as error:
        report.expect(False, f"{kind}: {method} {path} at {port} with {sent}: {error!r}")
        return
    finally:
        connection.close()
    cors = [name for name in answer.headers if doors.is_cors(name)]
    report.outcomes["refused" if status == 403 else "answered"] += 1
    said = f"{kind}: {method} {path} at {port} with {sent}: {status}, {read} bytes, {cors}"
    report.expect(status == 403 and not read and not cors, said)


def everything(cloud: Cloud) -> dict[str, Any]:
    """Return everything that strangers could have created, as the owner sees it."""
    ecs, iam, ec2 = cloud.client("ecs"), cloud.client("iam"), cloud.client("ec2")
    return {
        "buckets": [item["Name"] for item in cloud.client("s3").list_buckets()["Buckets"]],
        "queues": cloud.client("sqs").list_queues().get("QueueUrls", []),
        "definitions": ecs.list_task_definitions()["taskDefinitionArns"],
        "roles": sorted(item["RoleName"] for item in iam.list_roles()["Roles"]),
        "machines": ec2.describe_instances()["Reservations"],
    }
