"""Look things up in AWS, one at a time, by exact name, id or tag. Nothing here changes anything.

What is not there is None, empty or '' and no error: everything of a run may be gone at any time.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from distributed_fiji.aws.clients import error_code
from distributed_fiji.aws.tasks import NO_CLUSTER


def find_service(ecs: Any, cluster: str, service: str) -> dict[str, Any] | None:
    """Return an active service, or None."""
    try:
        found = ecs.describe_services(cluster=cluster, services=[service])["services"]
    except ClientError as error:
        if error_code(error) in NO_CLUSTER:
            return None
        raise
    return next((item for item in found if item["status"] == "ACTIVE"), None)
