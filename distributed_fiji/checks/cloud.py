"""Whether machines can pull the image and reach AWS. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from distributed_fiji.aws.network import WayOut
from distributed_fiji.findings import Finding, doubts, stops
from distributed_fiji.registry import ECR_HOST, Answer, parse_image
from distributed_fiji.settings import EXAMPLE_IMAGE, Settings

#: Endpoints that a worker needs if there is no way to the internet (docs/permissions.md).
NEEDED = ("ecs", "ecs-agent", "ecs-telemetry", "sqs", "logs", "s3")


def image_findings(settings: Settings, answer: Answer | None, architecture: str = "") -> list[Finding]:
    """Return what is wrong with the worker image. `answer`: its registry's; None for the example's name.

    `architecture`: of the machines, '' if unknown.
    """
    name = settings.DOCKERHUB_TAG
    if answer is None:
        return stops("image", [f"DOCKERHUB_TAG = {name!r} is still the example's placeholder; replace it"])
    if answer.state == "missing":
        return stops("image", [f"DOCKERHUB_TAG = {name!r}: {answer.detail}"])
    if answer.state == "unknown":
        return [
            Finding(
                "image", "unknown", "DOCKERHUB_TAG", f"The image {name} could not be checked: {answer.detail}"
            )
        ]
    if architecture and answer.architectures and architecture not in answer.architectures:
        held = " and ".join(sorted(answer.architectures))
        return stops("image", [f"DOCKERHUB_TAG = {name!r} is for {held}, but MACHINE_TYPE is {architecture}"])
    return []


def is_example(settings: Settings) -> bool:
    """Whether config.py still names the example's image."""
    return settings.DOCKERHUB_TAG == EXAMPLE_IMAGE


def network_findings(image: str, ways: Iterable[WayOut], *, public: bool) -> list[Finding]:
    """Return which subnets keep machines from reaching AWS: they would join no cluster, but cost money.

    `public`: whether the machines have public addresses.
    """
    needed = list(NEEDED)
    if ECR_HOST.match(parse_image(image).host):
        needed += ["api", "dkr"]
    lines, few = list[str](), list[str]()
    for way in ways:
        if way.other or (way.internet and public):
            continue
        if way.internet:
            lines.append(
                f"ASSIGN_IP = False: {way.subnet} leads to an internet gateway, which serves only machines"
                " with a public address. Set ASSIGN_IP = True, or give the subnet a NAT"
            )
        elif lacking := [name for name in needed if name not in way.endpoints]:
            what = "has no route to the internet, and its VPC has no endpoint for " + ", ".join(lacking)
            say = few if "s3" in way.endpoints else lines
            say.append(f"Subnets: {way.subnet} {what}")
    return [*stops("network", lines), *doubts("network", few)]
