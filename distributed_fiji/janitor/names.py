"""Names of what the janitor consists of, derived from the app's. Standard library only."""

from __future__ import annotations


def function_name(app_name: str) -> str:
    """Return the name of the Lambda, of its schedule and of its topic."""
    return f"{app_name}Janitor"


def is_janitor(name: str) -> bool:
    """Whether a Lambda or a schedule may be a janitor by its name; whose, its tag tells."""
    return name.endswith("Janitor")


def log_group(app_name: str) -> str:
    """Return the log group that Lambda writes to."""
    return f"/aws/lambda/{function_name(app_name)}"


#: Id of the schedule's only target.
TARGET_ID = "janitor"
