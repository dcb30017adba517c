"""Whether what a job file names as inputs can be inputs at all; the bucket is not looked at. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from distributed_fiji.errors import InvalidInput
from distributed_fiji.jobs import ANSWERS, JobFile, answers_of, metadata_of, shortened
from worker.contract_inputs import InvalidAddress, address_problems, read_patterns


def check_inputs(file: JobFile, source: str, *, source_bucket: str, values: bool) -> None:
    """Raise InvalidInput with every input that cannot be one; `source` names the file.

    `values`: whether metadata values are inputs (DOWNLOAD_FILES), or paths in a mounted bucket.
    """
    problems = []
    if values:
        problems += _named("shared_metadata", address_problems(file.template.shared_metadata, source_bucket))
        problems += _named(ANSWERS, address_problems(file.template.answers, source_bucket))
        for number, group in enumerate(file.groups, 1):
            problems += _named(f"groups[{number}]", address_problems(metadata_of(group), source_bucket))
            answers = address_problems(answers_of(group), source_bucket)
            problems += _named(f"groups[{number}].{ANSWERS}", answers)
    for pattern in dict.fromkeys(pattern for job in file for pattern in job.inputs):
        try:
            read_patterns(pattern, source_bucket)
        except InvalidAddress as error:
            problems.append(f"inputs: {error}")
    if problems:
        raise InvalidInput(f"{source} cannot be used", shortened(problems))


def _named(where: str, problems: Iterable[str]) -> list[str]:
    return [f"{where}.{problem}" for problem in problems]
