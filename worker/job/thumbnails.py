"""Thumbnails of a job's outputs, made beside their upload. No job waits for them, and none fails by them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from itertools import islice
from typing import BinaryIO

from worker.contract.patterns import means_output
from worker.contract.thumbnails import MOST_OF_A_JOB, Thumbnail
from worker.job.held import HeldJob
from worker.records.ledger import Ledger
from worker.storage.outputs import Output
from worker.storage.pictures import thumbnails_of

log = logging.getLogger(__name__)

#: Jobs whose thumbnails are being made or wait; where S3 is slow, further ones get none.
MOST_WAITING = 4


class Thumbnails:
    """Makes thumbnails of the outputs that a pattern means ('': of none), in a thread of its own."""

    def __init__(self, pattern: str, ledger: Ledger) -> None:
        self._pattern = pattern
        self._ledger = ledger
        self._lane = ThreadPoolExecutor(1, thread_name_prefix="thumbnails")
        self._free = threading.Semaphore(MOST_WAITING)

    def start(self, held: HeldJob, outputs: Sequence[Output]) -> None:
        """Begin with a job's. Never raises."""
        try:
            if self._pattern:
                self._start(held, outputs)
        except Exception as error:
            log.info("no thumbnail of job %s: %s", held.name, error)

    def _start(self, held: HeldJob, outputs: Sequence[Output]) -> None:
        """Open a job's files, since its folder is removed when it has ended, and let the lane do the rest."""
        meant = [one for one in outputs if means_output(self._pattern, one.name)]
        if not meant:
            log.info("no thumbnail of job %s: no output fits THUMBNAILS = %r", held.name, self._pattern)
        elif not self._free.acquire(blocking=False):
            log.info("no thumbnail of job %s: those of other jobs are not in the bucket yet", held.name)
        else:
            with ExitStack() as opened:
                files = [
                    (one.name, file)
                    for one in meant[:MOST_OF_A_JOB]
                    if (file := _find_file(one, held)) and opened.enter_context(file)
                ]
                self._lane.submit(self._keep, held, files, opened.pop_all())

    def close(self, seconds: float) -> None:
        """Wait until those that were begun are in the bucket, for a limited time."""
        if self._pattern:
            wait([self._lane.submit(int)], timeout=seconds)  # comes after all others in the lane

    def _keep(self, held: HeldJob, files: Sequence[tuple[str, BinaryIO]], opened: ExitStack) -> None:
        try:
            with opened:
                made = list(islice(_made(held, files), MOST_OF_A_JOB))
            if made:
                self._ledger.keep_thumbnails(held.job_id, held.run_id, made)
        except Exception as error:
            log.info("the thumbnails of job %s could not be saved: %s", held.name, error)
        finally:
            self._free.release()


def _find_file(output: Output, held: HeldJob) -> BinaryIO | None:
    problem = output.fault
    try:
        if not problem:
            return output.path.open("rb")
    except OSError as error:
        problem = str(error)
    log.info("no thumbnail of %s of job %s: %s", output.name, held.name, problem)
    return None


def _made(held: HeldJob, files: Sequence[tuple[str, BinaryIO]]) -> Iterator[Thumbnail]:
    for name, file in files:
        try:
            yield from thumbnails_of(file, name)
        except Exception as error:  # whatever a broken image makes its reader raise
            log.info("no thumbnail of %s of job %s: %s", name, held.name, error)
