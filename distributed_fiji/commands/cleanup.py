"""Remove everything of one app and verify that it is gone: list, ask, remove, list again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from distributed_fiji.aws.clients import Clients, pages
from distributed_fiji.aws.cluster import remove_cluster, remove_service, remove_task_definitions, stop_service
from distributed_fiji.aws.fleet import cancel_fleet
from distributed_fiji.aws.machines import remove_launch_template, terminate
from distributed_fiji.aws.queues import remove_queue
from distributed_fiji.aws.roles import remove_instance_profile, remove_role
from distributed_fiji.aws.tasks import stop_task
from distributed_fiji.aws.telemetry import remove_dashboard
from distributed_fiji.aws.unseen import Unseen
from distributed_fiji.clock import Clock
from distributed_fiji.commands.inventory import KINDS, Item, inventory, listing
from distributed_fiji.commands.leftovers import remove_upload, remove_volume
from distributed_fiji.errors import SOMETHING_LEFT, InvalidInput
from distributed_fiji.janitor.removal import remove_function, remove_schedule
from distributed_fiji.monitor.takedown import Step, attempt
from distributed_fiji.terminal import Terminal

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

#: The values of --keep, and the kind that each keeps.
KEEPABLE = {"logs": "log group", "results": "results"}

#: Seconds in which things must disappear from the listing; machines end within minutes.
DEADLINE = 600


def cleanup(
    clients: Clients,
    app_name: str,
    *,
    confirm: Callable[[str], bool],
    keep: Iterable[str] = ("logs", "results"),
    clock: Clock,
    out: Terminal,
) -> int:
    """Remove an app's resources after a question. Return 0 if nothing is left, else 4.

    It also returns 4 if something could not be checked, which is then named. `confirm` is called once, with a
    sentence, and returns whether to continue. Only the app's name is needed.
    """
    kept, unseen = {KEEPABLE[name] for name in keep}, Unseen()
    items = [item for item in inventory(clients, app_name, unseen) if item.kind not in kept]
    for line in unseen.sentences:
        out.warn(line)
    if not items:
        seen = ", as far as could be checked" if unseen else ""
        out.say(f"No resources of {app_name} in {clients.region}{seen}.")
        return SOMETHING_LEFT if unseen else 0
    out.say(f"Resources of {app_name} in {clients.region}:")
    out.out.print(listing(items))
    if not confirm(f"Remove these {len(items)}?"):
        out.note("Nothing was changed.")
        return SOMETHING_LEFT if any(item.bills for item in items) else 0
    steps = remove(clients, items, clock, out.note)
    if clients.dry:
        return 0
    left, unseen = wait_until_gone(clients, app_name, kept, clock)
    if left:
        out.say("Left:")
        out.out.print(listing(left))
        for step in steps:
            if step.error:
                out.warn(f"{step.name}: {step.error}")
        return SOMETHING_LEFT
    if unseen:
        for line in unseen.sentences:
            out.warn(line)
        out.say(f"Checked again: no resources of {app_name} that can be seen remain.")
        return SOMETHING_LEFT
    out.say(f"Checked again: no resources of {app_name} remain.")
    return 0


def read_keep(text: str) -> tuple[str, ...]:
    """Return the values of --keep, separated by commas. Raises InvalidInput for what cannot be kept."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    problems = [f"--keep {name}: must be {' or '.join(KEEPABLE)}" for name in names if name not in KEEPABLE]
    if problems:
        raise InvalidInput("Invalid --keep", problems)
    return names


def remove(clients: Clients, items: list[Item], clock: Clock, tell: Callable[[str], None]) -> list[Step]:
    """Remove every item, even if others fail; machines and fleets first."""
    order = list(KINDS)
    return [
        attempt(f"{item.kind} {item.name}", partial(_remove, clients, item, clock), tell)
        for item in sorted(items, key=lambda item: order.index(item.kind))
    ]


def wait_until_gone(
    clients: Clients, app_name: str, kept: set[str], clock: Clock
) -> tuple[list[Item], Unseen]:
    """List and remove again until nothing is left, or nothing more ends by itself; return what stays.

    What could not be checked at the end is returned as well. A cluster can only be removed after its
    machines, so this takes more than one round.
    """

    def look() -> tuple[list[Item], Unseen]:
        unseen = Unseen()
        return [item for item in inventory(clients, app_name, unseen) if item.kind not in kept], unseen

    begun = clock.now()
    while True:
        left, unseen = look()
        if not left or clock.now() - begun >= DEADLINE:
            return left, unseen
        settling = _settling(left)
        if settling:
            clock.sleep(5)
        remove(clients, left, clock, _silent)
        if not settling:
            return look()


def _settling(left: list[Item]) -> bool:
    """Whether anything is still there that will end by itself."""
    return any(item.kind in ("machine", "volume", "task", "fleet", "service") for item in left)


def _silent(_sentence: str) -> None:
    """Report nothing: this is a retry."""


def _remove(clients: Clients, item: Item, clock: Clock) -> str | None:
    """Remove one item by its exact name."""
    match item.kind:
        case "service":
            stop_service(clients.ecs, item.place, item.name)
            return remove_service(clients.ecs, item.place, item.name)
        case "fleet":
            return cancel_fleet(clients.ec2, item.name, clock)
        case "machine":
            return f"machine {item.name} terminated" if terminate(clients.ec2, [item.name]) else None
        case "task":
            return stop_task(clients.ecs, item.place, item.name)
        case "cluster":
            return remove_cluster(clients, item.name, item.app, clock)
        case _:
            return _remove_passive(clients, item)


def _remove_passive(clients: Clients, item: Item) -> str | None:
    """Remove something that neither runs nor starts anything."""
    removers: dict[str, Callable[[], Any]] = {
        "alarm": lambda: clients.cloudwatch.delete_alarms(AlarmNames=[item.name]),
        "dashboard": lambda: remove_dashboard(clients.cloudwatch, item.name),
        "task definition": lambda: remove_task_definitions(clients.ecs, item.name),
        "launch template": lambda: remove_launch_template(clients.ec2, item.name, item.app),
        "queue": lambda: remove_queue(clients.sqs, item.name),
        "schedule": lambda: remove_schedule(clients.events, item.app),
        "janitor": lambda: remove_function(clients.awslambda, item.app),
        "volume": lambda: remove_volume(clients.ec2, item.name),
        "upload": lambda: remove_upload(clients.s3, item.place, item.name),
        "topic": lambda: clients.sns.delete_topic(TopicArn=item.name),
        "instance profile": lambda: remove_instance_profile(clients.iam, item.name),
        "role": lambda: remove_role(clients.iam, item.name),
        "log group": lambda: clients.logs.delete_log_group(logGroupName=item.name),
        "results": lambda: _remove_folder(clients.s3, item.place, item.name),
    }
    removers[item.kind]()
    return f"{item.kind} {item.name} removed"


def _remove_folder(s3: S3Client, bucket: str, folder: str) -> None:
    """Delete the objects in a folder. `folder` ends with a slash, so no other app's name can match."""
    keys: list[ObjectIdentifierTypeDef] = [
        {"Key": item["Key"]}
        for item in pages(s3, "list_objects_v2", "Contents", Bucket=bucket, Prefix=folder)
    ]
    for start in range(0, len(keys), 1000):
        s3.delete_objects(Bucket=bucket, Delete={"Objects": keys[start : start + 1000], "Quiet": True})
