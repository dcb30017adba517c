"""One step of watching a run: look, decide, act. The terminal's loop and the janitor share it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from distributed_fiji.aws.clients import AwsError, Clients, error_text
from distributed_fiji.monitor.actions import End, TakeDown
from distributed_fiji.monitor.decide import Limits, Memory, decide
from distributed_fiji.monitor.lastwords import (
    failed_starts,
    in_a_row_sentence,
    interrupted_submissions,
    nothing_runs_sentence,
    reasons,
    signature,
)
from distributed_fiji.monitor.notdone import NAMED, find_failing
from distributed_fiji.monitor.observe import Observer
from distributed_fiji.monitor.perform import perform
from distributed_fiji.monitor.result import Verdict, read_verdict, save_verdict, verdict_of
from distributed_fiji.monitor.snapshot import Snapshot
from distributed_fiji.monitor.takedown import attempt
from distributed_fiji.state.jobstate import JobState
from distributed_fiji.state.record import Run

#: Seconds until the next look while no work is found: only readings close together prove that there is none.
DOUBTFUL_WAIT = 10.0


def show_nothing(_seen: Snapshot) -> None:
    """Show nothing."""


@dataclass
class Watcher:
    """Watches one run over many looks. `memory` is what `decide` keeps from one look to the next.

    `has_time`: whether there is time to list the jobs; where there is none, only the costs are judged.
    `had_no_verdict`: whether it is known that no verdict was kept when the watching began.
    """

    run: Run
    clients: Clients
    memory: Memory = field(default_factory=Memory)
    cheapest: bool = False
    has_time: Callable[[], bool] = lambda: True
    had_no_verdict: bool = False
    unread: str = ""
    told: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.observer = Observer(self.run, self.clients, self.has_time)

    def step(
        self, now: float, tell: Callable[[str], None], show: Callable[[Snapshot], None] = show_nothing
    ) -> Verdict | None:
        """Look once and act; return the verdict, already saved, if the run is over, or was when this began.

        A refusal by AWS is reported, and the next look decides again. Raises AwsError if it cannot look.
        """
        if verdict := self._kept(tell):
            return verdict
        seen = self.observer.observe(now)
        if seen.unread and seen.unread != self.unread:
            tell(f"the jobs could not be checked; retrying shortly: {seen.unread}")
        self.unread = seen.unread
        for missing in sorted(self.observer.skipped.keys() - self.told):
            tell(self.observer.skipped[missing])
        self.told |= self.observer.skipped.keys()
        attempt("spending", partial(self.observer.meter.keep, now), tell)
        limits = Limits.of(self.run)
        actions, self.memory = decide(self.run, limits, seen, self.memory, cheapest=self.cheapest)
        if not seen.unread:
            show(seen)
            self._tell_troubles(seen, limits, tell)
            if show is not show_nothing:
                attempt("failures", partial(self._tell_failures, seen, tell), tell)
        for action in actions:
            if isinstance(action, TakeDown):
                # What an earlier end has left looks like another end: its own verdict counts.
                return self._kept(tell) or self._ended(action.end, seen, tell)
            attempt(type(action).__name__, partial(perform, action, self.run, self.clients), tell)
        return None

    def _ended(self, end: End, seen: Snapshot, tell: Callable[[str], None]) -> Verdict:
        """Save the verdict of a run that is over, and return it."""
        verdict = verdict_of(end, seen)
        if end is End.NOTHING_RUNS:
            verdict = replace(verdict, details=tuple(self._reasons(seen)))
        save = partial(save_verdict, self.clients.s3, self.run, verdict)
        if end.keeps_queue:
            # Only what costs money is removed: a bucket that takes no verdict must not prevent that.
            attempt("verdict", save, tell)
        else:
            save()
        return verdict

    def _kept(self, tell: Callable[[str], None]) -> Verdict | None:
        """Return the verdict that was kept before the watching began.

        If it cannot be read, the next step asks again, and this one goes on, for the costs must be judged.
        """
        if self.had_no_verdict:
            return None
        try:
            verdict = read_verdict(self.clients.s3, self.run)
        except AwsError as error:
            if "verdict" not in self.told:
                tell(f"whether this run has ended could not be read; retrying shortly: {error_text(error)}")
            self.told.add("verdict")
            return None
        self.had_no_verdict = verdict is None
        return verdict

    def _tell_troubles(self, seen: Snapshot, limits: Limits, tell: Callable[[str], None]) -> None:
        """Report, once for each kind, that tasks or machines end as soon as they start, or that nothing has
        run for long.
        """
        sentences = {signature(seen.ends): in_a_row_sentence(seen.ends)}
        if failed_starts(seen.machines):
            sentences["machines"] = "Machines end as soon as they start."
        if self.memory.nothing_ran >= limits.named:
            sentences["nothing runs"] = nothing_runs_sentence(self.memory.nothing_ran, self.run.app_name)
        sentences |= {sentence: sentence for sentence in interrupted_submissions(seen)}
        new = {kind: sentence for kind, sentence in sentences.items() if sentence and kind not in self.told}
        self.told |= new.keys()
        for line in (*new.values(), *(self._reasons(seen) if new else ())):
            tell(line)

    def _tell_failures(self, seen: Snapshot, tell: Callable[[str], None]) -> None:
        """Name the first failing jobs and their reasons, while the rest can still be stopped."""
        new = sorted(seen.jobs.failing - self.failing)[: NAMED - len(self.failing)]
        self.failing |= set(new)
        for job in find_failing(self.run, JobState(self.run, self.clients.s3), new):
            tell(f"A job failed, and will be retried or given up:{job.line[1:]}")

    def _reasons(self, seen: Snapshot) -> list[str]:
        return reasons(seen, self.run, self.clients.logs)

    @property
    def doubtful(self) -> bool:
        """Whether the last looks found no work, queue or fleet, so that more looks are needed to be sure."""
        return self.memory.doubtful
