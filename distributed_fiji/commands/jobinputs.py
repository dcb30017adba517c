"""Whether what a job file names as inputs can be inputs at all, without looking at the bucket. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from distributed_fiji.errors import InvalidInput
from distributed_fiji.jobs import ANSWERS, JobFile, answers_of, metadata_of, shortened
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
    problems = []
    if values:
        problems += _named("shared_metadata", address_problems(file.template.shared_metadata, source_bucket))
        problems += _named(ANSWERS, address_problems(file.template.answers, source_bucket))
        for number, group in enumerate(file.groups, 1):
            problems += _named(f"groups[{number}]", address_problems(metadata_of(group), source_bucket))
            answers = address_problems(answers_of(group), source_bucket)
            problems += _named(f"groups[{number}].{ANSWERS}", answers)
    patterns = dict.fromkeys(pattern for job in file for pattern in job.inputs)
    buckets: dict[str, str] = {}
    for pattern in patterns:
        try:
            buckets.setdefault(read_patterns(pattern, source_bucket)[0].bucket, f"inputs: {pattern}")
        except InvalidAddress as error:
            problems.append(f"inputs: {error}")
    if not problems and readable is not None:
        buckets |= _buckets_of_values(file) if values else {}
        problems += [
            f"{where} is in a bucket that the workers may not read: add {bucket!r} to MORE_SOURCE_BUCKETS in"
            " config.py and run `python run.py setup` again"
            for bucket, where in buckets.items()
            if bucket not in readable
        ]
    if problems:
        raise InvalidInput(f"{source} cannot be used", shortened(problems))


def _buckets_of_values(file: JobFile) -> dict[str, str]:
    """Return the buckets that metadata and answers name with s3://, each with the first such value."""
    named = [("shared_metadata", file.template.shared_metadata), (ANSWERS, file.template.answers)]
    for number, group in enumerate(file.groups, 1):
        named.append((f"groups[{number}]", metadata_of(group)))
        named.append((f"groups[{number}].{ANSWERS}", answers_of(group)))
    found: dict[str, str] = {}
    for where, parameters in named:
        for name, value in parameters.items():
            # Few of a million values are addresses; only those are parsed.
            if not isinstance(value, (str, list)) or "s3://" not in str(value).lower():
                continue
            for item in addresses_in(value, "") or []:
                if isinstance(item, Address) and item.bucket:
                    found.setdefault(item.bucket, f"{where}.{name}: {item}")
    return found


def _named(where: str, problems: Iterable[str]) -> list[str]:
    return [f"{where}.{problem}" for problem in problems]
