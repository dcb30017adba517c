"""The least that a user needs for each command, as grants on what config.py names. Pure.

What a call needs follows AWS's Service Authorization Reference, and people's experience on AWS where that is
misleading (docs/aws.md). `monitor` needs what the janitor needs, since both run the same code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from distributed_fiji.aws.grants import Grant, document, grant, s3_keys
from distributed_fiji.aws.ownroles import SERVICES
from distributed_fiji.aws.quotas import quota_code
from distributed_fiji.aws.roles import SERVICE_LINKED_ROLES, role_arn
from distributed_fiji.janitor.policy import run_grants
from distributed_fiji.names import janitor_log_group, janitor_name, role_name
from distributed_fiji.permissions.usercalls import COMMANDS
from distributed_fiji.registry import ECR_HOST, parse_image
from distributed_fiji.settings import Settings
from distributed_fiji.state.record import new_run
from worker.contract.jobs import APP_TAG, state_key

EC2_KNOWS_NONE = "EC2 knows no resource for what describes"
LISTS_ALL = "lists all there is, of which the app's is picked; there is no resource"


def user_policy(settings: Settings, account: str, commands: Iterable[str]) -> dict[str, Any]:
    """Return the policy of a user who runs some commands with these settings."""
    return document(user_grants(settings, account, commands))


def user_grants(settings: Settings, account: str, commands: Iterable[str]) -> list[Grant]:
    """Return what a user who runs some commands with these settings may do. Raises KeyError."""
    commands = list(dict.fromkeys(commands))
    kinds = _kinds(settings, account)
    lines = dict.fromkeys(line for command in commands for line in COMMANDS[command])
    found = [one for line in lines if (one := _granted(line, kinds)) is not None]
    if "monitor" in commands:
        record = new_run(settings, started=0, run_id="", local=False)
        found += run_grants(record, account)
    if any(" s3: GetObject" in line or " s3: PutObject" in line for line in lines) or "monitor" in commands:
        found.append(s3_keys(f"arn:aws:s3:::{settings.AWS_BUCKET}"))
    return found


def _granted(line: str, kinds: Mapping[str, Mapping[str, Any]]) -> Grant | None:
    """Return the grant that a line of the table means; None if there is no such resource."""
    kind, _, actions = line.partition(" ")
    known = dict(kinds[kind])
    resources = known.pop("on")
    return grant(actions, *resources, **known) if resources else None


def _kinds(settings: Settings, account: str) -> dict[str, dict[str, Any]]:
    """Return the resources of each kind, `on`, and why they are all resources, or under which condition."""
    return {
        **_s3(settings),
        **_sqs_and_logs(settings, account),
        **_ecs(settings, account),
        **_ec2(settings, account),
        **_iam(settings, account),
        **_watching(settings, account),
    }


def _all(why: str) -> dict[str, Any]:
    return {"on": ["*"], "why_all": why}


def _s3(settings: Settings) -> dict[str, dict[str, Any]]:
    bucket = f"arn:aws:s3:::{settings.AWS_BUCKET}"
    script = settings.SCRIPT_DOWNLOAD_URL.strip()
    written = sorted({settings.AWS_BUCKET, settings.DESTINATION_BUCKET})
    runs = state_key(settings.APP_NAME, "*", settings.AWS_REGION, "*")
    return {
        "bucket": {"on": [bucket]},
        "buckets": {"on": [f"arn:aws:s3:::{name}" for name in settings.readable_buckets]},
        "inputs": {"on": [f"arn:aws:s3:::{name}/*" for name in settings.readable_buckets]},
        "written-buckets": {"on": [f"arn:aws:s3:::{name}" for name in written]},
        "written": {"on": [f"arn:aws:s3:::{name}/*" for name in written]},
        "exported-logs": {"on": [f"{bucket}/exportedlogs/{settings.APP_NAME}/*"]},
        "state": {"on": [f"{bucket}/{state_key(settings.APP_NAME, '*')}"]},
        "runs": {"on": [f"{bucket}/{runs}"]},
        "submissions": {"on": [f"{bucket}/{state_key(settings.APP_NAME, 'submissions', '*')}"]},
        "script": {"on": [f"arn:aws:s3:::{script[5:]}"] if script.lower().startswith("s3://") else []},
    }


def _sqs_and_logs(settings: Settings, account: str) -> dict[str, dict[str, Any]]:
    sqs = f"arn:aws:sqs:{settings.AWS_REGION}:{account}"
    logs = f"arn:aws:logs:{settings.AWS_REGION}:{account}:log-group"
    queue, dead = f"{sqs}:{settings.SQS_QUEUE_NAME}", f"{sqs}:{settings.SQS_DEAD_LETTER_QUEUE}"

    def groups(*names: str) -> list[str]:
        # With and without the suffix for all streams, since AWS checks either (CloudWatch Logs user guide).
        return [f"{logs}:{name}{rest}" for name in names for rest in ("", ":*")]

    own = groups(settings.LOG_GROUP_NAME, settings.machine_log_group)
    janitors = groups(janitor_log_group(settings.APP_NAME))
    return {
        "queue": {"on": [queue]},
        "dead-letters": {"on": [dead]},
        "queues": {"on": [queue, dead]},
        "every-queue": {"on": [f"{sqs}:*"]},
        "listed": _all(LISTS_ALL),
        "log-groups": {"on": own},
        "janitor-logs": {"on": janitors if settings.AUTO_MONITOR else []},
        "tagged-log-groups": {"on": [f"{logs}:*"]},
        "every-log-group": _all(LISTS_ALL),
    }


def _ecs(settings: Settings, account: str) -> dict[str, dict[str, Any]]:
    base, cluster = f"arn:aws:ecs:{settings.AWS_REGION}:{account}", settings.ECS_CLUSTER
    return {
        "cluster": {"on": [f"{base}:cluster/{cluster}"]},
        "service": {"on": [f"{base}:service/{cluster}/{settings.service}"]},
        "tasks": {"on": [f"{base}:task/*"]},
        "own-tasks": {"on": [f"{base}:task/*"], "condition": _tagged(settings)},
        "container-instances": {"on": [f"{base}:container-instance/{cluster}/*"]},
        "definition": {"on": [f"{base}:task-definition/{settings.task_family}:*"]},
        "definitions": _all("ECS knows no resource for these actions on task definitions"),
        "listed-tasks": _all(
            "listing by family names no container instance, and AWS then asks for the right on `*`"
            " (cdklabs/construct-hub#1207, fabfuel/ecs-deploy#119)"
        ),
        "listed-ecs": _all(LISTS_ALL),
        "every-cluster": {"on": [f"{base}:cluster/*"]},
        "every-service": {"on": [f"{base}:service/*"]},
    }


def _tagged(settings: Settings) -> dict[str, Any]:
    """Return the condition that a resource has the app's tag."""
    return {"StringEquals": {f"aws:ResourceTag/{APP_TAG}": settings.APP_NAME}}


