"""What AWS's refusals mean: a missing permission, by its action, or expired keys. Pure.

It uses only the standard library and botocore, because the janitor's Lambda imports it too.
"""

from __future__ import annotations

import re

from botocore import exceptions
from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    RefreshWithMFAUnsupportedError,
    SSOError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

#: botocore's errors about sessions that `aws login` started. Lambda's botocore may be older and lack them.
LOGIN: tuple[type[Exception], ...] = tuple(filter(None, (getattr(exceptions, "LoginError", None),)))

#: Codes with which AWS refuses a call for lack of a permission. EC2, SNS and S3 have their own codes. An
#: answer to HEAD has no body, so botocore gives its status (errors of EC2, SNS and S3 in their API
#: references).
DENIED = (
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "AuthorizationError",
    "AuthorizationErrorException",
    "403",
)

#: Codes for keys that have expired or that AWS does not know (IAM and STS API references, "Common errors").
KEYS_OVER = (
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "InvalidToken",
)

#: botocore's errors if it has no keys, half of them, or cannot renew those it has.
NO_KEYS: tuple[type[Exception], ...] = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    RefreshWithMFAUnsupportedError,
    SSOError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
    *LOGIN,
)

#: Operations whose action has a different name (Service Authorization Reference).
OTHER_NAMES = {
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:HeadObject": "s3:GetObject",
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:UploadPart": "s3:PutObject",
    "s3:CompleteMultipartUpload": "s3:PutObject",
    "s3:ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "service-quotas:GetServiceQuota": "servicequotas:GetServiceQuota",
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}

#: AWS's message, such as "User: ARN is not authorized to perform: sns:ListTopics on resource: ARN because no
#: identity-based policy allows the sns:ListTopics action" (kubernetes-sigs/karpenter#2813, EC2;
#: Bogdanp/dramatiq_sqs#22, SQS, which writes the action in lower case).
SENTENCE = re.compile(
    r"not authorized to perform: (?P<action>[\w-]+:\w+)(?: on resource: (?P<resource>\S+))?"
    r"(?P<why> because [^.]*| with an explicit deny[^.]*)?",
    re.IGNORECASE,
)


#: AWS's reason if one of the user's own policies denies, as one does that requires MFA first (IAM user guide,
#: "AWS: Allows MFA-authenticated IAM users to manage their own credentials").
OWN_DENY = "explicit deny in an identity-based policy"


def is_denied(error: BaseException) -> bool:
    """Whether AWS refused a call for lack of a permission."""
    return isinstance(error, ClientError) and _code(error) in DENIED


def _code(error: ClientError) -> str:
    """Return an error's code. SQS adds a prefix to some, as in AWS.SimpleQueueService.AccessDenied."""
    return str(error.response["Error"].get("Code", "")).rpartition(".")[2]


def action_of(service: str, operation: str) -> str:
    """Return the IAM action that a boto3 call needs, such as 'sqs:SendMessage'."""
    name = f"{service}:{operation}"
    return OTHER_NAMES.get(name, name)


def missing_action(error: BaseException) -> str:
    """Return the action that a denied call lacks, such as 'sns:ListTopics'; '' if AWS denied nothing.

    AWS's own message takes precedence, since a call may need several actions. EC2's older messages, and S3's
    answers to HEAD, name none; then it is derived from the call.
    """
    if not is_denied(error):
        return ""
    assert isinstance(error, ClientError)
    called = action_of(str(error.response["Error"].get("Service", "")), error.operation_name)
    said = SENTENCE.search(error.response["Error"].get("Message", ""))
    if said is None:
        return called.removeprefix(":")
    return called if said["action"].lower() == called.lower() else said["action"]


def denied_text(error: BaseException) -> str:
    """Return a sentence that names the missing permission; '' if AWS denied nothing."""
    action = missing_action(error)
    if not action:
        return ""
    assert isinstance(error, ClientError)
    said = SENTENCE.search(error.response["Error"].get("Message", ""))
    resource = f" on {said['resource'].rstrip('.')}" if said and said["resource"] else ""
    why = (said["why"] or "").strip() if said else ""
    if OWN_DENY in why:
        why += "; an account that requires MFA first responds like this, see docs/permissions.md"
    return f"permission {action} is missing{resource}{f' ({why})' if why else ''}"


def keys_are_over(error: BaseException) -> bool:
    """Whether a call failed because the keys have expired, are unknown, or cannot be renewed here."""
    if not isinstance(error, ClientError):
        return isinstance(error, NO_KEYS)
    code, message = _code(error), error.response["Error"].get("Message", "")
    # EC2 also answers AuthFailure for images that the caller may not use (EC2 API reference, "Error codes").
    return code in KEYS_OVER or (code == "AuthFailure" and "credentials" in message)
