"""What AWS's refusals mean, in its own words, as people met them."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, SSOTokenLoadError

from distributed_fiji.aws.clients import error_text
from distributed_fiji.aws.refusals import is_denied, keys_are_over, missing_action


def error(code: str, message: str, service: str = "ec2", operation: str = "DescribeInstances") -> ClientError:
    answer = {"Error": {"Code": code, "Message": message, "Service": service}, "ResponseMetadata": {}}
    return ClientError(answer, operation)  # type: ignore[arg-type]


#: kubernetes-sigs/karpenter#2813, Bogdanp/dramatiq_sqs#22, aws/chalice#1716.
KARPENTER = (
    "You are not authorized to perform this operation. User: arn:aws:sts::1:assumed-role/a/b is not"
    " authorized to perform: ec2:CreateFleet on resource: arn:aws:ec2:us-west-2:1:launch-template/* because"
    " no identity-based policy allows the ec2:CreateFleet action. Encoded authorization failure message: X"
)
DRAMATIQ = (
    "User: arn:aws:sts::1:x is not authorized to perform: sqs:createqueue on resource:"
    " arn:aws:sqs:us-west-2:1:q because no identity-based policy allows the sqs:createqueue action"
)
CHALICE = (
    "User: arn:aws:sts::1:x is not authorized to perform: iam:CreateRole on resource:"
    " arn:aws:iam::1:role/test1-dev with an explicit deny"
)
TAG_ROLE = "User: x is not authorized to perform: iam:TagRole on resource: y"
SNS = "User: x is not authorized to perform: SNS:ListTopics on resource: y"


@pytest.mark.parametrize(
    ("denied", "action", "words"),
    [
        (
            error("UnauthorizedOperation", KARPENTER, "ec2", "CreateFleet"),
            "ec2:CreateFleet",
            "permission ec2:CreateFleet is missing on arn:aws:ec2:us-west-2:1:launch-template/* (because no"
            " identity-based policy allows the ec2:CreateFleet action)",
        ),
        (
            error("AccessDenied", DRAMATIQ, "sqs", "CreateQueue"),
            "sqs:CreateQueue",
            "permission sqs:CreateQueue is missing on arn:aws:sqs:us-west-2:1:q (because",
        ),
        (
            error("AWS.SimpleQueueService.AccessDenied", DRAMATIQ, "sqs", "CreateQueue"),
            "sqs:CreateQueue",
            "permission sqs:CreateQueue is missing on arn:aws:sqs:us-west-2:1:q (because",
        ),
        (
            error("AccessDenied", CHALICE, "iam", "CreateRole"),
            "iam:CreateRole",
            "permission iam:CreateRole is missing on arn:aws:iam::1:role/test1-dev (with an explicit deny)",
        ),
        # A call that needs several actions: the one that AWS names counts.
        (
            error("AccessDenied", TAG_ROLE, "iam", "CreateRole"),
            "iam:TagRole",
            "permission iam:TagRole is missing on y",
        ),
        (
            error("UnauthorizedOperation", "You are not authorized to perform this operation."),
            "ec2:DescribeInstances",
            "permission ec2:DescribeInstances is missing",
        ),
        (error("403", "", "s3", "HeadBucket"), "s3:ListBucket", "permission s3:ListBucket is missing"),
        (
            error("AccessDenied", "Access Denied", "s3", "UploadPart"),
            "s3:PutObject",
            "permission s3:PutObject is missing",
        ),
        (
            error("AuthorizationError", SNS, "sns", "ListTopics"),
            "sns:ListTopics",
            "permission sns:ListTopics is missing on y",
        ),
    ],
)
def test_a_missing_permission_is_named_by_its_action(denied: ClientError, action: str, words: str) -> None:
    assert is_denied(denied)
    assert missing_action(denied) == action
    assert error_text(denied).startswith(words)


def test_what_is_no_denial_keeps_aws_s_own_words() -> None:
    throttled = error("ThrottlingException", "Rate exceeded")

    assert not is_denied(throttled)
    assert missing_action(throttled) == ""
    assert error_text(throttled) == "Rate exceeded"


@pytest.mark.parametrize(
    ("failed", "over"),
    [
        (error("ExpiredToken", "The security token included in the request is expired"), True),
        (error("RequestExpired", "Request has expired."), True),
        (error("InvalidClientTokenId", "The security token included in the request is invalid."), True),
        (error("AuthFailure", "AWS was not able to validate the provided access credentials"), True),
        (error("AuthFailure", "Not authorized for images: [ami-1]"), False),
        (SSOTokenLoadError(error_msg="Token for x does not exist"), True),
        (error("AccessDenied", "Access Denied"), False),
        (ConnectionError("no route"), False),
    ],
)
def test_keys_that_are_over_are_told_from_all_else(failed: Exception, over: bool) -> None:
    assert keys_are_over(failed) is over
