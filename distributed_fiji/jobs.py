"""Job file -> jobs: the original's format (output_file_location, shared_metadata, groups) and `inputs`.

Pure, except that it reads the file, and the file that its groups are in. All is checked before anything is
sent. Jobs are made one at a time, whenever they are asked for, so memory does not grow with a copy per job.
"""

from __future__ import annotations

import difflib
import json
import re
from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, overload

from distributed_fiji.errors import InvalidInput
from distributed_fiji.groups import Group, Groups, find_groups, without_comments
from distributed_fiji.jsonfiles import read_json
from distributed_fiji.sharedlocations import Locations, Shared, repeated
from worker.contract.jobs import (
    MAX_MESSAGE_BYTES,
    Job,
    answer_problems,
    encode_message,
    input_problems,
    job_name,
    value_problems,
)
from worker.contract.locations import location_problems
from worker.contract.paths import path_problems

KEYS = ("output_file_location", "shared_metadata", "inputs", "answers", "paths", "groups")
BRACES = re.compile(r"\{([^{}]*)\}")
#: Where the original mounts the bucket on its machines; here, paths below it are relative to the bucket's
#: root.
MOUNT = re.compile(r"\A/*home/ubuntu/bucket(/+|\Z)")
#: In each value that is an address in S3 or a path in a mounted bucket (worker.contract.inputs).
PLACE = re.compile("s3|bucket", re.IGNORECASE)
#: How a group of Distributed-CellProfiler gives its metadata.
PAIRS = re.compile(r"\s*[A-Za-z_]\w*=[^,=]*(,\s*[A-Za-z_]\w*=[^,=]*)*", re.ASCII)

#: How many problems are listed; in a file with thousands of wrong groups, they are all alike.
MOST_PROBLEMS = 20


#: Bytes of a message that are reserved for the attribute with its submission's name, which counts towards
#: SQS's limit (aws.queues.mark_bytes).
MARK_BYTES = 64

ANSWERS, PATHS = "answers", "paths"


def metadata_of(group: dict[str, Any]) -> dict[str, Any]:
    """Return a group without its answers and paths.

    These are not parameters: they are objects, unlike any value.
    """
    if group.keys().isdisjoint((ANSWERS, PATHS)):
        return group
    return {
        name: value
        for name, value in group.items()
        if name not in (ANSWERS, PATHS) or not isinstance(value, dict)
    }


def answers_of(group: dict[str, Any]) -> dict[str, Any]:
    """Return a group's own answers."""
    return _own(group, ANSWERS)


def paths_of(group: dict[str, Any]) -> dict[str, Any]:
    """Return a group's own paths to redirect."""
    return _own(group, PATHS)


def _own(group: dict[str, Any], name: str) -> dict[str, Any]:
    own = group.get(name)
    return without_comments(own) if isinstance(own, dict) else {}


@dataclass(frozen=True)
class Template:
    """What all jobs of a file share. Each group's metadata fills the braces in location and inputs.

    `answers`: to what the script asks. `paths`: folders of another machine. A group's own have the same keys,
    and override these.
    """

    output_file_location: str
    shared_metadata: dict[str, Any]
    inputs: tuple[str, ...] = ()
    answers: dict[str, Any] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)

    def job(self, group: dict[str, Any]) -> Job:
        """Return the job of one group."""
        answers, paths = answers_of(group), paths_of(group)
        group = metadata_of(group)
        values = self.shared_metadata | group

        def fill(parts: list[str]) -> str:
            texts = [str(values[part]) if place % 2 else part for place, part in enumerate(parts)]
            return MOUNT.sub("", "".join(texts))

        location, *inputs = map(fill, self._parts)
        return Job(
            metadata=group,
            output_file_location=location,
            shared_metadata=self.shared_metadata,
            inputs=tuple(inputs),
            answers=self.answers | answers,
            paths=self.paths | paths,
        )

    def most_bytes(self, group: str, job: Job) -> int:
        """Return what a job's message cannot exceed. `group`: its group as a text.

        A character of Python's text takes at most six bytes in JSON, as \\u0001 does.
        """
        texts = (group, job.output_file_location, *job.inputs)
        return 6 * (sum(map(len, texts)) + 4 * len(texts) + self._shared_length)

    @cached_property
    def _shared_length(self) -> int:
        """Characters of what all messages have in common: the names of their parts, and what is shared."""
        return 200 + len(str((self.shared_metadata, self.answers, self.paths)))

    def missing_names(self, group: dict[str, Any]) -> list[str]:
        """Return the names in braces that are neither in the group nor in the shared metadata."""
        return sorted(self._names_of_groups.difference(group))

    def lists(self, group: dict[str, Any]) -> list[str]:
        """Return the names in braces whose values are lists."""
        shared = self.shared_metadata
        return sorted(name for name in self._names if isinstance(group.get(name, shared.get(name)), list))

    @cached_property
    def _parts(self) -> list[list[str]]:
        """The location and the inputs, each as texts with the names in braces between them."""
        return [BRACES.split(text) for text in (self.output_file_location, *self.inputs)]

    @cached_property
    def _names(self) -> set[str]:
        """The names in braces."""
        return {name for parts in self._parts for name in parts[1::2]}

    @cached_property
    def _names_of_groups(self) -> set[str]:
        """The names in braces that a group must have, because the shared metadata do not."""
        return self._names - self.shared_metadata.keys()


