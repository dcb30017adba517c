"""A session whose AWS answers as it does on a bad day, and what must hold whichever call it meets.

`python -m tests.monitor.answers [COMMAND …]` meets every call with every answer; a test some. What an answer
does to a command is judged by what is left: no fleet that nobody guards, exit code 4 where something bills.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from botocore.exceptions import EndpointConnectionError

from distributed_fiji.aws.clients import AwsError, Clients
from distributed_fiji.aws.refusals import keys_are_over
from distributed_fiji.commands.inventory import Item, inventory
from distributed_fiji.errors import FAILED, INTERRUPTED, KEYS_OVER, SOMETHING_LEFT, DistributedFijiError
from distributed_fiji.janitor.install import install_janitor
from distributed_fiji.state.openruns import list_open_runs
from tests.monitor.builders import ARun, EmulatedSession, SteppedClock, a_run, some_jobs
from tests.monitor.conftest import emulators
from tests.monitor.flow import Flow
from tests.monitor.screen import clean, watch

#: Errors by their names here: code, status, message. All but the last two affect a single call.
ERRORS = {
    "throttled": ("ThrottlingException", 400, "Rate exceeded"),
    "denied": ("AccessDeniedException", 403, "is not authorized to perform this action"),
    "failed": ("InternalFailure", 500, "We encountered an internal error"),
    "not seen yet": ("ResourceNotReady", 400, "Unable to assume the service linked role"),
    "keys expired": ("ExpiredTokenException", 403, "The security token included in the request is expired"),
}

#: Errors that last once they have begun.
LASTING = ("keys expired", "no network")

#: Answers with status 200 that report failures inside: operation, list of failures, and one of them.
PARTIAL: dict[str, tuple[str, dict[str, Any]]] = {
    "CancelSpotFleetRequests": (
        "UnsuccessfulFleetRequests",
        {"SpotFleetRequestId": "sfr-1", "Error": {"Code": "unexpectedError", "Message": "try again later"}},
    ),
    "SendMessageBatch": ("Failed", {"Id": "0", "SenderFault": False, "Code": "InternalError"}),
    "DeleteMessageBatch": ("Failed", {"Id": "0", "SenderFault": False, "Code": "InternalError"}),
    "ChangeMessageVisibilityBatch": ("Failed", {"Id": "0", "SenderFault": False, "Code": "InternalError"}),
    "DeleteObjects": ("Errors", {"Key": "k", "Code": "InternalError", "Message": "try again"}),
    "PutTargets": ("FailedEntries", {"TargetId": "janitor", "ErrorCode": "ConcurrentModification"}),
    "RemoveTargets": ("FailedEntries", {"TargetId": "janitor", "ErrorCode": "ConcurrentModification"}),
    "DescribeTasks": ("failures", {"arn": "t", "reason": "MISSING"}),
    "DescribeServices": ("failures", {"arn": "s", "reason": "MISSING"}),
    "DescribeContainerInstances": ("failures", {"arn": "c", "reason": "MISSING"}),
    "GetTaskProtection": ("failures", {"arn": "t", "reason": "TASK_NOT_VALID"}),
}

#: Ways in which AWS answers. "stale": its first answer to the same question.
ANSWERS = (*ERRORS, "no network", "refused inside", "stale")

#: The beginnings of operations that only read.
READING = ("Describe", "List", "Get")

#: Reading of S3, which is never stale (S3 user guide, "Amazon S3 data consistency model").
CONSISTENT = ("GetObject", "HeadObject", "ListObjectsV2")


def reaches(kind: str, operation: str) -> bool:
    """Whether a kind of answer makes any difference to an operation."""
    if kind == "refused inside":
        return operation in PARTIAL
    return kind != "stale" or (operation.startswith(READING) and operation not in CONSISTENT)


class Answered:
    """What botocore's `before-call` accepts as an HTTP response."""

    def __init__(self, status: int) -> None:
        self.status_code, self.headers, self.content, self.raw = status, {}, b"", None


def refusal(code: str, status: int, message: str) -> tuple[Answered, dict[str, Any]]:
    """Return an error in the form that a `before-call` handler returns; nothing is sent then."""
    error = {"Code": code, "Message": message}
    return Answered(status), {"Error": error, "ResponseMetadata": {"HTTPStatusCode": status}}


