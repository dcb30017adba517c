"""Ask a container registry whether it has an image, as Docker would, without a Docker daemon.

Follows the OCI distribution specification and its token authentication. 404 means that the image does not
exist. 401 or 403 without a log-in means that it may be private, which is reported but stops nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

#: Manifests of one platform and of several (OCI image specification, Docker image manifest v2.2).
ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)

ECR_HOST = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?\Z")
CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
SECONDS = 10

#: EC2's names of architectures, by their names in images.
EC2_NAMES = {"amd64": "x86_64", "arm64": "arm64"}


@dataclass(frozen=True)
class Image:
    """An image's name, split. `reference`: a tag, or a digest as sha256:…"""

    host: str
    repository: str
    reference: str


@dataclass(frozen=True)
class Answer:
    """What is known about an image. `detail` says why it is unknown, or what to do if it is missing.

    `architectures`: those it runs on, in EC2's names; empty if unknown.
    """

    state: Literal["there", "missing", "unknown"]
    digest: str = ""
    detail: str = ""
    architectures: frozenset[str] = frozenset()


MISSING = Answer(
    "missing",
    detail=("its registry does not have this image; `make image` builds it, `make image-push` uploads it"),
)


def parse_image(name: str) -> Image:
    """Split an image's name as Docker does: user/name:tag is Docker Hub's, host.tld/name:tag another's."""
    first, _, rest = name.partition("/")
    if not rest or not ({".", ":"} & set(first) or first == "localhost"):
        first, rest = "registry-1.docker.io", name if "/" in name else f"library/{name}"
    if "@" in rest:
        repository, _, reference = rest.partition("@")
        return Image(first, repository.partition(":")[0], reference)
    repository, _, reference = rest.partition(":")
    return Image(first, repository, reference or "latest")


def ask(name: str, ecr: Any = None, session: Any = None) -> Answer:
    """Ask an image's registry for it. `ecr`: makes an ECR client for a region.

    `session`: like that of requests.
    """
    import requests

    image = parse_image(name)
    match = ECR_HOST.match(image.host)
    if match and ecr is not None:
        return _ask_ecr(ecr(match[2]), match[1], image)
    try:
        return _ask_v2(session or requests.Session(), image)
    except requests.RequestException as error:
        return Answer("unknown", detail=f"{image.host} does not respond ({type(error).__name__})")


def _ask_v2(session: Any, image: Image) -> Answer:
    scheme = "http" if urlsplit(f"//{image.host}").hostname in ("localhost", "127.0.0.1") else "https"
    url = f"{scheme}://{image.host}/v2/{image.repository}/manifests/{image.reference}"
    headers = {"Accept": ACCEPT}
    response = session.head(url, headers=headers, timeout=SECONDS)
    if response.status_code == 401:
        token = _token(session, response.headers.get("WWW-Authenticate", ""))
        headers = {"Accept": ACCEPT, "Authorization": f"Bearer {token}"}
        response = session.head(url, headers=headers, timeout=SECONDS) if token else response
    if response.status_code == 200:
        digest = response.headers.get("Docker-Content-Digest", "")
        return Answer("there", digest, architectures=_architectures(session, url, headers))
    if response.status_code == 404:
        return MISSING
    return Answer(
        "unknown",
        detail=f"{image.host} returned {response.status_code}: the image is private or does not exist",
    )


def _architectures(session: Any, url: str, headers: Mapping[str, str]) -> frozenset[str]:
    """Return what an image runs on, from its index, or from the configuration of its only platform.

    Empty if the registry does not say.
    """
    import requests

    try:
        manifest = session.get(url, headers=headers, timeout=SECONDS).json()
        platforms = [item.get("platform", {}) for item in manifest.get("manifests", [])]
        if not platforms:
            blob = f"{url.rpartition('/manifests/')[0]}/blobs/{manifest['config']['digest']}"
            platforms = [session.get(blob, headers=headers, timeout=SECONDS).json()]
        named = {str(item.get("architecture")) for item in platforms}
    except (requests.RequestException, ValueError, KeyError, AttributeError, TypeError):
        return frozenset()
    return frozenset(EC2_NAMES[name] for name in named if name in EC2_NAMES)


def _token(session: Any, challenge: str) -> str:
    """Return an anonymous token for a 401's challenge, '' if none is given."""
    wanted = dict(CHALLENGE.findall(challenge))
    if not challenge.lower().startswith("bearer") or "realm" not in wanted:
        return ""
    parameters = {key: wanted[key] for key in ("service", "scope") if key in wanted}
    response = session.get(wanted["realm"], params=parameters, timeout=SECONDS)
    if response.status_code != 200:
        return ""
    document = response.json()
    return document.get("token") or document.get("access_token") or ""


def _ask_ecr(ecr: Any, account: str, image: Image) -> Answer:
    key = "imageDigest" if image.reference.startswith("sha256:") else "imageTag"
    try:
        found = ecr.describe_images(
            registryId=account, repositoryName=image.repository, imageIds=[{key: image.reference}]
        )
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in ("ImageNotFoundException", "RepositoryNotFoundException"):
            return MISSING
        return Answer("unknown", detail=f"ECR returned {code}")
    return Answer("there", digest=found["imageDetails"][0]["imageDigest"])
