"""Names of service-linked roles as AWS gives them, and AWS's managed policies only where they are used.

moto reads all 1,600 policies for each of six partitions at an account's first call, and again at each reset:
a second of processor time. Nothing here is outside the partition aws (distributed_fiji/aws/clients.py).
"""

from __future__ import annotations

from moto.iam.models import SERVICE_NAME_CONVERSION, IAMBackend, ManagedPolicy

from distributed_fiji.local.emulators.patching import add

_read_policies = IAMBackend._init_aws_policies


def install() -> None:
    """Install into moto's IAM."""
    SERVICE_NAME_CONVERSION.update(
        {"spot": "EC2Spot", "spotfleet": "EC2SpotFleet", "ecs": "ECS", "events": "CloudWatchEvents"}
    )
    add(IAMBackend, "_init_aws_policies", _policies_of_partition)


def _policies_of_partition(backend: IAMBackend) -> list[ManagedPolicy]:
    # moto names the backend of a partition by the partition, as the region.
    return _read_policies(backend) if backend.region_name == "aws" else []
