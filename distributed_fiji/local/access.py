"""A running cloud as its users see it: its servers' addresses, and an environment that leads only there."""

from __future__ import annotations

import functools
import json
import os
import urllib.request
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distributed_fiji.local import doors
from distributed_fiji.local.state import CONTROL_PLANE, DATA_PLANE, Folders, State


@dataclass(frozen=True)
class Cloud:
    """A cloud that has been started: its folder and its servers."""

    root: Path
    state: State

    @property
    def folders(self) -> Folders:
        return Folders(self.root)

    @property
    def region(self) -> str:
        return self.state.region

    def url(self, server: str) -> str:
        """Return a server's URL."""
        return self.state.servers[server].url

    def request(self, server: str, path: str, document: Any = None) -> urllib.request.Request:
        """Return a request between the cloud's own parts; with a JSON document, it is a POST."""
        body = None if document is None else json.dumps(document).encode()
        sent = doors.headers(self.state.key) | ({"Content-Type": "application/json"} if body else {})
        return urllib.request.Request(self.url(server) + path, body, sent)

    def environment(self, key: str = "") -> dict[str, str]:
        """Return the variables that make boto3 and the AWS CLI use this cloud, and nothing else.

        `key`: the access key, if it is not the owner's.
        """
        data = self.url(DATA_PLANE)
        return {
            "AWS_ENDPOINT_URL": self.url(CONTROL_PLANE),
            "AWS_ENDPOINT_URL_S3": data,
            "AWS_ENDPOINT_URL_SQS": data,
            "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": data,
            "AWS_ACCESS_KEY_ID": key or self.state.key,
            "AWS_SECRET_ACCESS_KEY": key or self.state.key,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_CONFIG_FILE": str(self.folders.aws / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.folders.aws / "credentials"),
            "AWS_EC2_METADATA_DISABLED": "true",
            **proxy_exceptions({}),
        }

    def apply(self, environ: MutableMapping[str, str]) -> None:
        """Point a process's environment at this cloud. The user's AWS_ variables are removed first."""
        for name in unset_names(environ):
            del environ[name]
        environ.update(self.environment() | proxy_exceptions(environ))

    def client(self, service: str, region: str | None = None) -> Any:
        """Return a boto3 client of this cloud, whatever this process's environment says."""
        from botocore.config import Config

        environment = self.environment()
        endpoint = environment.get(f"AWS_ENDPOINT_URL_{ENDPOINT_NAMES.get(service, '')}")
        return _session().client(
            service,
            region_name=region or self.region,
            endpoint_url=endpoint or environment["AWS_ENDPOINT_URL"],
            aws_access_key_id=self.state.key,
            aws_secret_access_key=self.state.key,
            config=Config(proxies={}, max_pool_connections=32),
        )


@functools.cache
def _session() -> Any:
    """Return a boto3 session without any profile.

    It is shared, because it reads the services' models once.
    """
    import boto3
    import botocore.session

    nobody = {
        "profile": (None, None, None, None),
        "config_file": (None, None, os.devnull, None),
        "credentials_file": (None, None, os.devnull, None),
    }
    return boto3.session.Session(botocore_session=botocore.session.Session(session_vars=nobody))


#: Names of the services that use the data plane's endpoint, as in AWS_ENDPOINT_URL_<NAME>.
ENDPOINT_NAMES = {"s3": "S3", "sqs": "SQS", "logs": "CLOUDWATCH_LOGS"}


def proxy_exceptions(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that keep requests to this computer from a proxy; the user's exceptions stay."""
    given = [environ.get(name, "").split(",") for name in ("NO_PROXY", "no_proxy")]
    hosts = dict.fromkeys(["127.0.0.1", "localhost", *(host for hosts in given for host in hosts if host)])
    return dict.fromkeys(("NO_PROXY", "no_proxy"), ",".join(hosts))


def unset_names(environ: Mapping[str, str]) -> list[str]:
    """Return the user's variables that would lead a client of this cloud elsewhere."""
    return [name for name in environ if name.startswith("AWS_")]
