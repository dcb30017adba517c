"""The names of an app's resources in AWS and in files/. Standard library only, for the janitor."""

from __future__ import annotations

import re


def stuck_alarm_name(app_name: str, instance_id: str) -> str:
    """Return the name of the alarm that ends a stuck machine."""
    return f"{app_name}-stuck-{instance_id}"


def role_name(app_name: str, region: str, purpose: str) -> str:
    """Return the name of an app's role. It includes the region, since IAM has none. At most 64 characters."""
    return f"{app_name}-{region}-fiji-{purpose}"


def record_file_name(app_name: str) -> str:
    """Return the name of the file in files/ that monitor reads."""
    return f"{app_name}SpotFleetRequestId.json"


#: Names of our roles and alarms; the group is the app's name.
ROLE_NAME = re.compile(
    r"([A-Za-z][A-Za-z0-9_-]*)-[a-z]{2}(?:-[a-z]+)+-\d-fiji-(?:instance|fleet|task|janitor)"
)
ALARM_NAME = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)-stuck-i-[0-9a-f]+")


def janitor_name(app_name: str) -> str:
    """Return the name of the janitor's Lambda, of its schedule and of its topic."""
    return f"{app_name}Janitor"


def is_janitor(name: str) -> bool:
    """Whether a Lambda or a schedule may be a janitor, by its name; its tag says whose."""
    return name.endswith("Janitor")


def janitor_log_group(app_name: str) -> str:
    """Return the log group of the janitor's Lambda."""
    return f"/aws/lambda/{janitor_name(app_name)}"


#: Id of the only target of the janitor's schedule.
JANITOR_TARGET = "janitor"
