"""Whether jobs write outputs to where inputs are; reported before anything costs money. Pure."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator

from worker.contract.inputs import Address, InvalidAddress, addresses_in, read_patterns
from worker.contract.jobs import Job, job_name
from worker.contract.locations import prefix_of

#: How many of a file's jobs are examined, since they are similar.
MOST_JOBS = 1_000


def doubts_about_places(jobs: Iterable[Job], source_bucket: str, destination_bucket: str) -> list[str]:
    """Return a line about the first job whose outputs go where inputs are, in a list; empty if none does."""
    for job in itertools.islice(jobs, MOST_JOBS):
        prefix = prefix_of(job.output_file_location)
        for bucket, folder, with_all_below in _input_folders(job, source_bucket):
            within = prefix.startswith(folder) if with_all_below else prefix == folder
            if bucket == destination_bucket and within:
                return [
                    f"the outputs of {job_name(job.metadata)} go to s3://{bucket}/{prefix}, among the"
                    f" inputs in s3://{bucket}/{folder}. An output with the name of an input fails its"
                    " job, and later runs may take outputs for inputs. Choose another"
                    " output_file_location"
                ]
    return []


def _input_folders(job: Job, source_bucket: str) -> Iterator[tuple[str, str, bool]]:
    """Yield bucket and key prefix of each folder with inputs, and whether everything below it is an input."""
    for text in job.inputs:
        with contextlib.suppress(InvalidAddress):
            pattern = read_patterns(text, source_bucket)[0]
            yield pattern.bucket, pattern.folder, text.endswith("/")
    for value in [*job.parameters.values(), *job.answers.values()]:
        with contextlib.suppress(InvalidAddress):
            for item in addresses_in(value, source_bucket) or []:
                if isinstance(item, Address):
                    folder = item.key[: item.key.rfind("/") + 1]
                    yield item.bucket, folder, item.key.endswith("/")
