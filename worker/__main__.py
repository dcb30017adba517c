"""`python3 -m worker`: read the environment, then work until asked to stop.

Exit codes: 0 asked to stop · 1 script or FIJI unavailable · 2 invalid environment.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

from worker.contract.text import one_line
from worker.errors import SettingsError
from worker.host.versions import versions
from worker.job.joblog import set_up_logging
from worker.settings import read_settings
from worker.stop import Stop


def main(arguments: list[str]) -> int:
    """Run the worker and return its exit code."""
    if arguments == ["--version"]:
        print("\n".join(f"{name} {version}" for name, version in versions(os.environ).items()))
        return 0
    if arguments:
        print("usage: python3 -m worker [--version]", file=sys.stderr)
        return 2
    try:
        settings = read_settings(os.environ)
    except SettingsError as error:
        problems = [one_line(problem) for problem in error.problems]
        print("The worker's environment is invalid:", *problems, sep="\n- ", file=sys.stderr)
        return 2
    stop = Stop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, asks_for_the_end(stop, settings.stop_grace_seconds))
    set_up_logging(settings.log_format)

    # Imported late, since boto3 takes most of the start-up time, and a signal in that time must not be lost.
    from worker.job.service import work

    return work(settings, stop)


def asks_for_the_end(stop: Stop, grace_seconds: float) -> Callable[[int, FrameType | None], None]:
    """Return a signal handler that only asks the worker to stop."""

    def handle(number: int, _frame: FrameType | None) -> None:
        stop.request(signal.Signals(number).name, grace_seconds)

    return handle


if __name__ == "__main__":
    # What is loaded at the start stays, so the garbage collector need not scan it again and again.
    gc.set_threshold(10_000)
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads that hang in a call to AWS hold nothing any more, but the interpreter would wait for them.
    os._exit(code)
