"""What a role may do, as data: actions on resources, and why a grant is as broad as it is. Pure.

Each action's resources are listed in AWS's Service Authorization Reference; a test holds every grant to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Grant:
    """Actions of one service that are allowed, or denied, on resources.

    `why_all`: why the resource is `*`, if it is. `made_by`: who makes these calls, if not this project's own
    code. `condition`: as in IAM.
    """

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: Mapping[str, Mapping[str, str | list[str]]] = field(default_factory=dict)
    why_all: str = ""
    made_by: str = ""
    effect: str = "Allow"

    def statement(self) -> dict[str, Any]:
        """Return the grant as a policy statement."""
        statement: dict[str, Any] = {
            "Effect": self.effect,
            "Action": list(self.actions),
            "Resource": list(self.resources),
        }
        condition = {operator: dict(keys) for operator, keys in self.condition.items()}
        return statement | ({"Condition": condition} if condition else {})


def grant(actions: str, *resources: str, **more: Any) -> Grant:
    """Return a grant. `actions` belong to one service, as in 'sqs: DeleteQueue GetQueueUrl'."""
    service, _, names = actions.partition(": ")
    return Grant(tuple(f"{service}:{name}" for name in names.split()), resources, **more)


def denial(actions: str, *resources: str) -> Grant:
    """Return a denial, which overrides all grants. It excludes part of what a grant must cover as a whole."""
    return grant(actions, *resources, effect="Deny")


def s3_keys(*buckets: str) -> Grant:
    """Return a grant of the KMS keys that encrypt some buckets, for use by S3 only.

    S3 calls KMS with the rights of its own caller, and names bucket or object in the encryption context (S3
    user guide, "Using server-side encryption with AWS KMS keys"). So the key need not be known, and one that
    another account shares works too. `buckets`: ARNs.
    """
    places = [place for bucket in sorted(set(buckets)) for place in (bucket, f"{bucket}/*")]
    return grant(
        "kms: Decrypt GenerateDataKey",
        "arn:aws:kms:*:*:key/*",
        condition={
            "StringLike": {"kms:EncryptionContext:aws:s3:arn": places, "kms:ViaService": "s3.*.amazonaws.com"}
        },
        made_by="S3, where a bucket is encrypted with a KMS key",
    )


#: The most characters of a managed policy (IAM user guide, "IAM and AWS STS quotas").
MANAGED_CHARACTERS = 6_144


def document(grants: Iterable[Grant]) -> dict[str, Any]:
    """Return the policy for some grants, with each action and each resource written once if possible.

    A policy that would be too long for a managed one is packed further, which makes it harder to read.
    """
    merged = merge_grants(grants)
    policy = _policy(merged)
    return policy if characters(policy) <= MANAGED_CHARACTERS else _policy(pack_services(merged))


def _policy(grants: Iterable[Grant]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [one.statement() for one in grants]}


def pack_services(grants: Iterable[Grant]) -> list[Grant]:
    """Return the same grants in fewer statements, by combining those of different services.

    An action applies only to resources of its own service, so no grant becomes broader. Grants on `*`, which
    matches every service, stay separate.
    """
    packed: list[tuple[Grant, set[str]]] = []
    for one in grants:
        services = {action.partition(":")[0] for action in one.actions}
        for number, (other, others) in enumerate(packed):
            alike = (one.effect, one.condition) == (other.effect, other.condition)
            if alike and services.isdisjoint(others) and "*" not in {*one.resources, *other.resources}:
                both = replace(
                    other, actions=other.actions + one.actions, resources=other.resources + one.resources
                )
                packed[number] = both, others | services
                break
        else:
            packed.append((one, services))
    return [one for one, _ in packed]


def merge_grants(grants: Iterable[Grant]) -> list[Grant]:
    """Return grants that allow the same in fewer words: a role's inline policies may have 10,240 characters.

    Each action gets all its resources, except those that a broader one covers; then actions on the same
    resources are combined. Denials, and grants with different conditions, stay separate.
    """
    resources: dict[tuple[str, str, str], dict[str, None]] = {}
    for one in grants:
        condition = json.dumps({name: dict(keys) for name, keys in one.condition.items()})
        for action in one.actions:
            resources.setdefault((one.effect, condition, action), {}).update(dict.fromkeys(one.resources))
    together: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for (effect, condition, action), found in resources.items():
        together.setdefault((effect, condition, _widest(found)), []).append(action)
    return [
        Grant(tuple(actions), where, json.loads(condition), effect=effect)
        for (effect, condition, where), actions in together.items()
    ]


def _widest(resources: Iterable[str]) -> tuple[str, ...]:
    """Return resources without those that another one covers with a `*` at its end."""
    wide = [name for name in resources if name.endswith("*")]
    return tuple(
        name
        for name in resources
        if not any(name != other and name.startswith(other[:-1]) for other in wide if "*" not in other[:-1])
    )


def characters(policy: Mapping[str, Any]) -> int:
    """Return a policy's length as IAM counts it, without white space (IAM user guide, "Quotas")."""
    return len("".join(json.dumps(policy).split()))
