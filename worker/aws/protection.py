"""Scale-in protection: while this worker holds a job, ECS stops other tasks when the service is reduced.

The request goes to the ECS agent, whose address every container has in ECS_AGENT_URI (ECS developer guide,
"Amazon ECS task scale-in protection endpoint"). Without an agent, as outside ECS, nothing is requested. If
the agent refuses, the worker carries on: a task that is stopped returns its job.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

log = logging.getLogger(__name__)

#: Minutes after which ECS drops a protection that is not renewed (1 to 2,880), in case this worker hangs.
EXPIRES_MINUTES = 30
#: Renewed after half of its time, which leaves as much again for retries.
RENEW_SECONDS = EXPIRES_MINUTES * 60 / 2
#: Seconds without a job before it is withdrawn: slightly longer than the gap between two jobs.
LINGER_SECONDS = 2.0
#: Delay after a failed call; it doubles with each further failure.
RETRY_SECONDS = 30.0
LONGEST_RETRY = 900.0
#: The agent itself waits a few seconds for ECS's answer.
ANSWER_SECONDS = 6.0

#: Sets the task's protection. Raises NotSet.
Ask = Callable[[bool], None]


class NotSet(Exception):
    """Raised when the agent could not set the protection; the text says why."""


class TaskProtection:
    """Counts the jobs held, and protects the task while there are any.

    All methods may be called from any thread. The agent is called in a separate thread.
    """

    def __init__(
        self,
        ask: Ask | None,
        *,
        renew_seconds: float = RENEW_SECONDS,
        linger_seconds: float = LINGER_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        """`ask` is None if there is no agent."""
        self._ask = ask
        self._renew_seconds = renew_seconds
        self._linger_seconds = linger_seconds
        self._retry_seconds = self._pause = retry_seconds
        self._held = 0
        #: The state in ECS; None while it is unknown, because a call is in progress or has failed.
        self._protected: bool | None = False
        self._set_at = self._idle_since = self._retry_at = 0.0
        self._closed = False
        self._said = ""
        self._changed = threading.Condition()
        if ask is not None:
            threading.Thread(target=self._follow, args=(ask,), name="protection", daemon=True).start()

    def hold(self) -> None:
        """Add one job. Returns once the task is protected, or cannot be protected now."""
        with self._changed:
            self._held += 1
            self._changed.notify_all()
            if self._ask is not None:
                self._changed.wait_for(self._answered, ANSWER_SECONDS)

    def release(self) -> None:
        """Remove one job."""
        with self._changed:
            self._held -= 1
            self._idle_since = time.monotonic()
            self._changed.notify_all()

    def close(self) -> None:
        """Make no more requests, because the task is ending."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _answered(self) -> bool:
        return bool(self._protected) or self._closed or self._retry_at > time.monotonic()

    def _follow(self, ask: Ask) -> None:
        with self._changed:
            while not self._closed:
                due = self._due()
                wait = None if due is None else due - time.monotonic()
                if wait is None or wait > 0:
                    self._changed.wait(wait)
                else:
                    self._set(ask, self._held > 0)

    def _due(self) -> float | None:
        """Return when to ask next (monotonic seconds); None until something changes."""
        if self._held and self._protected:
            due = self._set_at + self._renew_seconds
        elif self._held:
            due = 0.0
        elif self._protected is False:
            return None
        else:
            due = self._idle_since + self._linger_seconds
        return max(due, self._retry_at)

    def _set(self, ask: Ask, enabled: bool) -> None:
        """Ask while the condition's lock is released. A job that arrives meanwhile waits for the outcome."""
        renewal = enabled and self._protected
        self._protected = True if renewal else None
        started_at = time.monotonic()
        self._changed.release()
        try:
            problem = _problem(ask, enabled)
        finally:
            self._changed.acquire()
        if problem:
            self._retry_later(problem)
        else:
            self._protected, self._set_at = enabled, started_at
            self._retry_at, self._pause = 0.0, self._retry_seconds
        self._changed.notify_all()

    def _retry_later(self, problem: str) -> None:
        self._retry_at = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, LONGEST_RETRY)
        if problem != self._said:
            self._said = problem
            log.warning("the task's scale-in protection could not be changed: %s", problem)


def _problem(ask: Ask, enabled: bool) -> str:
    try:
        ask(enabled)
    except NotSet as error:
        return str(error)
    return ""


def agent(environ: Mapping[str, str]) -> Ask | None:
    """Return a function that asks the ECS agent named in an environment, or None if it names none."""
    uri = environ.get("ECS_AGENT_URI", "").rstrip("/")
    if not uri:
        return None
    # The agent is on this machine, where no proxy leads.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ask(enabled: bool) -> None:
        body: dict[str, Any] = {"ProtectionEnabled": enabled}
        if enabled:
            body["ExpiresInMinutes"] = EXPIRES_MINUTES
        request = urllib.request.Request(
            f"{uri}/task-protection/v1/state",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
            method="PUT",
        )
        _check(_answer(opener, request), enabled)

    return ask


def _answer(opener: urllib.request.OpenerDirector, request: urllib.request.Request) -> Any:
    """Return the agent's document, whatever its status. Raises NotSet if there is none."""
    try:
        try:
            with opener.open(request, timeout=ANSWER_SECONDS) as response:
                return json.loads(response.read(65536))
        except urllib.error.HTTPError as error:
            return json.loads(error.read(65536))
    except (OSError, ValueError) as error:
        raise NotSet(f"the ECS agent did not respond: {error}") from error


def _check(answer: Any, enabled: bool) -> None:
    """Raise NotSet unless the agent confirms the requested protection."""
    document = answer if isinstance(answer, dict) else {}
    if (document.get("protection") or {}).get("ProtectionEnabled") is enabled:
        return
    failure, error = document.get("failure") or {}, document.get("error") or {}
    reason = failure.get("Reason") or " ".join(filter(None, (error.get("Code"), error.get("Message"))))
    raise NotSet(reason or f"the ECS agent answered {str(answer)[:200]}")
