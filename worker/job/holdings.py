"""The messages that a worker holds, in whatever lane, until each is settled: deleted or given back."""

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

#: How long a departing worker may spend returning messages.
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

    def add(self, held: HeldJob) -> None:
        """Hold one more; ECS is asked to leave this task alone while there is one."""
        self._held[held.run_id] = held
        self._protection.hold()

    def end(self, held: HeldJob, verdict: Verdict, forget: Callable[[HeldJob, Verdict], None]) -> None:
        """Bring a job without a run to its end; `forget` removes what it has on disk."""
        self._finisher.close(held, verdict, check=self._check)
        forget(held, verdict)
        self.drop(held)

    def drop(self, held: HeldJob) -> None:
        """Forget a job that is settled."""
        if self._held.pop(held.run_id, None):
            self._protection.release()

    def give_back(self, held: HeldJob, verdict: Verdict = HAS_TO_END) -> None:
        """Make a message visible now; whatever still works on it stops at its next check."""
        held.lease.abandon()
        self._finisher.settle(held, verdict, check=self._check)
        self.drop(held)

    def give_back_unclaimed(self) -> None:
        """Give back what is not in FIJI or after it, whether it is ready or still on its way."""
        for held in list(self._held.values()):
            if held.claim():
                self.give_back(held)

    def give_back_all(self) -> None:
        """Give back everything at once; a call that hangs keeps no worker here that has to leave."""
        if left := list(self._held.values()):
            pool = ThreadPoolExecutor(len(left), thread_name_prefix="leave")
            wait([pool.submit(self._give_back_or_await, held) for held in left], timeout=LEAVE_SECONDS)
            pool.shutdown(wait=False, cancel_futures=True)

    def _give_back_or_await(self, held: HeldJob) -> None:
        self.give_back(held)
        # Its own lane may have begun to settle it: the process that ends now would cut that off.
        held.settled.wait(LEAVE_SECONDS)

    def _check(self) -> None:
        if self._stop.overdue(LEAVE_SECONDS):
            raise Interrupted
