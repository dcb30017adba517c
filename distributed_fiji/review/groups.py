"""Group failed jobs by cause: how many, since when, what they share, what helps. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

from distributed_fiji.review.facts import FailedJob
from distributed_fiji.review.fingerprint import fingerprint
from distributed_fiji.review.traits import Everybody, Known, known_of, shared
from worker.contract.jobs import FailureClass

#: How many lines of a console are shown, and what indicates an error in one.
EXCERPT = 6
ERROR = re.compile(r"error|exception|fail|undefined|out of memory|traceback|cannot|no such", re.IGNORECASE)

#: What helps, by the class of the failure, if its message does not say so (docs/troubleshooting.md).
CURES: Mapping[str, str] = {
    FailureClass.SCRIPT_ERROR: "mend the script at that line; `python run.py tryScript` runs it here",
    FailureClass.MACRO_ERROR: "mend the macro at that line; `python run.py tryScript` runs it here",
    FailureClass.OUT_OF_MEMORY: "more memory for these jobs, or lower TASKS_PER_MACHINE",
    FailureClass.NEEDS_DISPLAY: "DISPLAY_MODE = 'xvfb', or a script that opens no window (docs/scripts.md)",
    FailureClass.NEEDS_ANSWER: "add the answers to the job file (docs/scripts.md)",
    FailureClass.PLUGIN_ERROR: "mend what the plugin was given, or PLUGIN_ERRORS = 'warn'",
    FailureClass.INPUT_MISSING: "upload the images, or correct the job's inputs; upper and lower case count",
    FailureClass.OUTPUTS_MISSING: "compare what the script writes to output/ with EXPECTED_NUMBER_FILES,"
    " MIN_FILE_SIZE_BYTES and NECESSARY_STRING",
    FailureClass.OUTPUTS_REFUSED: "let the script write plain files into output/",
    FailureClass.OUTPUTS_TAKEN: "give each job an output_file_location of its own",
    FailureClass.TIMED_OUT: "raise JOB_TIMEOUT_MINUTES",
    FailureClass.STALLED: "take the dialog out of the script, or raise STALL_TIMEOUT_MINUTES",
    FailureClass.DISK_FULL: "raise EBS_VOL_SIZE",
    FailureClass.DOWNLOAD_FAILED: "retry them; if it comes again, check the bucket's permissions",
    FailureClass.UPLOAD_FAILED: "retry them; if it comes again, check the bucket's permissions",
    FailureClass.FIJI_DID_NOT_START: "check the image and MEMORY (docs/troubleshooting.md)",
    FailureClass.REJECTED: "submit a job file; such a message cannot be retried",
    FailureClass.NEVER_ENDED: "retry them: their machines were lost, or ran out of memory",
}


@dataclass(frozen=True)
class Group:
    """Failed jobs with one cause. `key`: the fingerprint. `example`: the latest failure, with its times.

    `share`: of all failed jobs. `traits`: what distinguishes these jobs from the rest. `given_up`: how many
    are not retried automatically.
    """

    key: str
    example: FailedJob
    jobs: tuple[str, ...]
    share: float
    first: float
    last: float
    traits: str
    given_up: int

    @property
    def is_loss(self) -> bool:
        """Whether no attempt finished: machines were lost, and the script may be right."""
        return self.example.failure == FailureClass.NEVER_ENDED.value

    @property
    def cure(self) -> str:
        return CURES.get(self.example.failure, "")

    @property
    def excerpt(self) -> list[str]:
        """A few lines of the console, up to the last one with an error, or else the last ones."""
        lines = [line for line in self.example.console if line.strip()]
        ends = [number for number, line in enumerate(lines, 1) if ERROR.search(line)]
        end = ends[-1] if ends else len(lines)
        return lines[max(0, end - EXCERPT) : end]

    def document(self) -> dict[str, Any]:
        """Return the group for a program."""
        return {
            "group": self.key,
            "class": self.example.failure,
            "line": self.example.line,
            "sentence": self.example.sentence,
            "count": len(self.jobs),
            "share": round(self.share, 4),
            "given_up": self.given_up,
            "first_seen": self.first,
            "last_seen": self.last,
            "shared": self.traits,
            "cure": self.cure,
            "excerpt": self.excerpt,
            "jobs": list(self.jobs),
        }


def grouped(
    failures: Iterable[FailedJob], others: Iterable[Known] = (), dead: Set[str] = frozenset()
) -> list[Group]:
    """Return groups of failures, one failure per job; the largest first, lost machines last.

    `others`: what is known about jobs that have not failed. `dead`: jobs that were given up.
    """
    by_key: dict[str, list[FailedJob]] = {}
    for failed in failures:
        by_key.setdefault(fingerprint(failed), []).append(failed)
    known = {
        key: [known_of(one.metadata, one.input_bytes, one.machine) for one in by_key[key]] for key in by_key
    }
    everybody = Everybody([job for jobs in known.values() for job in jobs] + list(others))
    total = sum(map(len, by_key.values()))
    found = [_group(key, jobs, total, shared(known[key], everybody), dead) for key, jobs in by_key.items()]
    return sorted(found, key=lambda group: (group.is_loss, -len(group.jobs), group.key))


def _group(key: str, failures: list[FailedJob], total: int, traits: str, dead: Set[str]) -> Group:
    latest = max(failures, key=lambda one: one.time)
    jobs = tuple(one.job_id for one in failures)
    first = min(one.time for one in failures)
    return Group(
        key, latest, jobs, len(jobs) / total, first, latest.time, traits, sum(job in dead for job in jobs)
    )


def find_group(groups: list[Group], wanted: str) -> Group | None:
    """Return a group by its number, from 1, or by its key; None if there is none."""
    if wanted.isdecimal() and 1 <= int(wanted) <= len(groups):
        return groups[int(wanted) - 1]
    return next((group for group in groups if group.key == wanted), None)


def rows_of(groups: list[Group], failures: Mapping[str, FailedJob]) -> Iterator[dict[str, Any]]:
    """Yield a row for each failed job, with its group."""
    for number, group in enumerate(groups, 1):
        for job in group.jobs:
            one = failures[job]
            about = {"Number": number, "Group": group.key, "Job": job, "Class": one.failure, "Line": one.line}
            yield about | {"Attempt": one.attempt, "Reason": one.sentence} | one.metadata
