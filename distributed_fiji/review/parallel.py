"""Read many objects at once, in order, with few in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

#: Returns an object's content by bucket and key; None where it is not there.
Read = Callable[[str, str], "bytes | None"]

#: Objects that are read at once, and results that may wait to be used: what bounds memory.
THREADS, AHEAD = 16, 64


def in_parallel(action: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield an action's results in the order of the items, some ahead and never all at once."""
    with ThreadPoolExecutor(THREADS) as pool:
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(pool.submit(action, item))
            if len(waiting) >= AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
