"""How much memory a machine of each type registered with ECS, learned from an app's earlier runs.

AWS documents no figures. One object in the bucket keeps those that were seen, so that the next run is checked
against them and not against an estimate.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from distributed_fiji.state.statefiles import find_state
from worker.contract.jobs import state_key

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: An attribute that the ECS agent gives a container instance (ECS developer guide, "Task placement
#: constraints").
TYPE_ATTRIBUTE = "ecs.instance-type"


def registered_key(app_name: str) -> str:
    """Return the key of an app's figures."""
    return state_key(app_name, "machine-types.json")


def read_registered(s3: S3Client, bucket: str, app_name: str) -> dict[str, int]:
    """Return MiB by machine type, as earlier runs saw them; empty where none did."""
    return find_state(s3, bucket, registered_key(app_name), _figures) or {}


def _figures(document: Mapping[str, Any]) -> dict[str, int]:
    return {
        name: size
        for name, size in document.items()
        if isinstance(size, int) and not isinstance(size, bool) and size > 0
    }


def keep_registered(s3: S3Client, bucket: str, app_name: str, seen: Mapping[str, int]) -> None:
    """Write down what was seen where that is news. Of unlike figures for a type the smaller one stays."""
    known = read_registered(s3, bucket, app_name)
    both = known | {name: min(size, known.get(name, size)) for name, size in seen.items()}
    if both != known:
        s3.put_object(
            Bucket=bucket, Key=registered_key(app_name), Body=json.dumps(both, sort_keys=True).encode()
        )


def registered_memory(instances: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Return the MiB that container instances registered, by machine type, the least of each.

    `instances`: as DescribeContainerInstances gives them; one that does not say both is left out.
    """
    found: dict[str, int] = {}
    for instance in instances:
        kind = next(
            (item.get("value") for item in instance.get("attributes", ()) if item["name"] == TYPE_ATTRIBUTE),
            None,
        )
        for item in instance.get("registeredResources", ()):
            if kind and item["name"] == "MEMORY":
                size = item["integerValue"]
                found[kind] = min(size, found.get(kind, size))
    return found
