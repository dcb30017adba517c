"""The evaluator that the policy tests rely on: what it allows, and what it must refuse."""

from __future__ import annotations

import pytest

from distributed_fiji.aws.policies import task_policy
from distributed_fiji.janitor.policy import janitor_policy
from distributed_fiji.state.record import new_run
from tests.policy.calls import Call, Place, needs
from tests.policy.evaluator import Need, allowed
from tests.policy.test_grants import ACCOUNT, settings
from worker.contract.jobs import APP_TAG

TAG = f"aws:ResourceTag/{APP_TAG}"
BUCKET = "arn:aws:s3:::cells-bucket"
EC2, ECS, SQS = (f"arn:aws:{service}:us-east-1:{ACCOUNT}" for service in ("ec2", "ecs", "sqs"))
STATE = "distributed-fiji/Cells"

WORKER = task_policy(settings(), ACCOUNT)
JANITOR = janitor_policy(new_run(settings(), started=1.0, run_id="t", local=False), ACCOUNT)


@pytest.mark.parametrize(
    ("policy", "need", "expected"),
    [
        (WORKER, Need("s3:GetObject", f"{BUCKET}/a/b.tif"), True),
        (WORKER, Need("s3:GetObject", f"{BUCKET}2/a/b.tif"), False),
        (WORKER, Need("s3:DeleteObject", f"{BUCKET}/a/b.tif"), False),
        (WORKER, Need("s3:ListBucket", BUCKET), True),
        (WORKER, Need("s3:ListBucket", f"{BUCKET}/a"), False),
        (WORKER, Need("sqs:ReceiveMessage", f"{SQS}:CellsQueue"), True),
        (WORKER, Need("sqs:ReceiveMessage", f"{SQS}:CellsQueue2"), False),
        (WORKER, Need("sqs:SendMessage", f"{SQS}:CellsQueue"), True),
        (WORKER, Need("sqs:SendMessage", f"{SQS}:CellsDeadMessages"), False),
        (WORKER, Need("sqs:PurgeQueue", f"{SQS}:CellsQueue"), False),
        (WORKER, Need("sqs:ReceiveMessage", f"{SQS}:CellsQueue".replace("us-east-1", "eu-west-1")), False),
        (WORKER, Need("ecs:UpdateTaskProtection", f"{ECS}:task/CellsCluster/1", {TAG: "Cells"}), True),
        (WORKER, Need("ecs:UpdateTaskProtection", f"{ECS}:task/CellsCluster/1", {TAG: "Cells2"}), False),
        (WORKER, Need("ecs:UpdateTaskProtection", f"{ECS}:task/CellsCluster/1"), False),
        (WORKER, Need("ecs:UpdateTaskProtection", f"{ECS}:task/Others/1", {TAG: "Cells"}), False),
        (JANITOR, Need("ec2:TerminateInstances", f"{EC2}:instance/i-1", {TAG: "Cells"}), True),
        (JANITOR, Need("ec2:TerminateInstances", f"{EC2}:instance/i-1", {TAG: "CellsToo"}), False),
        (JANITOR, Need("ec2:TerminateInstances", f"{EC2}:instance/i-1"), False),
        (JANITOR, Need("ec2:RunInstances", f"{EC2}:instance/i-1", {TAG: "Cells"}), False),
        (JANITOR, Need("s3:ListBucket", BUCKET, {"s3:prefix": f"{STATE}/runs/"}), True),
        (JANITOR, Need("s3:ListBucket", BUCKET), True),
        (JANITOR, Need("s3:ListBucket", BUCKET, {"s3:prefix": ""}), True),
        (JANITOR, Need("ecs:ListTasks", "*", {"ecs:cluster": f"{ECS}:cluster/CellsCluster"}), True),
        (JANITOR, Need("ecs:ListTasks", "*", {"ecs:cluster": f"{ECS}:cluster/Others"}), False),
        (JANITOR, Need("ecs:ListTasks", "*"), False),
        (JANITOR, Need("s3:DeleteObject", f"{BUCKET}/{STATE}/runs/us-east-1/t.json"), True),
        (JANITOR, Need("s3:DeleteObject", f"{BUCKET}/{STATE}/runs/eu-west-1/t.json"), False),
        (JANITOR, Need("s3:DeleteObject", f"{BUCKET}/{STATE}/manifests/t.json"), False),
        (JANITOR, Need("s3:GetObject", f"{BUCKET}/results/t.tif"), False),
        (JANITOR, Need("sqs:DeleteQueue", f"{SQS}:CellsQueue"), True),
        (JANITOR, Need("sqs:DeleteQueue", f"{SQS}:Cells2Queue"), False),
    ],
)
def test_what_a_role_may_do_and_what_not(policy: dict, need: Need, expected: bool) -> None:
    assert allowed(policy, need) is expected


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"},
        {"Effect": "Allow", "NotAction": "s3:*", "Action": "s3:*", "Resource": "*"},
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {"Bool": {"x": "true"}}},
    ],
)
def test_what_the_evaluator_does_not_know_it_does_not_judge(statement: dict) -> None:
    with pytest.raises(ValueError, match="this evaluator"):
        allowed({"Statement": [statement]}, Need("s3:GetObject", BUCKET))


def test_what_one_statement_denies_no_other_allows() -> None:
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    deny = {"Effect": "Deny", "Action": "s3:Put*", "Resource": f"{BUCKET}/*"}

    def judged(action: str) -> bool:
        return allowed([{"Statement": [allow]}, {"Statement": [deny]}], Need(action, f"{BUCKET}/a"))

    assert judged("s3:GetObject")
    assert not judged("s3:PutObject")


def test_a_call_that_is_not_known_is_no_call_that_is_allowed() -> None:
    with pytest.raises(LookupError):
        needs(Call("ec2", "CreateVpc"), Place("us-east-1", ACCOUNT))


def test_an_object_that_is_not_there_needs_the_right_to_list() -> None:
    call = Call("s3", "HeadObject", {"Bucket": "cells-bucket", "Key": "a"})

    actions = [[need.action for need in needs(call.ended(status), Place("", ""))] for status in (200, 404)]

    assert actions == [["s3:GetObject"], ["s3:GetObject", "s3:ListBucket"]]
