"""The separate app for a rehearsal on AWS, with its own names for everything. Pure."""

from __future__ import annotations

from distributed_fiji.settings import Settings, parse_settings

#: Names derived from APP_NAME, and what a run of a few minutes does without.
DERIVED = ("LOG_GROUP_NAME", "ECS_CLUSTER", "SQS_QUEUE_NAME", "SQS_DEAD_LETTER_QUEUE")
WITHOUT = {
    "CLUSTER_MACHINES": 1,
    "JOB_RETRIES": 1,
    "CHECK_IF_DONE_BOOL": False,
    "CREATE_DASHBOARD": False,
    "NOTIFY_EMAIL": "",
}
#: How many characters of an app's name are kept, so that it is still a valid name with this ending.
END = "Rehearsal"
MOST_CHARACTERS = 32 - len(END)


def rehearsal_app(app_name: str) -> str:
    """Return the name of the app for rehearsing another app."""
    return app_name[:MOST_CHARACTERS] + END


def rehearsal_settings(settings: Settings, max_cost: float = 1.0, jobs: int = 1) -> Settings:
    """Return the settings of a rehearsal: one machine, and at most `max_cost` dollars."""
    values = settings.model_dump(exclude={*DERIVED})
    own = {
        "APP_NAME": rehearsal_app(settings.APP_NAME),
        "MAX_COST": max_cost,
        "TASKS_PER_MACHINE": min(settings.TASKS_PER_MACHINE, jobs),
    }
    return parse_settings(values | WITHOUT | own)[0]


def rehearsal_location(app_name: str) -> str:
    """Return the prefix of a rehearsal's outputs, which are not results of the run."""
    return f"rehearsal/{app_name}/"
