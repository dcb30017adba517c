"""The worker's own log on stdout: warnings, and one line per job with its outcome and seconds per phase."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import TYPE_CHECKING, Any

from worker.contract.text import one_line, shown

if TYPE_CHECKING:
    # Only for annotations: the log is set up before boto3 is imported.
    from worker.job.held import HeldJob
    from worker.verdict.verdict import Verdict

#: Characters of a sentence that a job's line shows; the record has all of it.
LONGEST_REASON = 300


class JobLog:
    """Writes one line per receive of a job."""

    def __init__(self) -> None:
        self._log = logging.getLogger("worker.jobs")

    def write(self, held: HeldJob, verdict: Verdict) -> None:
        facts = {
            "job": held.job_id,
            "name": held.name,
            "attempt": held.attempt,
            "outcome": verdict.outcome.value,
            "seconds": dict(held.seconds),
        }
        if verdict.failure:
            facts["failure"] = verdict.failure.value
        if held.warnings:
            facts["warnings"] = [warning["text"][:LONGEST_REASON] for warning in held.warnings]
        if held.notes:
            facts["notes"] = list(held.notes)
        if verdict.sentence:
            facts["reason"] = verdict.sentence[:LONGEST_REASON]
        self._log.info("%s", _as_text(facts), extra={"facts": facts})


class JsonLines(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        document: dict[str, Any] = {"time": self.formatTime(record), "level": record.levelname.lower()}
        document |= getattr(record, "facts", None) or {"message": record.getMessage()}
        if record.exc_info:
            document["trace"] = self.formatException(record.exc_info)
        return one_line(json.dumps(document, ensure_ascii=False))


class TextLines(logging.Formatter):
    """One line per message; a Python traceback has more lines below it."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the message on one line."""
        return one_line(super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        """Return the message, and the trace where there is one."""
        return shown(super().format(record))


def set_up_logging(log_format: str) -> None:
    """Send the worker's log to stdout, as text or as JSON lines, with times in UTC."""
    formatter = JsonLines() if log_format == "json" else TextLines("%(asctime)s %(levelname)s %(message)s")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("worker").setLevel(logging.INFO)


def _as_text(facts: dict[str, Any]) -> str:
    seconds = " ".join(f"{phase}={value:g}s" for phase, value in facts["seconds"].items())
    failure = f" [{facts['failure']}]" if "failure" in facts else ""
    reason = f": {facts['reason']}" if "reason" in facts else ""
    notes = "".join(f" ({note})" for note in facts.get("notes", ()))
    count = len(facts.get("warnings", ()))
    warned = f" with {count} warning{'' if count == 1 else 's'}" if count else ""
    what = f"job {facts['name']} attempt {facts['attempt']} {facts['outcome']}{warned}{failure}"
    return f"{what} {seconds}{reason}{notes}"