class AnsweringSession(EmulatedSession):
    """A session whose k-th call is answered as `kind` says, and every later one too if that lasts.

    Calls are counted before they are sent; one that is answered here never arrives. `hit`: that call.
    `asked`: the operations of all calls, in order.
    """

    def __init__(self, session: EmulatedSession, kind: str, calls: int) -> None:
        super().__init__(session.control, session.data, session.region_name)
        self.boto = session.boto
        self.kind, self.calls, self.hit = kind, calls, ""
        self.asked: list[str] = []
        self._counted = itertools.count(1)
        self._first: dict[str, Any] = {}

    def client(self, service: str, config: Any) -> Any:
        client = super().client(service, config)
        client.meta.events.register("before-call", self._before)
        client.meta.events.register("after-call", self._after)
        return client

    def _before(self, model: Any, context: Any, **_: Any) -> Any:
        number = next(self._counted)
        self.asked.append(model.name)
        context["meets"] = number == self.calls or (number > self.calls and self.kind in LASTING)
        if not context["meets"]:
            return None
        self.hit = self.hit or f"{model.service_model.service_name}:{model.name}"
        if self.kind == "no network":
            raise EndpointConnectionError(endpoint_url="https://aws.invalid")
        if self.kind not in ERRORS:
            return None
        return refusal(*ERRORS[self.kind])

    def _after(self, http_response: Any, parsed: Any, model: Any, context: Any, **_: Any) -> None:
        known = self._first.setdefault(model.name, dict(parsed))
        if not context.get("meets"):
            return
        if self.kind == "refused inside" and model.name in PARTIAL:
            name, failure = PARTIAL[model.name]
            parsed[name] = [failure]
            if name == "FailedEntries":
                parsed["FailedEntryCount"] = 1
        if self.kind == "stale" and reaches(self.kind, model.name):
            # An answer was an error, or not, by its status.
            http_response.status_code = known["ResponseMetadata"]["HTTPStatusCode"]
            parsed.clear()
            parsed.update(known)


@dataclass(frozen=True)
class Outcome:
    """The outcome. `hit`: the call that met the answer, '' if the command makes fewer calls.

    `asked`: the operations of all its calls.
    """

    hit: str
    code: int
    wrong: tuple[str, ...]
    asked: tuple[str, ...] = ()


def code_of(command: Callable[[], int]) -> int:
    """Return the exit code with which run.py would end."""
    try:
        return command()
    except DistributedFijiError as error:
        return error.exit_code
    except AwsError as error:
        return KEYS_OVER if keys_are_over(error) else FAILED


def guarded(clients: Clients, items: list[Item], app: str, bucket: str) -> bool:
    """Whether something will end the app's fleet: a janitor that is called, and knows of a run."""
    kinds = {item.kind for item in items}
    return {"schedule", "janitor"} <= kinds and bool(list_open_runs(clients.s3, bucket, app, clients.region))


def wrong_after(
    clients: Clients, items: list[Item], app: str, bucket: str, code: int, goes_on: tuple[int, ...]
) -> list[str]:
    """Return what is wrong after a command has ended with a code. `items`: the app's resources.

    `goes_on`: the codes if a run continues with the janitor guarding it.
    """
    billing = [f"{item.kind} {item.name}" for item in items if item.bills]
    wrong = []
    fleets = [one for one in billing if one.startswith("fleet")]
    if fleets and not guarded(clients, items, app, bucket):
        wrong.append(f"nobody guards {', '.join(fleets)}")
    if billing and code not in (SOMETHING_LEFT, *goes_on):
        wrong.append(f"exit code {code} with {', '.join(billing)} left")
    return wrong


@dataclass(frozen=True)
class Trial:
    """A command that meets one answer at its k-th call, with its own app."""

    session: EmulatedSession
    folder: Path
    app: str
    kind: str
    calls: int

    @cached_property
    def clients(self) -> Clients:
        """Clients for everything outside. They are made once, since EC2's takes as long as many calls."""
        return Clients(self.session)

    def answering(self) -> AnsweringSession:
        return AnsweringSession(self.session, self.kind, self.calls)

    def ended(
        self, answers: AnsweringSession, code: int, bucket: str, goes_on: tuple[int, ...] = ()
    ) -> Outcome:
        """Return the outcome, after cleaning up."""
        items = inventory(self.clients, self.app)
        wrong = wrong_after(self.clients, items, self.app, bucket, code, goes_on)
        if items:
            clean(self.clients, self.app, keep=())
            left = inventory(self.clients, self.app)
            wrong += [f"cleanup leaves {item.kind} {item.name}" for item in left]
        return Outcome(answers.hit, code, tuple(wrong), tuple(answers.asked))


