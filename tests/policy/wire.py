"""Parse requests to AWS: service, operation, parameters, and whose key signed them.

Shapes are botocore's; moto's parsers read the protocols of EC2, IAM and SNS.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

from moto.core.parse import PROTOCOL_PARSERS
from moto.core.utils import get_service_model

from tests.policy.calls import Call

#: Signing names of services that boto3 names differently.
SIGNED_AS = {"monitoring": "cloudwatch"}

CREDENTIAL = re.compile(r"Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")

#: S3 parameters that need the right to set an ACL, by header (S3 API reference, PutObject).
ACL_HEADERS = {
    "ACL": "x-amz-acl",
    "GrantFullControl": "x-amz-grant-full-control",
    "GrantRead": "x-amz-grant-read",
    "GrantReadACP": "x-amz-grant-read-acp",
    "GrantWriteACP": "x-amz-grant-write-acp",
}

#: Services by the prefix of X-Amz-Target, for requests that are not signed as AWS requires.
TARGETS = {"AmazonSQS": "sqs", "Logs_20140328": "logs"}


def signed_by(headers: Mapping[str, str]) -> tuple[str, str, str]:
    """Return access key, region and service of a request's signature; empty if it has none."""
    found = CREDENTIAL.search(_header(headers, "Authorization"))
    if found is None:
        return "", "", ""
    return found[1], found[2], SIGNED_AS.get(found[3], found[3])


def read_call(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Call:
    """Return the call that a request makes. Raises ValueError if it cannot be read."""
    target = _header(headers, "X-Amz-Target")
    service = signed_by(headers)[2]
    if target:
        prefix, _, operation = target.partition(".")
        return Call(service or TARGETS[prefix], operation, json.loads(body or b"{}"))
    if _header(headers, "Content-Type").startswith("application/x-www-form-urlencoded") and service != "s3":
        return _read_form(service, body)
    if service == "lambda":
        return _read_lambda(method, path, body)
    call = _read_s3(method, path, body)
    given = {name: _header(headers, header) for name, header in ACL_HEADERS.items()}
    return Call(
        "s3", call.operation, {**call.parameters, **{name: text for name, text in given.items() if text}}
    )


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name.lower()), "")


@functools.cache
def _model(service: str) -> Any:
    return get_service_model(service)


def _read_form(service: str, body: bytes) -> Call:
    values = dict(parse_qsl(body.decode(), keep_blank_values=True))
    model = _model(service)
    operation = model.operation_model(values["Action"])
    parser = PROTOCOL_PARSERS[model.protocol](operation)
    parsed = parser.parse({"values": values, "headers": {}, "body": body, "method": "POST"})
    return Call(service, operation.name, _plain(parsed))


def _plain(value: Any) -> Any:
    """Return what moto has parsed as plain data with AWS's own names."""
    if hasattr(value, "original_dict"):
        value = value.original_dict()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _read_lambda(method: str, path: str, body: bytes) -> Call:
    plain = urlsplit(path).path.rstrip("/")
    model = _model("lambda")
    for name in model.operation_names:
        operation = model.operation_model(name)
        pattern = re.sub(
            r"\{(\w+)\+?\}", r"(?P<\1>[^/]+)", urlsplit(operation.http["requestUri"]).path.rstrip("/")
        )
        found = re.fullmatch(pattern, plain)
        if found and operation.http["method"] == method:
            parameters = json.loads(body) if body.startswith(b"{") else {}
            return Call(
                "lambda", name, {**parameters, **{k: unquote(v) for k, v in found.groupdict().items()}}
            )
    raise ValueError(f"{method} {path} is no operation of Lambda")


def _read_s3(method: str, path: str, body: bytes) -> Call:
    parts = urlsplit(path)
    query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
    operation = s3_operation(method, key, query)
    parameters: dict[str, Any] = {"Bucket": bucket, "Key": key, "Prefix": query.get("prefix")}
    if operation == "DeleteObjects":
        keys = re.findall(rb"<Key>(.*?)</Key>", body)
        parameters["Delete"] = {"Objects": [{"Key": key.decode()} for key in keys]}
    return Call("s3", operation, parameters)


def s3_operation(method: str, key: str, query: dict[str, str]) -> str:
    """Return the name of an S3 operation (S3 API reference). Raises ValueError if it is unknown."""
    upload = "uploadId" in query
    asked = {"uploads": "ListMultipartUploads", "versioning": "GetBucketVersioning"}
    asked["lifecycle"] = "GetBucketLifecycleConfiguration"
    if (method, bool(key)) == ("GET", False) and query.keys() & asked.keys():
        return asked[next(iter(query.keys() & asked.keys()))]
    known = {
        ("HEAD", True): "HeadObject",
        ("GET", True): "ListParts" if upload else "GetObject",
        ("PUT", True): "UploadPart" if upload else "PutObject",
        ("POST", True): "CompleteMultipartUpload" if upload else "CreateMultipartUpload",
        ("DELETE", True): "AbortMultipartUpload" if upload else "DeleteObject",
        ("HEAD", False): "HeadBucket",
        ("GET", False): "ListObjectsV2" if query.get("list-type") == "2" else "",
        ("POST", False): "DeleteObjects" if "delete" in query else "",
    }
    name = known.get((method, bool(key)), "")
    if not name or query.keys() & {"acl", "tagging", "policy", "location", "versions"}:
        raise ValueError(f"{method} {key} {query} is no S3 operation that is known here")
    return name