class JobIds(Sequence[str]):
    """Jobs' IDs in their order, in eight bytes each."""

    def __init__(self, numbers: array[int]) -> None:
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> JobIds: ...
    def __getitem__(self, place: int | slice) -> str | JobIds:
        found = self._numbers[place]
        return f"{found:016x}" if isinstance(found, int) else JobIds(found)

    def __iter__(self) -> Iterator[str]:
        return map("{:016x}".format, self._numbers)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, JobIds) and self._numbers == other._numbers

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True)
class JobFile:
    """A checked job file. Iterating yields its jobs, each once even if a group is duplicated.

    `duplicates`: the numbers of two groups that are the same job (first, again).
    """

    template: Template
    groups: Groups
    job_ids: JobIds
    duplicates: tuple[tuple[int, int], ...]
    warnings: tuple[str, ...]
    #: Whether any value of a group may be a place in S3, or look like one.
    has_places: bool

    @property
    def may_have_inputs(self) -> bool:
        """Whether any job may name an input, by a pattern or a value."""
        shared = (self.template.inputs, self.template.shared_metadata, self.template.answers)
        return self.has_places or bool(self.template.inputs) or PLACE.search(str(shared)) is not None

    def names(self) -> Iterator[tuple[str, str]]:
        """Yield each job's id and its name for people."""
        for (_, group), job_id in zip(self._once(), self.job_ids, strict=True):
            yield job_id, job_name(metadata_of(group))

    def part(self, places: Collection[int], below: str = "") -> JobFile:
        """Return some of the jobs, by their places. `below` is put before their output locations."""
        template, wanted = self.template, set(places)
        groups = {place: group for place, (_, group) in enumerate(self._once()) if place in wanted}
        location = below + MOUNT.sub("", template.output_file_location).lstrip("/")
        document = {
            "output_file_location": location if below else template.output_file_location,
            "shared_metadata": template.shared_metadata,
            "inputs": list(template.inputs),
            ANSWERS: template.answers,
            PATHS: template.paths,
            "groups": [groups[place] for place in places],
        }
        return parse_job_file(document, "rehearsal")

    def _once(self) -> Iterator[tuple[int, Group]]:
        again = {later for _, later in self.duplicates}
        return ((number, group) for number, group in self.groups.numbered() if number not in again)

    def numbered(self) -> Iterator[tuple[int, Job]]:
        """Yield the number of each job's group, and the job."""
        for (number, group), job_id in zip(self._once(), self.job_ids, strict=True):
            job = self.template.job(group)
            # Where cached_property stores it: it was calculated when the file was checked.
            vars(job)["job_id"] = job_id
            yield number, job

    def locations(self) -> Iterator[tuple[int, str]]:
        """Yield the number of each job's group, and the job's output location."""
        return ((number, job.output_file_location) for number, job in self.numbered())

    def __iter__(self) -> Iterator[Job]:
        return (job for _, job in self.numbered())


def read_job_file(path: Path) -> JobFile:
    """Read and check a whole job file. Raises InvalidInput with what is wrong in it."""
    return parse_job_file(read_json(path), str(path), path.parent)


def parse_job_file(document: Any, source: str, folder: Path = Path()) -> JobFile:
    """Check a job file's contents. Raises InvalidInput.

    `source` names it in messages. `folder`: the base of a relative name of a file with groups.
    """
    if not isinstance(document, dict):
        raise InvalidInput(
            f"{source} cannot be used", ["it must be a JSON object with output_file_location, groups, …"]
        )
    parts = without_comments(document)
    template, problems = _read_template(parts)
    groups, wrong = find_groups(parts.get("groups"), folder)
    problems += wrong
    found = _check_groups(groups, template, problems)
    if problems:
        raise InvalidInput(f"{source} cannot be used", shortened(problems))
    unknown = [key for key in parts if key not in KEYS]
    file = JobFile(template, groups, JobIds(found.ids), tuple(found.duplicates), (), found.has_places)
    shared = found.locations.find_shared(file.locations)
    warnings = (
        *(f"unknown key {key!r} in the job file, ignored" for key in unknown),
        *_mount_warnings(parts),
        *groups.renamed(),
        *([_warning_of(shared, groups, template)] if shared else []),
    )
    return replace(file, warnings=warnings)


