"""Service Quotas: how many processors of spot machines an account may run; moto knows VPC's quotas alone."""

from __future__ import annotations

from typing import Any

from moto.servicequotas.exceptions import NoSuchResource
from moto.servicequotas.models import ServiceQuotasBackend

from distributed_fiji.local.emulators.patching import add

#: Those of all standard types, of G and VT, and of P, of which AWS gives an account none to begin with.
VALUES = {"L-34B43A08": 640.0, "L-3819A6DF": 0.0, "L-7212CCBC": 8.0}


def install() -> None:
    """Let EC2's quotas be asked for."""
    add(ServiceQuotasBackend, "get_service_quota", get_service_quota)


def get_service_quota(backend: Any, service_code: str, quota_code: str) -> dict[str, Any]:
    """Return a quota, as GetServiceQuota does."""
    if service_code != "ec2" or quota_code not in VALUES:
        raise NoSuchResource
    return {"ServiceCode": "ec2", "QuotaCode": quota_code, "Value": VALUES[quota_code], "Unit": "None"}
