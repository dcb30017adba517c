"""Keys that expire while a run is watched: what to report, and when to stop watching."""

from __future__ import annotations

from dataclasses import dataclass

from distributed_fiji.aws.clients import KEYS_ADVICE, error_text
from distributed_fiji.aws.refusals import keys_are_over
from distributed_fiji.errors import KeysOver
from distributed_fiji.state.record import Run

#: How long, in seconds, refused keys may still be renewed elsewhere, for example with `aws sso login`.
KEYS_SECONDS = 600


@dataclass
class Keys:
    """Tracks since when AWS has refused the keys that watch a run."""

    record: Run
    since: float | None = None

    def refused(self, error: Exception, now: float) -> str:
        """Record an error; return what to report, or ''. Raises KeysOver after ten minutes."""
        if not keys_are_over(error):
            self.since = None
            return f"AWS did not respond; retrying shortly: {error_text(error)}"
        if self.since is None:
            self.since = now
            return (
                f"AWS no longer accepts your keys ({error_text(error)}). {KEYS_ADVICE}. Retrying for"
                f" {KEYS_SECONDS // 60} minutes"
            )
        if now - self.since < KEYS_SECONDS:
            return ""
        raise KeysOver(
            f"Stopped watching {self.record.app_name}: AWS does not accept your keys"
            f" ({error_text(error)}). {self._meanwhile()}\n  Renew them ({KEYS_ADVICE}), then continue:"
            f" python run.py monitor files/{self.record.app_name}SpotFleetRequestId.json"
        )

    def _meanwhile(self) -> str:
        """Explain who looks after the run while it is not watched here."""
        until = (
            f" The fleet ends automatically at {self.record.valid_until}." if self.record.valid_until else ""
        )
        if self.record.auto_monitor:
            ends = "the janitor, which has its own permissions, ends it when its work is done"
            return f"The run continues; {ends}.{until}"
        return f"The run continues and incurs charges, and nothing watches it (AUTO_MONITOR is False).{until}"
