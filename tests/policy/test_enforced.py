"""The main job and the janitor's rounds with every policy enforced: what is not granted is refused.

With everything that needs more: an ACL on uploads, a bucket with its own key, inputs in another bucket.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import Ended
from tests.policy.enforcement import Institute, institute

SCRIPT = """
#@ String Well
#@ Boolean (value=false) broken
#@ String (value="") image
if (broken) { open_no_such_function(); }
File.saveString(Well + "\\n", "output/" + Well + ".txt");
"""

#: The bucket's key, which belongs to another account.
KEY = "arn:aws:kms:us-east-1:999999999999:key/1234abcd-12ab-34cd-56ef-1234567890ab"

#: With NOTIFY_EMAIL.
MAIL = {"sns:CreateTopic", "sns:ListSubscriptionsByTopic", "sns:Subscribe", "sns:TagResource"}
#: Without an app's name, `inventory` looks for all apps.
ALL_APPS = {
    "events:ListRules",
    "events:ListTagsForResource",
    "iam:ListRoleTags",
    "iam:ListRoles",
    "lambda:ListFunctions",
    "lambda:ListTags",
}
#: Grants of a user that this run does not need, by command. `monitor` has what the janitor has, whose grants
#: tests/monitor/test_policy.py finds all used; here the two share the work as it comes.
NOT_MET: dict[str, set[str]] = {
    # Settings that have changed since, a boundary, an earlier version's role trust.
    "setup": MAIL
    | {
        "ecs:DescribeTaskDefinition",
        "ecs:UpdateService",
        "iam:PutRolePermissionsBoundary",
        "iam:UpdateAssumeRolePolicy",
        "sqs:SetQueueAttributes",
    },
    # --undo and --replace, a script in S3, --bundle.
    "submitJob": {
        "iam:GetRolePolicy",
        "kms:Decrypt",
        "s3:DeleteObject",
        "s3:GetObject",
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:ReceiveMessage",
    },
    "redrive": set(),
    # A failed start is taken back, failing tasks are explained, a janitor of an earlier version, a key;
    # an earlier run whose teardown was interrupted is finished.
    "startCluster": MAIL
    | {
        "cloudwatch:DeleteAlarms",
        "cloudwatch:DeleteDashboards",
        "cloudwatch:DescribeAlarms",
        "ec2:CancelSpotFleetRequests",
        "ec2:CreateLaunchTemplateVersion",
        "ec2:DescribeInstances",
        "ec2:DescribeKeyPairs",
        "ec2:TerminateInstances",
        "ecs:DescribeTasks",
        "ecs:ListTasks",
        "ecs:StopTask",
        "sqs:ChangeMessageVisibility",
        "sqs:ListQueueTags",
        "sqs:ReceiveMessage",
        "events:DeleteRule",
        "events:RemoveTargets",
        "iam:CreateRole",
        "iam:PutRolePermissionsBoundary",
        "iam:PutRolePolicy",
        "iam:TagRole",
        "iam:UpdateAssumeRolePolicy",
        "lambda:DeleteFunction",
        "lambda:GetPolicy",
        "lambda:UpdateFunctionCode",
        "lambda:UpdateFunctionConfiguration",
        "logs:CreateLogGroup",
        "logs:FilterLogEvents",
        "logs:PutRetentionPolicy",
        "logs:TagResource",
        "s3:DeleteObject",
    },
    "inventory": ALL_APPS | {"ecs:DescribeTasks", "kms:GenerateDataKey"},
    # A run that is still alive.
    "cleanup": ALL_APPS
    | {
        "cloudwatch:DeleteAlarms",
        "cloudwatch:DeleteDashboards",
        "ec2:CancelSpotFleetRequests",
        "ec2:DeleteLaunchTemplate",
        "ec2:DeleteVolume",
        "ec2:TerminateInstances",
        "ecs:DeregisterContainerInstance",
        "ecs:DescribeContainerInstances",
        "ecs:DescribeTasks",
        "ecs:StopTask",
        "events:DeleteRule",
        "events:RemoveTargets",
        "kms:GenerateDataKey",
        "lambda:DeleteFunction",
        "s3:AbortMultipartUpload",
        "sns:DeleteTopic",
    },
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Institute]:
    """An account whose bucket has its own key, and an app whose uploads set an ACL."""
    folder = tmp_path_factory.mktemp("enforced")
    app = f"Enforced{os.getpid()}"
    with institute(app, folder, {"DISTRIBUTED_FIJI_LOCAL_MINUTE": "1"}) as lab:
        s3 = lab.cloud.client("s3")
        for bucket in ("lab-bucket", "core-facility"):
            s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket="core-facility", Key="plate/A01.txt", Body=b"pixels")
        lab.law.keys["lab-bucket"] = KEY
        (folder / "script.ijm").write_text(SCRIPT)
        (folder / "fleet.json").write_text("{}")
        lab.configure(
            APP_NAME=app,
            ECS_CLUSTER=f"{app}Cluster",
            AWS_BUCKET="lab-bucket",
            MORE_SOURCE_BUCKETS=["core-facility"],
            UPLOAD_FLAGS=f"--acl bucket-owner-full-control --sse aws:kms --sse-kms-key-id {KEY}",
            SCRIPT_DOWNLOAD_URL="script.ijm",
            DOCKERHUB_TAG="registry.invalid/worker:1",
            CLUSTER_MACHINES=1,
            MACHINE_TYPE="m5.large",
            MEMORY=1000,
            JOB_RETRIES=1,
        )
        yield lab
        lab.record.unlink(missing_ok=True)


def done(lab: Institute, *command: object) -> Ended:
    """Run a command that must succeed."""
    ended = lab.run(*map(str, command))
    assert (ended.code, lab.denied(), lab.law.unjudged) == (0, set(), []), ended.said
    return ended


def submit(lab: Institute, groups: list[dict[str, object]]) -> None:
    done(lab, "submitJob", job_file(lab, groups))


def job_file(lab: Institute, groups: list[dict[str, object]]) -> Path:
    path = lab.folder / "job.json"
    path.write_text(json.dumps({"output_file_location": "results", "groups": groups}))
    return path


def wait_until_nothing_bills(lab: Institute) -> None:
    """Wait for the janitor, which runs often because a scheduled minute takes a second."""
    deadline = time.monotonic() + 180
    while any(item["bills"] for item in json.loads(lab.run("inventory", lab.app, "--json").out)):
        assert time.monotonic() < deadline
        time.sleep(1)


def outputs(lab: Institute) -> set[str]:
    found = lab.cloud.client("s3").list_objects_v2(Bucket="lab-bucket", Prefix="results/")
    return {item["Key"].rpartition("/")[2] for item in found.get("Contents", [])}


def test_the_main_job_is_done_with_the_least_that_is_granted_and_no_more_is_granted(lab: Institute) -> None:
    image = "s3://core-facility/plate/A01.txt"
    done(lab, "setup")
    submit(lab, [{"Well": "A01", "image": image}, {"Well": "B01", "broken": True}])
    done(lab, "startCluster", lab.folder / "fleet.json")
    done(lab, "status")
    examined = lab.run("doctor")  # both jobs may have ended by now, and one of them given up
    assert (examined.code in (0, 1), lab.denied(), lab.law.unjudged) == (True, set(), []), examined.said
    done(lab, "report", "-o", lab.folder / "early")
    watched = lab.run("monitor", lab.record)
    assert (watched.code, lab.denied()) == (3, set()), watched.said
    assert "1 job done, 1 given up" in watched.out
    assert outputs(lab) == {"A01.txt"}
    done(lab, "setup")
    for looking in (("status",), ("failures",), ("logs", "--well", "B01")):
        done(lab, *looking)
    done(lab, "collect", "*.txt", "-o", lab.folder / "all.csv")
    done(lab, "report", "--tables", "*.txt", "-o", lab.folder / "late")
    done(lab, "redrive")
    done(lab, "retry", "--all")
    done(lab, "resubmit", lab.folder / "job.json", "--yes")
    done(lab, "inventory", lab.app)
    done(lab, "cleanup", lab.app, "--yes", "--keep", "")

    for role in (lab.law.tasks, lab.law.machines):
        assert sum(lab.law.used[role].values()) > 5, "workers and machines went through the gate"
    more = {command: lab.never_used(command) - known for command, known in NOT_MET.items()}
    assert not any(more.values()), more


def test_what_is_not_granted_is_refused_and_named(lab: Institute) -> None:
    done(lab, "setup")
    key = "user-submitJob"
    before = lab.law.callers[key]
    (policy,) = before[1]()
    less = json.loads(json.dumps(policy).replace("sqs:SendMessage", "sqs:PurgeQueue"))
    lab.allow(key, [less])
    try:
        ended = lab.run("submitJob", str(job_file(lab, [{"Well": "C01"}])))
    finally:
        lab.law.callers[key] = before
        denied = {action for _, action, _ in lab.denied()}
        lab.law.denied.clear()

    assert ended.code == 1, ended.said
    assert denied == {"sqs:SendMessage"}
    assert "permission sqs:SendMessage is missing" in ended.err


@pytest.mark.thorough
def test_the_janitor_ends_a_run_with_its_own_role_alone(lab: Institute) -> None:
    done(lab, "setup")
    # The test above was refused this C01, whose submission counts as interrupted.
    done(lab, "submitJob", job_file(lab, [{"Well": "C01"}, {"Well": "D01", "broken": True}]), "--yes")
    done(lab, "startCluster", lab.folder / "fleet.json")
    wait_until_nothing_bills(lab)

    assert "C01.txt" in outputs(lab)
    assert sum(lab.law.used[lab.role("janitor")].values()) > 20
    done(lab, "cleanup", lab.app, "--yes", "--keep", "")
