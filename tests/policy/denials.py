"""AccessDenied in the form of each AWS service: status, headers and body, by the service's protocol.

EC2's message: kubernetes-sigs/karpenter#2813. SQS writes actions in lower case (Bogdanp/dramatiq_sqs#22) and
gives its older code in a header (SQS developer guide, "JSON protocol"). SNS says AuthorizationError (SNS API
reference, "Common errors"). S3 has no body for HEAD (S3 API reference, "Error responses").
"""

from __future__ import annotations

import json
from xml.sax.saxutils import escape

from tests.policy.evaluator import Need

Answer = tuple[int, list[tuple[str, str]], bytes]


def sentence(caller: str, need: Need) -> str:
    """Return AWS's message about an action that no policy allows."""
    service, _, name = need.action.partition(":")
    action = f"{service}:{name.lower()}" if service == "sqs" else need.action
    return (
        f"User: {caller} is not authorized to perform: {action} on resource: {need.resource} because no"
        f" identity-based policy allows the {action} action"
    )


def denial(service: str, method: str, caller: str, need: Need) -> Answer:
    """Return a service's answer to a call that needs what its caller may not do."""
    said = sentence(caller, need)
    if service == "ec2":
        return _ec2(said)
    if service == "s3":
        body = (
            ""
            if method == "HEAD"
            else f"<Error><Code>AccessDenied</Code><Message>{escape(said)}</Message></Error>"
        )
        return 403, [("Content-Type", "application/xml")], body.encode()
    if service in ("iam", "sts", "sns"):
        code = "AuthorizationError" if service == "sns" else "AccessDenied"
        error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(said)}</Message></Error>"
        body = f"<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>"
        return 403, [("Content-Type", "text/xml")], body.encode()
    headers = [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-ErrorType", "AccessDeniedException")]
    if service in ("sqs", "cloudwatch"):
        headers.append(("x-amzn-query-error", "AccessDenied;Sender"))
    body = json.dumps({"__type": "AccessDeniedException", "message": said, "Message": said})
    return (403 if service in ("lambda", "sqs", "cloudwatch") else 400), headers, body.encode()


def _ec2(said: str) -> Answer:
    message = (
        f"You are not authorized to perform this operation. {said}. Encoded authorization failure message: x"
    )
    error = f"<Error><Code>UnauthorizedOperation</Code><Message>{escape(message)}</Message></Error>"
    body = f"<Response><Errors>{error}</Errors><RequestID>r</RequestID></Response>"
    return 403, [("Content-Type", "text/xml;charset=UTF-8")], body.encode()
