"""Session and clients: the package's only import of boto3. Endpoints come only from the environment."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, MissingDependencyException, ProfileNotFound
from botocore.parsers import ResponseParserError

from distributed_fiji.aws.dryrun import DryRun
from distributed_fiji.aws.listings import read_quickly
from distributed_fiji.aws.pace import Pace
from distributed_fiji.aws.refusals import NO_KEYS, denied_text
from distributed_fiji.errors import InvalidInput, NotConnected
from worker.contract.text import one_line

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_sts import STSClient
    from mypy_boto3_sts.type_defs import GetCallerIdentityResponseTypeDef

#: Standard mode backs off with jitter and knows AWS's throttling codes (botocore guide, "Retries").
CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 8},
    connect_timeout=10,
    read_timeout=60,
    max_pool_connections=32,
    user_agent_extra="distributed-fiji",
)

#: For a command's first call, since eight tries of ten seconds would be more than a minute of silence.
FIRST = Config(retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=5, read_timeout=20)

#: PutMetricAlarm takes three calls a second (CloudWatch user guide, "CloudWatch service quotas").
ALARMS_A_SECOND = 3

#: What a call raises if AWS refused it, or something other than AWS answered.
AwsError = (ClientError, BotoCoreError, ResponseParserError)

KEYS_ADVICE = (
    "`aws configure` stores keys for AWS_PROFILE, `aws sso login` renews a login; `--local` needs no keys"
)

#: For ways to sign in that boto3 does not support, or cannot use here (AWS CLI reference,
#: "export-credentials").
EXPORT_ADVICE = (
    "Let the AWS CLI sign in instead:"
    ' `eval "$(aws configure export-credentials --profile NAME --format env)"`'
)


#: The only partition whose names are written here: arn:aws:…, amazonaws.com. They differ in aws-cn (China)
#: and aws-us-gov (GovCloud) (AWS general reference, "ARNs"), where setup would fail half-way.
PARTITION = "aws"


class Clients:
    """The clients that commands need, each created on first use.

    `encryption`: arguments of PutObject for everything written to S3, as UPLOAD_FLAGS say.
    """

    def __init__(self, session: Any, encryption: Mapping[str, str] | None = None) -> None:
        self._session = session
        self.encryption = dict(encryption or {})
        self.dry: DryRun | None = None

    def only_note(self) -> DryRun:
        """Record calls that would change something instead of sending them; return the record.

        Call it before the first client is created.
        """
        self.dry = DryRun(lambda: (self.region, self.account))
        return self.dry

    def _client(self, service: str, config: Config = CONFIG) -> Any:
        try:
            client = self._session.client(service, config=config)
        except ValueError as error:  # an invalid address or number in AWS's variables or files
            problem = f"{error}: check the AWS_ variables in your environment, and ~/.aws/config"
            raise InvalidInput("Cannot reach AWS", [problem]) from error
        client.meta.events.register("after-call", refuse_web_page)
        client.meta.events.register("after-call", name_service)
        if self.dry:
            self.dry.watch(client)
        # Created on first use, without a lock (botocore's BaseClient.exceptions). If several threads ask at
        # once, one could wait for a different class NoSuchKey than the one raised, and the command would end.
        _ = client.exceptions
        return client

    @property
    def region(self) -> str:
        region: str = self._session.region_name
        return region

    @cached_property
    def sqs(self) -> SQSClient:
        """Tens of thousands of requests are made.

        So their form is made in one place and not validated, and the user agent is given, because botocore
        would compose its long one twice per request.
        """
        lean = Config(parameter_validation=False, user_agent=f"boto3/{boto3.__version__}")
        sqs: SQSClient = self._client("sqs", CONFIG.merge(lean))
        return sqs

    @cached_property
    def s3(self) -> S3Client:
        """A bucket's policy may refuse unencrypted writes, so every write is encrypted."""
        client: S3Client = self._client("s3")
        events: Any = client.meta.events  # the stubs allow only handlers that return nothing
        for operation in ("PutObject", "CreateMultipartUpload"):
            events.register(f"provide-client-params.s3.{operation}", self._encrypted)
        events.register("before-parse.s3.ListObjectsV2", read_quickly)
        return client

    def _encrypted(self, params: dict[str, Any], **_: Any) -> dict[str, Any]:
        return self.encryption | params

    @cached_property
    def ecs(self) -> ECSClient:
        ecs: ECSClient = self._client("ecs")
        return ecs

    @cached_property
    def ec2(self) -> EC2Client:
        ec2: EC2Client = self._client("ec2")
        return ec2

    @cached_property
    def iam(self) -> IAMClient:
        iam: IAMClient = self._client("iam")
        return iam

    @cached_property
    def logs(self) -> CloudWatchLogsClient:
        logs: CloudWatchLogsClient = self._client("logs")
        return logs

    @cached_property
    def cloudwatch(self) -> CloudWatchClient:
        client: CloudWatchClient = self._client("cloudwatch")
        client.meta.events.register("before-send.cloudwatch.PutMetricAlarm", Pace(ALARMS_A_SECOND))
        return client

    @cached_property
    def ssm(self) -> SSMClient:
        ssm: SSMClient = self._client("ssm")
        return ssm

    @cached_property
    def sts(self) -> STSClient:
        """Called first of all. If AWS cannot be reached, the user should know soon."""
        sts: STSClient = self._client("sts", CONFIG.merge(FIRST))
        return sts

    def optional(self, service: str, region: str) -> Any:
        """Return a client for something a command can do without, so it gives up soon."""
        return self._session.client(service, region_name=region, config=CONFIG.merge(FIRST))

    def ecr(self, region: str) -> Any:
        """Return a client of another region's container registry."""
        return self._session.client("ecr", region_name=region, config=CONFIG)

    @cached_property
    def awslambda(self) -> LambdaClient:
        awslambda: LambdaClient = self._client("lambda")
        return awslambda

    @cached_property
    def events(self) -> EventBridgeClient:
        events: EventBridgeClient = self._client("events")
        return events

    @cached_property
    def sns(self) -> SNSClient:
        sns: SNSClient = self._client("sns")
        return sns

    @cached_property
    def quotas(self) -> Any:
        return self._client("service-quotas")

    @cached_property
    def account(self) -> str:
        """The account number."""
        return self.caller["Account"]

    @cached_property
    def caller(self) -> GetCallerIdentityResponseTypeDef:
        """The caller's Account and Arn, as AWS reports them (STS API reference, GetCallerIdentity)."""
        return self.sts.get_caller_identity()

    def identify(self) -> None:
        """Ask AWS who we are, which needs no permission. Raises NotConnected if AWS does not know us."""
        try:
            _ = self.account
        except NO_KEYS as error:
            raise NotConnected("Cannot reach AWS", [f"{error}: {KEYS_ADVICE}"]) from error
        except ClientError as error:
            raise NotConnected("Cannot reach AWS", [f"{error_text(error)}: {KEYS_ADVICE}"]) from error
        except MissingDependencyException as error:
            raise NotConnected("Cannot reach AWS", [f"{error} {EXPORT_ADVICE}"]) from error
        except EOFError as error:
            said = (
                "AWS requires an MFA code, but there is no terminal to ask for it. Run the command in a"
                " terminal."
            )
            raise NotConnected("Cannot reach AWS", [f"{said} {EXPORT_ADVICE}"]) from error


