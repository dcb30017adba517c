"""A small evaluator of identity policies: Allow and Deny statements, with the conditions that we use.

It follows the IAM user guide ("Policy evaluation logic", "Condition operators"), and raises an error for what
it does not know. No Python library was found that evaluates policies. moto's own access control checks no
resources except S3's, and no conditions; policy_sentry and policyuniverse write and expand policies; and
cloud-copilot's iam-simulate, whose data tests/policy uses, is for Node.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Need:
    """What a call needs: an action on a resource. `context`: the condition keys in the request."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict, hash=False)


def allowed(policy: Mapping[str, Any] | Iterable[Mapping[str, Any]], need: Need) -> bool:
    """Whether policies allow what a call needs: one statement must allow it, and none may deny it."""
    policies = [policy] if isinstance(policy, Mapping) else policy
    statements = [statement for one in policies for statement in one["Statement"] if fits(statement, need)]
    effects = {statement["Effect"] for statement in statements}
    return "Allow" in effects and "Deny" not in effects


def fits(statement: Mapping[str, Any], need: Need) -> bool:
    """Whether a statement applies to what a call needs. Raises ValueError for what is not known here."""
    known = {"Sid", "Effect", "Action", "Resource", "Condition"}
    if statement["Effect"] not in ("Allow", "Deny") or statement.keys() - known:
        raise ValueError(f"this evaluator cannot judge {statement}")
    return (
        any(like(pattern.lower(), need.action.lower()) for pattern in as_list(statement["Action"]))
        and any(like(pattern, need.resource) for pattern in as_list(statement["Resource"]))
        and all(
            holds(operator, key, as_list(values), need.context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def holds(operator: str, key: str, values: Iterable[str], context: Mapping[str, str]) -> bool:
    """Whether a condition holds. A key missing from the request fails it, unless it ends in IfExists."""
    plain = operator.removesuffix("IfExists")
    if plain not in ("StringEquals", "StringLike", "ArnEquals"):
        raise ValueError(f"this evaluator does not know {operator}")
    if key not in context:
        return plain != operator
    if plain == "StringEquals":
        return context[key] in values
    return any(like(pattern, context[key]) for pattern in values)


def like(pattern: str, text: str) -> bool:
    """Whether a text matches a pattern in which * is anything and ? is one character."""
    parts = {"*": ".*", "?": "."}
    expression = "".join(parts.get(character, re.escape(character)) for character in pattern)
    return re.fullmatch(expression, text, re.DOTALL) is not None


def as_list(value: Any) -> list[Any]:
    """Return a policy's value as the list that it stands for."""
    return value if isinstance(value, list) else [value]
