"""Run several tasks at once on a thread pool; the first error stops them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from botocore.exceptions import ClientError

from worker.errors import JobFailed
from worker.storage import s3 as store

Check = Callable[[], None]
Result = TypeVar("Result")


def run_all(
    pool: ThreadPoolExecutor,
    tasks: Iterable[Callable[[], Result]],
    check: Check,
    as_failure: Callable[[Exception], JobFailed],
    *,
    to_the_end: bool = False,
) -> list[Result]:
    """Run tasks on a pool and return their results; the first error stops all of them.

    `to_the_end`: return only after every task has ended, which is soon, since each calls `check`.
    """
    futures: list[Future[Result]] = [pool.submit(task) for task in tasks]
    pending = set(futures)
    try:
        while pending:
            done, pending = wait(pending, timeout=0.1, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
            check()
    except Exception as error:
        for future in futures:
            future.cancel()
        if to_the_end:
            wait(futures)
        if store.is_transient(error) or isinstance(error, (OSError, ClientError)):
            raise as_failure(error) from error
        raise
    return [future.result() for future in futures]
