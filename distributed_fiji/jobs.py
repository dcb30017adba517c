"""Job file -> jobs: the original's format (output_file_location, shared_metadata, groups) and `inputs`.

Pure but for reading the file. The whole file is checked before anything is sent; jobs are made one at a
time, so that memory does not grow with a copy per job.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distributed_fiji.errors import InvalidInput
from worker.contract import (
    MAX_MESSAGE_BYTES,
    Job,
    encode_message,
    input_problems,
    location_problems,
    value_problems,
)

KEYS = ("output_file_location", "shared_metadata", "groups", "inputs")
BRACES = re.compile(r"\{([^{}]*)\}")

#: As many problems are listed; a file with thousands of wrong groups is wrong in one way.
MOST_PROBLEMS = 20


@dataclass(frozen=True)
class JobFile:
    """A job file that was checked. Iterating gives its jobs, a duplicate group once."""

    output_file_location: str
    shared_metadata: dict[str, Any]
    groups: list[dict[str, Any]]
    inputs: tuple[str, ...] = ()
    job_ids: tuple[str, ...] = ()
    duplicates: tuple[tuple[int, int], ...] = ()
    warnings: tuple[str, ...] = field(default=())

    def __iter__(self) -> Iterator[Job]:
        again = {later for _, later in self.duplicates}
        return (
            job_of(self.output_file_location, self.shared_metadata, group, self.inputs)
            for number, group in enumerate(self.groups, 1)
            if number not in again
        )


def read_job_file(path: Path) -> JobFile:
    """Read and check a whole job file; raises InvalidInput with what is wrong in it."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_unique_keys)
    except FileNotFoundError:
        raise InvalidInput(f"{path} cannot be used", ["there is no such file"]) from None
    except (ValueError, OSError) as error:
        raise InvalidInput(f"{path} cannot be used", [f"it is not JSON: {error}"]) from error
    return parse_job_file(document, str(path))


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1 and not _is_comment(name)})
        if twice:
            raise ValueError(f"the key {twice[0]!r} stands twice in one object")
    return mapping


def _is_comment(key: str) -> bool:
    return key.startswith("_comment")


def parse_job_file(document: Any, source: str) -> JobFile:
    """Check a job file's content; `source` names it in messages. Raises InvalidInput."""
    if not isinstance(document, dict):
        raise InvalidInput(f"{source} cannot be used", ["it must be an object with output_file_location, …"])
    parts = {key: value for key, value in document.items() if not _is_comment(key)}
    problems = _frame_problems(parts)
    if problems:
        raise InvalidInput(f"{source} cannot be used", problems)
    shared = _without_comments(parts.get("shared_metadata", {}))
    groups = [_without_comments(group) for group in parts["groups"]]
    inputs = parts.get("inputs", [])
    ids, duplicates, problems = _check_groups(
        groups, parts["output_file_location"], shared, tuple([inputs] if isinstance(inputs, str) else inputs)
    )
    if problems:
        more = len(problems) - MOST_PROBLEMS
        listed = problems[:MOST_PROBLEMS] + ([f"and {more} more like these"] if more > 0 else [])
        raise InvalidInput(f"{source} cannot be used", listed)
    return JobFile(
        output_file_location=parts["output_file_location"],
        shared_metadata=shared,
        groups=groups,
        inputs=tuple([inputs] if isinstance(inputs, str) else inputs),
        job_ids=tuple(ids),
        duplicates=tuple(duplicates),
        warnings=tuple(
            f"{key!r} is no key of a job file and does nothing" for key in parts if key not in KEYS
        ),
    )


def _without_comments(mapping: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if not _is_comment(key)}


def _frame_problems(parts: dict[str, Any]) -> list[str]:
    """Say what is wrong with everything but the groups' own content."""
    problems = location_problems(parts.get("output_file_location"))
    shared = parts.get("shared_metadata", {})
    problems += value_problems(
        "shared_metadata", _without_comments(shared) if isinstance(shared, dict) else shared
    )
    inputs = parts.get("inputs", [])
    problems += input_problems([inputs] if isinstance(inputs, str) else inputs)
    groups = parts.get("groups")
    if not isinstance(groups, list) or not groups:
        problems.append("groups must be a list with a group of metadata per job")
    else:
        problems += [
            f"groups[{number}] must be an object of names and values, not {type(group).__name__}"
            for number, group in enumerate(groups, 1)
            if not isinstance(group, dict)
        ][:MOST_PROBLEMS]
    return problems


def _check_groups(
    groups: list[dict[str, Any]], location: str, shared: dict[str, Any], inputs: tuple[str, ...]
) -> tuple[list[str], list[tuple[int, int]], list[str]]:
    """Return the jobs' ids, pairs of groups (first, again; from 1) that are one job, and problems."""
    seen: dict[str, int] = {}
    duplicates, problems = [], []
    for number, group in enumerate(groups, 1):
        wrong = value_problems(f"groups[{number}]", group)
        wrong += [f"groups[{number}]: {line}" for line in _brace_problems(location, shared | group, inputs)]
        if not wrong:
            job = job_of(location, shared, group, inputs)
            wrong = [f"groups[{number}]: {line}" for line in _job_problems(job)]
        if wrong:
            problems += wrong
        elif seen.setdefault(job.job_id, number) != number:
            duplicates.append((seen[job.job_id], number))
    return list(seen), duplicates, problems


def _brace_problems(location: str, values: dict[str, Any], inputs: tuple[str, ...]) -> list[str]:
    wanted = {name for text in (location, *inputs) for name in BRACES.findall(text)}
    missing = sorted(wanted - set(values))
    return [
        f"{{{name}}} in output_file_location or inputs names no metadata of this group" for name in missing
    ]


def _job_problems(job: Job) -> list[str]:
    problems = [*location_problems(job.output_file_location), *input_problems(list(job.inputs))]
    size = len(encode_message(job).encode("utf-8"))
    if size > MAX_MESSAGE_BYTES:
        problems.append(f"its message has {size} bytes; SQS takes {MAX_MESSAGE_BYTES}")
    return problems


def job_of(location: str, shared: dict[str, Any], group: dict[str, Any], inputs: tuple[str, ...]) -> Job:
    """Return the job of one group, the braces in location and inputs filled with its metadata."""
    values = shared | group

    def fill(text: str) -> str:
        return BRACES.sub(lambda match: str(values[match[1]]), text)

    return Job(
        metadata=group,
        output_file_location=fill(location),
        shared_metadata=shared,
        inputs=tuple(fill(pattern) for pattern in inputs),
    )
