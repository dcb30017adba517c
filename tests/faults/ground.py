"""Shared by all faults: emulators that start on first use, a folder, a seed, lanes."""

from __future__ import annotations

import contextlib
import itertools
import random
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests import emulators
from tests.worker import harness
from tests.worker.harness import Run

EMULATORS = {"ministack": emulators.ministack, "moto": emulators.moto}


class Ground:
    """Emulators and runs in a folder; a context manager that ends everything it has started.

    All randomness comes from `seed`: what is injected and when, though not how the machine reacts.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.seed = seed
        self._clouds: dict[str, harness.Cloud] = {}
        self._numbers = itertools.count()
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Ground:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def chance(self, of: str) -> random.Random:
        """Return a separate random source for each purpose."""
        return random.Random(f"{self.seed} {of}")

    def cloud(self, name: str = "ministack") -> harness.Cloud:
        """Return an emulator's clients; it is started once."""
        if name not in self._clouds:
            url = self._stack.enter_context(EMULATORS[name](self.new_folder(name)))
            self._clouds[name] = harness.connect(url)
        return self._clouds[name]

    def new_folder(self, name: str) -> Path:
        """Return a new folder."""
        folder = self.folder / f"{name}-{next(self._numbers)}"
        folder.mkdir(parents=True)
        return folder

    @contextlib.contextmanager
    def run(self, name: str, *, on: str = "ministack", **options: Any) -> Iterator[Run]:
        """Create a run on an emulator; its workers end with the block."""
        with harness.a_run(self.cloud(on), self.new_folder(name), **options) as run:
            yield run

    @contextlib.contextmanager
    def proxy(self, upstream: str, *faults: dict[str, Any]) -> Iterator[str]:
        """Put microburst in front of an emulator; yield its URL."""
        with emulators.microburst(self.new_folder("microburst"), upstream) as url:
            emulators.set_faults(url, *faults)
            yield url


def finish(run: Run, seconds: float) -> None:
    """Wait until everything is settled, and ask all workers to leave."""
    harness.wait_until_settled(run, seconds)
    leave(run)


def leave(run: Run) -> None:
    """Ask all running workers to leave at the same time, and wait for them."""
    running = [worker for worker in run.workers if worker.process.poll() is None]
    for worker in running:
        worker.process.terminate()
    for worker in running:
        worker.process.wait(40)


def side_by_side(lanes: Iterable[Callable[[], None]]) -> None:
    """Run lanes at the same time, each in a thread; raise what one of them raised."""
    lanes = list(lanes)
    with ThreadPoolExecutor(len(lanes)) as pool:
        for future in [pool.submit(lane) for lane in lanes]:
            future.result()


def seconds_until(condition: Callable[[], bool], most: float) -> float:
    """Return after how many seconds a condition held; infinite if it did not within `most`."""
    started_at = time.monotonic()
    while not condition():
        if time.monotonic() - started_at > most:
            return float("inf")
        time.sleep(0.03)
    return time.monotonic() - started_at