def shortened(problems: list[str]) -> list[str]:
    """Return the problems to list, and how many more there are."""
    more = len(problems) - MOST_PROBLEMS
    return problems[:MOST_PROBLEMS] + ([f"and {more} more like this"] if more > 0 else [])


def _read_template(parts: dict[str, Any]) -> tuple[Template, list[str]]:
    """Return what all jobs share, and problems; parts that are wrong are left empty."""
    location, shared = _unmounted(parts.get("output_file_location")), parts.get("shared_metadata", {})
    inputs = parts.get("inputs", [])
    if isinstance(shared, dict):
        shared = without_comments(shared)
    if isinstance(inputs, str):
        inputs = [inputs]
    if isinstance(inputs, list):
        inputs = [_unmounted(pattern) for pattern in inputs]
    answers = parts.get(ANSWERS, {})
    if isinstance(answers, dict):
        answers = without_comments(answers)
    paths = parts.get(PATHS, {})
    if isinstance(paths, dict):
        paths = without_comments(paths)
    wrong_answers, wrong_paths = answer_problems(ANSWERS, answers), path_problems(PATHS, paths)
    wrong_location = _location_problems(location) or _brace_problems("output_file_location", location)
    wrong_inputs = input_problems(inputs) or [
        line for pattern in inputs for line in _brace_problems("inputs", pattern)
    ]
    template = Template(
        output_file_location="" if wrong_location else str(location),
        shared_metadata=shared if isinstance(shared, dict) else {},
        inputs=() if wrong_inputs else tuple(inputs),
        answers={} if wrong_answers else answers,
        paths={} if wrong_paths else paths,
    )
    problems = [*value_problems("shared_metadata", shared), *wrong_inputs, *wrong_answers, *wrong_paths]
    return template, [*wrong_location, *problems]


def _unmounted(place: Any) -> Any:
    """Return a place relative to the bucket's root, if it is below the original's mount."""
    return MOUNT.sub("", place) if isinstance(place, str) else place


def _brace_problems(where: str, text: str) -> list[str]:
    if "{{" in text or "}}" in text:
        return [f"{where} {text!r}: names go in single braces, for example {{Well}}"]
    rest = BRACES.sub("", text)
    return [f"{where} {text!r} has an unmatched brace"] if "{" in rest or "}" in rest else []


def _hint(name: str, known: Iterable[str]) -> str:
    """Return a question if a name is similar to a known one, else ''."""
    by_fold = {one.casefold(): one for one in known}
    near = difflib.get_close_matches(name.strip().casefold(), by_fold, n=1)
    return f"; did you mean {{{by_fold[near[0]]}}}?" if near else ""


@dataclass
class Checked:
    """What is known of the jobs of all groups.

    `ids`: in their order. `numbers`: of their groups. `duplicates`: groups (first, again) that are the same
    job. `has_places`: whether any value of a group looks like a place in S3.
    """

    ids: array[int] = field(default_factory=lambda: array("Q"))
    numbers: array[int] = field(default_factory=lambda: array("Q"))
    locations: Locations = field(default_factory=Locations)
    duplicates: list[tuple[int, int]] = field(default_factory=list)
    has_places: bool = False

    def add(self, number: int, group: str, job: Job) -> None:
        """Take in a job. `group`: its group as a text."""
        self.ids.append(int(job.job_id, 16))
        self.numbers.append(number)
        self.locations.add(job.output_file_location)
        self.has_places = self.has_places or PLACE.search(group) is not None

    def leave_out_duplicates(self) -> None:
        """Keep each job once."""
        twice, first = repeated(self.ids), dict[int, int]()
        jobs = list(zip(self.ids, self.numbers, strict=True)) if twice else []
        self.duplicates = [
            (first[one], number)
            for one, number in jobs
            if one in twice and first.setdefault(one, number) != number
        ]
        again = {later for _, later in self.duplicates}
        if again:
            self.ids = array("Q", (one for one, number in jobs if number not in again))