def start(trial: Trial) -> Outcome:
    """StartCluster: a fleet and its guard, or neither."""
    flow = Flow(trial.app, trial.folder / trial.app, trial.clients)
    flow.begin()
    flow.setup(trial.clients)
    flow.submit(trial.clients)
    answers = trial.answering()
    code = code_of(lambda: 0 * len(flow.start(Clients(answers)).fleet_id))
    return trial.ended(answers, code, flow.settings.AWS_BUCKET, goes_on=(0,))


@dataclass
class Patience:
    """A person who looks at a monitor, and stops it when it has waited for AWS so often."""

    run: ARun
    waits: int = 100

    def wait(self) -> None:
        """Let the world go on; raise what Ctrl-C raises."""
        self.run.report_stopped_tasks()
        self.waits -= 1
        if not self.waits:
            raise KeyboardInterrupt


def end(trial: Trial) -> Outcome:
    """The monitor of a finished run, with its janitor in place."""
    run = a_run(trial.clients, trial.app, machines=1)
    run.submit(some_jobs(2))
    run.work_off()
    run.give_up(reported="no cells")
    install_janitor(trial.clients, run.record, SteppedClock(time.time()))
    answers = trial.answering()
    code = code_of(lambda: watch(run, Patience(run).wait, clients=Clients(answers))[0].exit_code)
    return trial.ended(answers, code, run.bucket, goes_on=(KEYS_OVER, INTERRUPTED))


def remove(trial: Trial) -> Outcome:
    """Cleanup of a live run, with its janitor in place."""
    run = a_run(trial.clients, trial.app, machines=1)
    install_janitor(trial.clients, run.record, SteppedClock(time.time()))
    answers = trial.answering()
    code = code_of(lambda: clean(Clients(answers), trial.app, on_sleep=run.report_stopped_tasks)[0])
    return trial.ended(answers, code, run.bucket)


#: The number of a call that no command makes.
NEVER = 1_000_000

#: The commands to test, and how many calls each makes at least.
COMMANDS: dict[str, tuple[Callable[[Trial], Outcome], int]] = {
    "startCluster": (start, 55),
    "monitor": (end, 60),
    "cleanup": (remove, 60),
}


def main(arguments: list[str]) -> int:
    """Try calls with answers; return 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="make answers", description=__doc__)
    parser.add_argument("commands", nargs="*", choices=[*COMMANDS, []], help="all where none is named")
    parser.add_argument("--answers", nargs="*", choices=ANSWERS, default=ANSWERS)
    parser.add_argument("--every", type=int, default=1, help="try one call of so many")
    parser.add_argument("--first", type=int, default=1, help="the first call that is tried")
    given = parser.parse_args(arguments)
    bad, tried = 0, 0
    for name, kind in itertools.product(given.commands or COMMANDS, given.answers):
        # Leftovers of others, ended machines and fleets, would make each look longer.
        folder = Path(tempfile.mkdtemp())
        with emulators(folder) as session:
            outcomes = list(meet(session, folder, name, kind, range(given.first, 1000, given.every)))
        tried, bad = tried + len(outcomes), bad + sum(bool(one.wrong) for one in outcomes)
        codes = Counter(one.code for one in outcomes)
        print(f"{name}, {kind}: {len(outcomes)} calls, exit codes {dict(sorted(codes.items()))}", flush=True)
    print(f"{tried} answers met, {bad} left what must not be", flush=True)
    return 1 if bad else 0


def meet(
    session: EmulatedSession, folder: Path, name: str, kind: str, numbers: Iterable[int]
) -> Iterator[Outcome]:
    """Yield the outcome for each call of a command, printing what is wrong.

    Calls to which the answer makes no difference are left out.
    """

    def tried(calls: int) -> Outcome:
        app = f"{name.title()}{ANSWERS.index(kind)}x{calls}"
        return COMMANDS[name][0](Trial(session, folder, app, kind, calls))

    asked = tried(NEVER).asked
    for calls in numbers:
        if calls <= len(asked) and not reaches(kind, asked[calls - 1]):
            continue
        outcome = tried(calls)
        if not outcome.hit:
            return
        if outcome.wrong:
            print(f"{name}, {kind} at call {calls}, {outcome.hit}: {outcome.wrong}", flush=True)
        yield outcome


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