def refuse_web_page(http_response: Any, model: Any, **_: Any) -> None:
    """Raise ResponseParserError if a web page came instead of an answer.

    A proxy or a network's login page answers with status 200, and botocore reads that as an empty answer. An
    object in S3 may be a page, but an answer of AWS's APIs never is.
    """
    if model.has_streaming_output:
        return
    if http_response.content.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html")):
        raise ResponseParserError(
            f"{model.name} got a web page instead of AWS's response: a proxy or a login page is in between"
        )


def name_service(parsed: dict[str, Any], model: Any, **_: Any) -> None:
    """Record in an error which service answered, since botocore's ClientError names only the operation."""
    if "Error" in parsed:
        parsed["Error"]["Service"] = model.service_model.service_name


def connect(region: str, profile: str | None, source: str = "config.py") -> Clients:
    """Return clients for a region. A profile is used only if the environment has no keys.

    `source`: the file that names both.

    boto3 itself prefers a profile named in code to keys in the environment. But if keys are exported, as
    people and the embedded cloud do, they are meant to be used. Raises InvalidInput if the profile or region
    does not exist.
    """
    if "AWS_ACCESS_KEY_ID" in os.environ or profile == "default":
        profile = None
    wanted = profile or os.environ.get("AWS_PROFILE")
    try:
        session = boto3.Session(region_name=region, profile_name=profile)
        if wanted and wanted not in session.available_profiles:
            raise ProfileNotFound(profile=wanted)
    except ProfileNotFound as error:
        raise InvalidInput(
            f"{source} cannot be used",
            [
                f"AWS_PROFILE = {wanted!r}: {error}; `aws configure --profile {wanted}` creates it. To use"
                " another profile, set AWS_PROFILE in your environment"
            ],
        ) from error
    _check_region(session, region, source)
    return Clients(session)


def _check_region(session: Any, region: str, source: str) -> None:
    """Raise InvalidInput for a region that boto3 does not know, which would mean a long wait for no answer.

    It checks SQS, which is in every region and has a small model.
    """
    known = {
        name: partition
        for partition in session.get_available_partitions()
        for name in session.get_available_regions("sqs", partition_name=partition)
    }
    if known.get(region) == PARTITION:
        return
    if region in known:
        raise InvalidInput(
            f"{source} cannot be used",
            [
                f"AWS_REGION = {region!r} is in AWS partition {known[region]}, which is not supported:"
                " names of roles, policies and services differ there, and nothing was tested"
            ],
        )
    near = difflib.get_close_matches(region, known, n=3, cutoff=0.7)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    raise InvalidInput(
        f"{source} cannot be used",
        [
            f"AWS_REGION = {region!r}: boto3 {boto3.__version__} does not know this AWS region{hint} (a"
            " newer region needs a newer boto3)"
        ],
    )


def error_code(error: Exception) -> str:
    """Return AWS's code of a ClientError, such as 'ClusterNotFoundException'; '' for any other error."""
    return error.response["Error"]["Code"] if isinstance(error, ClientError) else ""


def error_text(error: Exception) -> str:
    """Return AWS's message in an error, on one line, without boto3's wording around it.

    For a missing permission, name its action.
    """
    if denied := denied_text(error):
        return one_line(denied)
    if isinstance(error, ClientError):
        return one_line(str(error.response["Error"].get("Message") or error_code(error)))
    return one_line(str(error))


def answered_at(answer: Mapping[str, Any]) -> float | None:
    """Return when AWS answered, by its own clock in seconds since 1970; None if the answer has no date."""
    date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")
    try:
        return parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError):
        return None


def pages(client: Any, operation: str, key: str, **arguments: Any) -> Iterator[Any]:
    """Yield the items under `key` from every page of a paginated operation."""
    for page in client.get_paginator(operation).paginate(**arguments):
        yield from page.get(key, [])
