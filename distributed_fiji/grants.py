"""What a role may do, as data: actions on resources, and why a grant is as wide as it is. Pure.

Each action's resources stand in AWS's Service Authorization Reference; a test holds every grant to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Grant:
    """Actions of one service that are allowed on resources, or denied.

    `why_all`: why the resource is `*`, where it is. `made_by`: who makes these calls where it is not this
    project's own code. `condition`: as IAM has it.
    """

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: Mapping[str, Mapping[str, str | list[str]]] = field(default_factory=dict)
    why_all: str = ""
    made_by: str = ""
    effect: str = "Allow"

    def statement(self) -> dict[str, Any]:
        """Return the grant as a statement of a policy."""
        statement: dict[str, Any] = {
            "Effect": self.effect,
            "Action": list(self.actions),
            "Resource": list(self.resources),
        }
        condition = {operator: dict(keys) for operator, keys in self.condition.items()}
        return statement | ({"Condition": condition} if condition else {})


def grant(actions: str, *resources: str, **more: Any) -> Grant:
    """Return a grant; `actions` are of one service, as 'sqs: DeleteQueue GetQueueUrl'."""
    service, _, names = actions.partition(": ")
    return Grant(tuple(f"{service}:{name}" for name in names.split()), resources, **more)


def denial(actions: str, *resources: str) -> Grant:
    """Return what is denied, whatever grants allow; for a part of what one must be wide enough to reach."""
    return grant(actions, *resources, effect="Deny")


def s3_keys(*buckets: str) -> Grant:
    """Return a grant of the KMS keys that encrypt some buckets, for S3 to use and nobody else.

    S3 asks KMS with the rights of whoever asks S3, and names bucket or object in the encryption context (S3
    user guide, "Using server-side encryption with AWS KMS keys"). So no key need be known, and one that
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


def document(grants: Iterable[Grant]) -> dict[str, Any]:
    """Return the policy of some grants."""
    return {"Version": "2012-10-17", "Statement": [one.statement() for one in grants]}
