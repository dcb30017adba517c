"""Service Quotas: the vCPUs of spot machines an account may run. Moto has only VPC's quotas."""

from __future__ import annotations

from typing import Any

from moto.servicequotas.exceptions import NoSuchResource
from moto.servicequotas.models import ServiceQuotasBackend

from distributed_fiji.local.emulators.patching import add

#: The quotas for all standard types, for G and VT, and for P, which AWS initially sets to 0.
VALUES = {"L-34B43A08": 640.0, "L-3819A6DF": 0.0, "L-7212CCBC": 8.0}


def install() -> None:
    """Make EC2's quotas available."""
    add(ServiceQuotasBackend, "get_service_quota", get_service_quota)


def get_service_quota(backend: Any, service_code: str, quota_code: str) -> dict[str, Any]:
    """Return a quota, as GetServiceQuota does."""
    if service_code != "ec2" or quota_code not in VALUES:
        raise NoSuchResource
    return {"ServiceCode": "ec2", "QuotaCode": quota_code, "Value": VALUES[quota_code], "Unit": "None"}