def _ec2(settings: Settings, account: str) -> dict[str, dict[str, Any]]:
    region = settings.AWS_REGION
    base = f"arn:aws:ec2:{region}:{account}"
    tagged = _tagged(settings)
    made = {
        "StringEquals": {"ec2:CreateAction": ["RequestSpotFleet", "CreateLaunchTemplate", "RunInstances"]}
    }
    return {
        "described": _all(EC2_KNOWS_NONE),
        "quotas": {"on": _quotas(settings, account)},
        "fleets": {"on": [f"{base}:spot-fleet-request/*"]},
        "own-fleets": {"on": [f"{base}:spot-fleet-request/*"], "condition": tagged},
        "own-volumes": {"on": [f"{base}:volume/*"], "condition": tagged},
        # In one statement, since a policy is limited to 6,144 characters.
        "own-ec2": {
            "on": [f"{base}:{kind}/*" for kind in ("spot-fleet-request", "launch-template", "instance")],
            "condition": tagged,
        },
        "own-machines": {"on": [f"{base}:instance/*"], "condition": tagged},
        "templates": {"on": [f"{base}:launch-template/*"]},
        "own-templates": {"on": [f"{base}:launch-template/*"], "condition": tagged},
        # A fleet request is checked like the start of its machines (EC2 user guide, "Spot Fleet
        # permissions").
        "requested": {
            "on": [f"{base}:*/*", *(f"arn:aws:ec2:{region}::{kind}/*" for kind in ("image", "snapshot"))]
        },
        "new-tags": {"on": [f"{base}:*/*"], "condition": made},
    }


def _quotas(settings: Settings, account: str) -> list[str]:
    """Return the quotas that the machine types count towards."""
    codes = sorted({quota_code(name) for name in settings.MACHINE_TYPE} - {""})
    return [f"arn:aws:servicequotas:{settings.AWS_REGION}:{account}:ec2/{code}" for code in codes]


