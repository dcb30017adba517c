"""The instance metadata service (IMDSv2): what machine this is, and whether AWS is about to reclaim it.

It is not an error if a machine has no such service, or if it answers nonsense.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import datetime

from worker.stop import Stop

log = logging.getLogger(__name__)

ENDPOINT = "http://169.254.169.254"
TOKEN_SECONDS = 21_600
ANSWER_SECONDS = 1.0
#: Of the two minutes that a notice gives, these are kept for returning the job and leaving.
KEPT_SECONDS = 20.0


class Metadata:
    """A client of the service. It uses no proxy, since proxies do not serve link-local addresses."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._endpoint = environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "").rstrip("/") or ENDPOINT
        self.disabled = environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true"
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self._token = ""

    def get(self, path: str) -> str | None:
        """Return the value at a path below /latest/meta-data/, or None if it is not available now."""
        for _ in range(2):
            try:
                self._token = self._token or self._new_token()
                headers = {"X-aws-ec2-metadata-token": self._token}
                return self._ask(f"/latest/meta-data/{path}", "GET", headers)
            except urllib.error.HTTPError as error:
                if error.code != 401:
                    return None
                self._token = ""
            except (OSError, ValueError):
                return None
        return None

    def machine(self) -> dict[str, str]:
        """Return the instance's id and type as far as they are known, and the host's name."""
        known = {"host": socket.gethostname()}
        if self.disabled:
            return known
        for name in ("instance-id", "instance-type"):
            if value := self.get(name):
                known[name.replace("-", "_")] = value.strip()[:64]
            else:
                break
        return known

    def seconds_to_interruption(self) -> float | None:
        """Return the seconds until this spot machine is reclaimed; None if it is not marked."""
        text = self.get("spot/instance-action")
        if not text:
            return None
        try:
            notice = json.loads(text)
            when = datetime.fromisoformat(notice["time"].replace("Z", "+00:00"))
        except (ValueError, KeyError, TypeError, AttributeError):
            return None
        return when.timestamp() - time.time()

    def _new_token(self) -> str:
        return self._ask(
            "/latest/api/token", "PUT", {"X-aws-ec2-metadata-token-ttl-seconds": str(TOKEN_SECONDS)}
        )

    def _ask(self, path: str, method: str, headers: dict[str, str]) -> str:
        request = urllib.request.Request(self._endpoint + path, method=method, headers=headers)
        with self._opener.open(request, timeout=ANSWER_SECONDS) as answer:
            return str(answer.read(65536).decode("utf-8", "replace"))


def watch_for_interruption(stop: Stop, poll_seconds: float, environ: Mapping[str, str] = os.environ) -> None:
    """Poll for the spot notice in a thread of its own. When it comes, ask the worker to stop."""
    metadata = Metadata(environ)
    if metadata.disabled:
        return

    def watch() -> None:
        while not stop.wait(poll_seconds):
            left = metadata.seconds_to_interruption()
            if left is not None:
                stop.request("spot notice", max(0.0, min(left, 120.0) - KEPT_SECONDS))
                return

    threading.Thread(target=watch, name="spot", daemon=True).start()
