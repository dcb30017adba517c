"""Whether what a job file names as inputs can be inputs at all, without looking at the bucket. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from distributed_fiji.errors import InvalidInput
from distributed_fiji.jobs import ANSWERS, BRACES, JobFile, answers_of, metadata_of, shortened
from distributed_fiji.settings import Settings
from worker.contract.inputs import Address, InvalidAddress, address_problems, addresses_in, read_patterns


def check_inputs_for(settings: Settings, file: JobFile, source: str) -> None:
    """Raise InvalidInput with every input of a job file that cannot be one for a run with these settings."""
    check_inputs(
        file,
        source,
        source_bucket=settings.SOURCE_BUCKET,
        values=settings.DOWNLOAD_FILES,
        readable=settings.readable_buckets,
    )


def check_inputs(
    file: JobFile, source: str, *, source_bucket: str, values: bool, readable: Collection[str] | None = None
) -> None:
    """Raise InvalidInput with every input that cannot be one; `source` names the file.

    `values`: whether metadata values are inputs (DOWNLOAD_FILES), or paths in a mounted bucket. `readable`:
    the buckets that the workers' role may read; None for any.
    """
    problems, named = list[str](), dict[str, str]()
    for where, parameters in _parameters(file) if values else ():
        wrong = address_problems(parameters, source_bucket)
        problems += (f"{where}.{problem}" for problem in wrong)
        if not wrong:
            _note_buckets(named, where, parameters)
    buckets: dict[str, str] = {}
    for pattern in _patterns(file):
        try:
            buckets.setdefault(read_patterns(pattern, source_bucket)[0].bucket, f"inputs: {pattern}")
        except InvalidAddress as error:
            problems.append(f"inputs: {error}")
    if not problems and readable is not None:
        problems += [
            f"{where} is in a bucket that the workers may not read: add {bucket!r} to MORE_SOURCE_BUCKETS in"
            " config.py and run `python run.py setup` again"
            for bucket, where in (buckets | named).items()
            if bucket not in readable
        ]
    if problems:
        raise InvalidInput(f"{source} cannot be used", shortened(problems))


def _parameters(file: JobFile) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield what can have addresses as values, with its name: what all share, then each group."""
    yield "shared_metadata", file.template.shared_metadata
    yield ANSWERS, file.template.answers
    for number, group in file.groups.numbered() if file.has_places else ():
        called = file.groups.called(number)
        yield called, metadata_of(group)
        if answers := answers_of(group):
            yield f"{called}.{ANSWERS}", answers


def _patterns(file: JobFile) -> Iterator[str]:
    """Yield the jobs' patterns, none twice in a row."""
    if not BRACES.search("".join(file.template.inputs)):
        yield from file.template.inputs
        return
    before: tuple[str, ...] = ()
    for job in file:
        if job.inputs != before:
            yield from job.inputs
        before = job.inputs


def _note_buckets(named: dict[str, str], where: str, parameters: Mapping[str, Any]) -> None:
    """Note the buckets that values name with s3://, each with the first such value."""
    for name, value in parameters.items():
        # Few of a million values are addresses; only those are parsed.
        if not isinstance(value, (str, list)) or "s3://" not in str(value).lower():
            continue
        for item in addresses_in(value, "") or []:
            if isinstance(item, Address) and item.bucket:
                named.setdefault(item.bucket, f"{where}.{name}: {item}")
