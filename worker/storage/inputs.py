"""The inputs of one job: everything its parameters and patterns name, brought to disk before FIJI starts."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from worker.contract.jobs import FailureClass, Job, Value
from worker.errors import ChangedMeanwhile, JobFailed
from worker.host.folders import remove_tree
from worker.storage import s3 as store
from worker.storage.bulk import Batch
from worker.storage.cache import Cache, Loan
from worker.storage.downloads import Check, Downloads
from worker.storage.listing import Group, Lister, Listing, value_at

#: How often inputs are listed again because an object changed between listing and download.
LISTINGS = 5


@dataclass
class Inputs:
    """A job's inputs on disk. `staging` holds those of this job alone, which move into its folder later."""

    staging: Path
    listing: Listing = field(default_factory=Listing)
    #: Shared inputs that are lent to this job.
    loans: list[Loan] = field(default_factory=list)

    @property
    def used(self) -> list[dict[str, Any]]:
        """The objects used, for the manifest: address, ETag, bytes."""
        return self.listing.used

    def parameters(self, job: Job, work: Path) -> dict[str, Value]:
        """Return the script's parameters, with inputs replaced by local paths."""
        return {**job.parameters, **{name: value_at(one, work) for name, one in self.listing.values.items()}}

    def answers(self, job: Job, work: Path) -> dict[str, Value]:
        """Return the answers to the script's questions, with inputs replaced by local paths."""
        return {
            **job.answers,
            **{name: value_at(one, work) for name, one in self.listing.answers.items()},
        }

    def move_into(self, work: Path) -> None:
        """Move everything into a job's folder on the same disk, where the script may change it freely."""
        for item in self.staging.iterdir():
            item.rename(work / item.name)
        self.staging.rmdir()
        for loan in self.loans:
            loan.move_into(work)

    def end_loans(self, output: Path | None = None) -> None:
        """Return loans to the cache, unless a link in `output` leads into the job's folder; then they stay.

        Such a link may lead to inputs by way of other links, and its target is yet to be read.
        """
        keep = output is not None and _has_links_into(output.parent, output)
        while self.loans:
            self.loans.pop().end(keep=keep)


class InputFetcher:
    """Fetches inputs, each exactly as it was listed."""

    def __init__(self, lister: Lister, downloads: Downloads, cache: Cache) -> None:
        self._lister = lister
        self._downloads = downloads
        self._cache = cache

    def fetch(self, job: Job, inputs: Inputs, check: Check) -> None:
        """Fetch all inputs of a job into `inputs`. Raises JobFailed naming what is missing."""
        with store.failing_as(FailureClass.DOWNLOAD_FAILED, "the job's inputs"):
            self._until_unchanged(inputs, check, lambda: self._list_and_fetch(job, inputs, check))

    def listed(self, job: Job, check: Check) -> dict[str, str]:
        """Return what `fetch` would download now, as ETags by address. Raises JobFailed."""
        return {entry["key"]: entry["etag"] for entry in self._lister.look(job, check).used}

    def make_ready(self, job: Job, inputs: Inputs, check: Check) -> None:
        """Make sure, just before FIJI starts, that inputs shared with other jobs are still as listed.

        Raises JobFailed if they are not, and cannot be downloaded again.
        """

        def restore() -> None:
            for loan in inputs.loans:
                loan.restore(check)

        def again() -> None:
            self._list_and_fetch(job, inputs, check)
            restore()

        with store.failing_as(FailureClass.DOWNLOAD_FAILED, "the job's inputs"):
            try:
                restore()
            except ChangedMeanwhile:
                self._until_unchanged(inputs, check, again)

    def release(self, inputs: Inputs) -> None:
        """Return the job's loans to the cache."""
        inputs.end_loans()

    def _until_unchanged(self, inputs: Inputs, check: Check, attempt: Callable[[], None]) -> None:
        for _ in range(LISTINGS):
            inputs.end_loans()
            _empty(inputs.staging)
            try:
                attempt()
                return
            except ChangedMeanwhile as error:
                check()
                changed = str(error)
        raise JobFailed(
            FailureClass.DOWNLOAD_FAILED,
            f"{changed} changed {LISTINGS} times during the download. Submit the job again once its inputs"
            " no longer change.",
        )

    def _list_and_fetch(self, job: Job, inputs: Inputs, check: Check) -> None:
        inputs.listing = self._lister.look(job, check)
        for group in inputs.listing.groups:
            with store.failing_as(FailureClass.DOWNLOAD_FAILED, f"s3://{group.bucket}/{group.prefix}"):
                self._fetch_group(group, inputs, check)

    def _fetch_group(self, group: Group, inputs: Inputs, check: Check) -> None:
        batch = Batch(
            group.bucket, group.prefix, inputs.staging / group.place, list(group.objects), group.whole
        )
        if group.shared:
            inputs.loans.append(self._cache.bring(batch, group.objects, group.place, check))
        else:
            self._downloads.fetch(batch, group.objects, check)


def _empty(staging: Path) -> None:
    if any(staging.iterdir()):
        remove_tree(staging)
        staging.mkdir()


def _has_links_into(work: Path, output: Path) -> bool:
    """Whether `output`, or a link in it, leads into a folder.

    Paths that cannot be read, for example because they are too long, cannot be uploaded either.
    """
    links = [str(output)] if output.is_symlink() else []
    folders = [str(output)]
    while folders:
        with suppress(OSError), os.scandir(folders.pop()) as found:
            for one in found:
                if one.is_symlink():
                    links.append(one.path)
                elif one.is_dir():
                    folders.append(one.path)
    return any(os.path.realpath(link).startswith(f"{os.path.realpath(work)}/") for link in links)