def _iam(settings: Settings, account: str) -> dict[str, dict[str, Any]]:
    """Return the roles and profiles: the app's own, those that others created, and AWS's."""
    roles = f"arn:aws:iam::{account}:role"
    own = partial(_own_arn, settings, account)
    made = [purpose for purpose in ("task", "instance", "fleet") if not settings.given_role(purpose)]
    given = [settings.given_role(purpose) for purpose in ("task", "fleet", "janitor")]
    makes_janitor = settings.AUTO_MONITOR and not settings.JANITOR_ROLE
    given_profile = [settings.INSTANCE_PROFILE] if settings.INSTANCE_PROFILE else []
    linked = [f"aws-service-role/{service}" for service in SERVICE_LINKED_ROLES.values()]
    return {
        "roles": {"on": [own(purpose) for purpose in made]},
        "janitor-role": {"on": [own("janitor")] if makes_janitor else []},
        "fleet-role": {"on": [_used_arn(settings, account, "fleet")]},
        "every-own-role": {"on": [own(purpose) for purpose in SERVICES]},
        # Those of all apps in the region, by the form of their names.
        "every-role": {"on": [f"{roles}/*-{settings.AWS_REGION}-fiji-*"]},
        "every-profile": {
            "on": [f"arn:aws:iam::{account}:instance-profile/*-{settings.AWS_REGION}-fiji-instance"]
        },
        "given-roles": {"on": [role_arn(name, account) for name in given if name]},
        "profile": {"on": [own("instance", "instance-profile")]},
        "given-profile": {"on": [role_arn(name, account, "instance-profile") for name in given_profile]},
        "listed-roles": _all(LISTS_ALL),
        "aws-roles": {
            "on": [f"{roles}/{path}/{name}" for path, name in zip(linked, SERVICE_LINKED_ROLES, strict=True)]
        },
        "new-aws-roles": {
            "on": [f"{roles}/{path}/*" for path in linked],
            "condition": {"StringEquals": {"iam:AWSServiceName": [*SERVICE_LINKED_ROLES.values()]}},
        },
        **{f"pass-{purpose}": _passed(settings, account, purpose) for purpose in SERVICES},
    }


def _own_arn(settings: Settings, account: str, purpose: str, kind: str = "role") -> str:
    return role_arn(role_name(settings.APP_NAME, settings.AWS_REGION, purpose), account, kind)


def _used_arn(settings: Settings, account: str, purpose: str) -> str:
    """Return the ARN of the role in use: the one in config.py, or the app's own."""
    given = settings.given_role(purpose)
    return role_arn(given, account) if given else _own_arn(settings, account, purpose)


def _passed(settings: Settings, account: str, purpose: str) -> dict[str, Any]:
    """Return a role that is passed to a service.

    The role of a profile that others created may have any name.
    """
    any_name = purpose == "instance" and settings.INSTANCE_PROFILE
    arn = f"arn:aws:iam::{account}:role/*" if any_name else _used_arn(settings, account, purpose)
    return {"on": [arn], "condition": {"StringEquals": {"iam:PassedToService": SERVICES[purpose]}}}


def _watching(settings: Settings, account: str) -> dict[str, dict[str, Any]]:
    name, place = janitor_name(settings.APP_NAME), f"{settings.AWS_REGION}:{account}"
    image = ECR_HOST.fullmatch(parse_image(settings.DOCKERHUB_TAG).host)
    repository = parse_image(settings.DOCKERHUB_TAG).repository
    parameters = f"arn:aws:ssm:{settings.AWS_REGION}::parameter/aws/service/ecs/optimized-ami"
    alarms = f"arn:aws:cloudwatch:{place}:alarm"
    return {
        "alarms": {"on": [f"{alarms}:{settings.APP_NAME}-stuck-*"]},
        "every-alarm": {"on": [f"{alarms}:*"]},
        "dashboard": {"on": [f"arn:aws:cloudwatch::{account}:dashboard/{settings.APP_NAME}"]},
        "listed-boards": _all(LISTS_ALL),
        "rule": {"on": [f"arn:aws:events:{place}:rule/{name}"]},
        "every-rule": {"on": [f"arn:aws:events:{place}:rule/*"]},
        "listed-rules": _all(LISTS_ALL),
        "function": {"on": [f"arn:aws:lambda:{place}:function:{name}"]},
        "every-function": {"on": [f"arn:aws:lambda:{place}:function:*"]},
        "listed-functions": _all(LISTS_ALL),
        "topic": {"on": [f"arn:aws:sns:{place}:{name}"]},
        "listed-topics": _all(LISTS_ALL),
        "price-list": _all("the price list knows no resources"),
        "parameter": {"on": [f"{parameters}/*"]},
        "image": {"on": [f"arn:aws:ecr:{image[2]}:{image[1]}:repository/{repository}"] if image else []},
    }
