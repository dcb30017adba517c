"""Take the janitor away: its schedule first, so that it is not called while it goes."""

from __future__ import annotations

from typing import Any

from distributed_fiji.aws import Clients
from distributed_fiji.janitor.names import TARGET_ID, function_name


def remove_schedule_and_function(clients: Clients, app_name: str) -> None:
    """Delete the schedule and the Lambda; its role and topic cost nothing and stay for the next run."""
    remove_schedule(clients.events, app_name)
    remove_function(clients.awslambda, app_name)


def remove_schedule(events: Any, app_name: str) -> None:
    """Delete the schedule of the janitor."""
    rule = function_name(app_name)
    try:
        events.remove_targets(Rule=rule, Ids=[TARGET_ID])
        events.delete_rule(Name=rule)
    except events.exceptions.ResourceNotFoundException:
        return


def remove_function(awslambda: Any, app_name: str) -> None:
    """Delete the Lambda; a janitor may do so itself, and ends its round first."""
    try:
        awslambda.delete_function(FunctionName=function_name(app_name))
    except awslambda.exceptions.ResourceNotFoundException:
        return
