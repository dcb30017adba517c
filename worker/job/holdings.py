"""The jobs that a worker holds, in any lane, until each is settled: its message deleted or given back."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

from worker.aws.protection import TaskProtection
from worker.contract.jobs import Outcome
from worker.errors import Interrupted
from worker.job.finish import Finisher
from worker.job.held import HeldJob
from worker.stop import Stop
from worker.verdict.verdict import Verdict

#: Seconds that a departing worker may spend on returning messages.
LEAVE_SECONDS = 6.0
HAS_TO_END = Verdict(Outcome.INTERRUPTED, sentence="this worker has to end")


class Holdings:
    """All methods may be called from any thread."""

    def __init__(self, finisher: Finisher, protection: TaskProtection, stop: Stop) -> None:
        self._finisher = finisher
        self._protection = protection
        self._stop = stop
        self._held: dict[str, HeldJob] = {}

    def __len__(self) -> int:
        return len(self._held)

    @property
    def messages(self) -> int:
        """How many messages these are: the jobs of a bundle are one."""
        return len({held.message.receipt for held in list(self._held.values())})

    def add(self, held: HeldJob) -> None:
        """Hold one more. While there is one, ECS is asked not to stop this task."""
        self._held[held.run_id] = held
        self._protection.hold()

    def end(self, held: HeldJob, verdict: Verdict, forget: Callable[[HeldJob, Verdict], None]) -> None:
        """Finish a job without a run. `forget` removes its files."""
        self._finisher.close(held, verdict, check=self._check)
        forget(held, verdict)
        self.drop(held)

    def drop(self, held: HeldJob) -> None:
        """Forget a settled job."""
        if self._held.pop(held.run_id, None):
            self._protection.release()

    def give_back(self, held: HeldJob, verdict: Verdict = HAS_TO_END) -> None:
        """Make a message visible now. Whatever still works on it stops at its next check."""
        held.abandon()
        self._finisher.settle(held, verdict, check=self._check)
        self.drop(held)

    def give_back_unclaimed(self) -> None:
        """Give back every job that has not reached FIJI yet, whether ready or still in preparation."""
        for held in list(self._held.values()):
            if held.claim():
                self.give_back(held)

    def give_back_all(self) -> None:
        """Give back everything at once. A call that hangs does not keep a worker that has to leave."""
        if left := list(self._held.values()):
            pool = ThreadPoolExecutor(len(left), thread_name_prefix="leave")
            wait([pool.submit(self._give_back_or_await, held) for held in left], timeout=LEAVE_SECONDS)
            pool.shutdown(wait=False, cancel_futures=True)

    def _give_back_or_await(self, held: HeldJob) -> None:
        self.give_back(held)
        # Its own lane may have begun to settle it, and this process must not end in the middle of that.
        held.settled.wait(LEAVE_SECONDS)

    def _check(self) -> None:
        if self._stop.overdue(LEAVE_SECONDS):
            raise Interrupted
