"""What a role may do, as data: actions on resources, and why a grant is as wide as it is. Pure.

Each action's resources stand in AWS's Service Authorization Reference; a test holds every grant to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Grant:
    """Actions of one service that are allowed on resources.

    `why_all`: why the resource is `*`, where it is. `made_by`: who makes these calls where it is not this
    project's own code. `condition`: as IAM has it.
    """

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    why_all: str = ""
    made_by: str = ""

    def statement(self) -> dict[str, Any]:
        """Return the grant as a statement of a policy."""
        statement = {"Effect": "Allow", "Action": list(self.actions), "Resource": list(self.resources)}
        condition = {operator: dict(keys) for operator, keys in self.condition.items()}
        return statement | ({"Condition": condition} if condition else {})


def grant(actions: str, *resources: str, **more: Any) -> Grant:
    """Return a grant; `actions` are of one service, as 'sqs: DeleteQueue GetQueueUrl'."""
    service, _, names = actions.partition(": ")
    return Grant(tuple(f"{service}:{name}" for name in names.split()), resources, **more)


def document(grants: Iterable[Grant]) -> dict[str, Any]:
    """Return the policy of some grants."""
    return {"Version": "2012-10-17", "Statement": [one.statement() for one in grants]}