def _check_groups(groups: Groups, template: Template, problems: list[str]) -> Checked:
    """Return what is known of the groups' jobs; add what is wrong to the problems."""
    found = Checked()
    for number, group in groups.read(problems):
        if wrong := _group_problems(groups.called(number), group, template):
            problems += wrong
            continue
        job, text = template.job(group), str(group)
        if wrong := _job_problems(job, most_bytes=template.most_bytes(text, job)):
            problems += (f"{groups.called(number)}: {line}" for line in wrong)
        else:
            found.add(number, text, job)
    if not found.ids and not problems:
        problems.append(f"{groups.called(1)}: there is no group in this file")
    found.leave_out_duplicates()
    return found


def _group_problems(called: str, group: Group, template: Template) -> list[str]:
    """Return what is wrong with a group, before it is made a job."""
    metadata = metadata_of(group)
    wrong = _foreign_problems(called, metadata) or value_problems(called, metadata)
    if metadata is not group:
        wrong += answer_problems(f"{called}.{ANSWERS}", answers_of(group))
        wrong += path_problems(f"{called}.{PATHS}", paths_of(group))
    wrong += [
        f"{called}: {{{name}}} in output_file_location or inputs is not in its"
        f" metadata{_hint(name, (*metadata, *template.shared_metadata))}"
        for name in template.missing_names(metadata)
    ]
    wrong += [
        f"{called}: {{{name}}} in output_file_location or inputs must be one value, not a list"
        for name in template.lists(metadata)
    ]
    return wrong


def _foreign_problems(called: str, group: Group) -> list[str]:
    """Say what to write instead of a group in Distributed-CellProfiler's form."""
    value = group.get("Metadata")
    has_objects = isinstance(value, dict) or (
        isinstance(value, list) and any(isinstance(item, dict) for item in value)
    )
    if len(group) != 1 or not (has_objects or (isinstance(value, str) and PAIRS.fullmatch(value))):
        return []
    form = f"{called}: {json.dumps(group):.80} is the form of Distributed-CellProfiler; here,"
    if not isinstance(value, str):
        return [f'{form} the group itself holds names and values, for example {{"Well": "A01"}}']
    pairs = dict(pair.strip().split("=", 1) for pair in value.split(","))
    return [f"{form} write {json.dumps(pairs):.200}"]


def _mount_warnings(parts: dict[str, Any]) -> list[str]:
    inputs = parts.get("inputs", [])
    places = [parts.get("output_file_location"), *(inputs if isinstance(inputs, list) else [inputs])]
    return [
        f"{place!r} is relative to the bucket's root: {_unmounted(place)!r}"
        for place in places
        if _unmounted(place) != place
    ]


def _warning_of(shared: Shared, groups: Groups, template: Template) -> str:
    """Say which two jobs may write the same file, and how to keep them apart."""
    numbers = (shared.first, shared.second)
    found = {number: template.job(group) for number, group in groups.numbered() if number in numbers}
    jobs = [found[number] for number in numbers]
    first, second = (
        f"{groups.called(number)} ({job_name(job.metadata)})"
        for number, job in zip(numbers, jobs, strict=True)
    )
    place = repr(jobs[1].output_file_location)
    told = {
        "equal": f"{first} and {second} have the same output_file_location {place}",
        "nested": f"the output_file_location of {second}, {place}, is inside that of {first}",
        "alike": f"the output_file_location of {second}, {place}, differs from that of {first} only in case"
        " or accents",
    }
    return (
        f"{told[shared.how]}: files with the same name would make the second job fail. Names in braces,"
        " such as {Well}, give each job its own folder"
    )


def _location_problems(location: Any) -> list[str]:
    """A worker reads an absolute location from the bucket's root; here it is most likely a mistake."""
    if location is None:
        return ["output_file_location is missing: the folder in the bucket for the jobs' outputs"]
    if isinstance(location, str) and location.startswith("/"):
        return [
            f"output_file_location {location!r} must not start with /: it is always relative to the"
            " bucket's root"
        ]
    if isinstance(location, str) and "//" in location and "://" not in location:
        return [f"output_file_location {location!r} contains '//': an extra slash, or an empty value"]
    return location_problems(location)


def _job_problems(job: Job, most_bytes: int) -> list[str]:
    """Return what is wrong with a job. `most_bytes`: what its message has at most, without encoding it."""
    problems = [*_location_problems(job.output_file_location), *input_problems(list(job.inputs))]
    most = MAX_MESSAGE_BYTES - MARK_BYTES
    if most_bytes > most and (size := len(encode_message(job).encode("utf-8"))) > most:
        problems.append(f"its message is {size} bytes; the limit is {most} bytes plus the submission's name")
    return problems
