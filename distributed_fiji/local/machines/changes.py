"""Wait in a thread for changes at the control plane, while the machines' loop looks after tasks."""

from __future__ import annotations

import http.client
import json
import threading
import time
import urllib.request

from distributed_fiji.local.access import Cloud
from distributed_fiji.local.state import CONTROL_PLANE

RETRY_SECONDS = 0.2


class ChangeWatch:
    """Follows the control plane's count of changes. `wake` is set whenever it changes, or by `ring`."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._ending = False
        self._wake = threading.Event()
        self.regions: list[str] = []
        threading.Thread(target=self._follow, daemon=True).start()

    def wait(self, seconds: float) -> bool:
        """Wait up to some seconds; return whether anything has happened since the last wait."""
        happened = self._wake.wait(seconds)
        self._wake.clear()
        return happened

    def ring(self) -> None:
        """End the wait, because something happened here."""
        self._wake.set()

    def close(self) -> None:
        """Stop asking."""
        self._ending = True

    def _follow(self) -> None:
        changes = -1
        while not self._ending:
            try:
                asked = self._cloud.request(CONTROL_PLANE, f"/_local/changes?since={changes}")
                with urllib.request.urlopen(asked, timeout=30) as answer:
                    now = json.load(answer)
            except (OSError, http.client.HTTPException, ValueError):
                changes = -1
                time.sleep(RETRY_SECONDS)
                continue
            self.regions = now["regions"]
            if now["changes"] != changes:
                changes = now["changes"]
                self._wake.set()
