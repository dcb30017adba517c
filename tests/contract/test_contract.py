"""A test makes every request in the code, and AWS would accept every request that tests make.

The second half is in tests/conftest.py, where each test's requests are judged; here the judges are tested.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from botocore.session import Session

from tests.contract.made import MADE
from tests.contract.model import violations
from tests.contract.rules import RULES, broken_rules
from tests.contract.static import asked_in, sources

CHECKOUT = Path(__file__).resolve().parents[2]


def made() -> set[tuple[str, str]]:
    return {tuple(one.split(":")) for requests in MADE.values() for one in requests}  # type: ignore[misc]


def test_every_request_in_the_code_is_made_by_a_test() -> None:
    known = made()
    missing = [
        (str(path.relative_to(CHECKOUT)), group)
        for path in sources()
        for group in asked_in(path.read_text(encoding="utf-8"))
        if not group & known
    ]

    assert missing == [], "no test in tests/contract/made.py makes it; record says how to write it down"


def test_every_test_that_is_named_as_making_a_request_is_there() -> None:
    for test in MADE:
        path, _, name = test.partition("::")
        text = (CHECKOUT / path).read_text(encoding="utf-8")
        assert f"def {name.partition('[')[0]}(" in text, test


def wrong(service: str, operation: str, **parameters: Any) -> str:
    model = Session().get_service_model(service).operation_model(operation)
    lines = violations(model.input_shape, parameters) + broken_rules(service, operation, parameters)
    return "; ".join(lines)


def test_what_botocore_lets_through_and_aws_refuses_is_seen() -> None:
    threshold = {"AlarmName": "a", "EvaluationPeriods": 1, "Period": 300, "Threshold": 1.0}

    assert "is none of" in wrong("cloudwatch", "PutMetricAlarm", **threshold, ComparisonOperator="Below")
    assert "RoleName" in wrong("iam", "GetRole", RoleName="a role")
    assert "64 at most" in wrong("iam", "GetRole", RoleName="r" * 65)
    assert "RuleArn" in wrong("events", "PutRule", Name="a", RuleArn="b")
    many = [{"Name": "instance-id", "Values": [f"i-{number}" for number in range(201)]}]
    assert "200 at most" in wrong("ec2", "DescribeInstances", Filters=many)
    letters = [{"Id": str(number), "MessageBody": "x" * 200_000} for number in range(10)]
    assert "together" in wrong("sqs", "SendMessageBatch", QueueUrl="q", Entries=letters)
    mark = {"submission": {"DataType": "String", "StringValue": "x"}}
    full = {"Id": "0", "MessageBody": "x" * (2**20 - 10), "MessageAttributes": mark}
    assert "together" in wrong("sqs", "SendMessageBatch", QueueUrl="q", Entries=[full])
    assert wrong("iam", "GetRole", RoleName="Cells-us-east-1-fiji-task") == ""


def test_every_rule_names_operations_of_its_service_and_a_page() -> None:
    for rule in RULES:
        known = {"*", *Session().get_service_model(rule.service).operation_names}
        assert set(rule.operations) <= known, rule
        assert rule.page
