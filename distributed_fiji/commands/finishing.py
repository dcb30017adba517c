"""Finish earlier runs that were decided but not completely taken down, before a new one starts."""

from __future__ import annotations

from distributed_fiji.commands.plan import Start
from distributed_fiji.errors import SomethingLeft
from distributed_fiji.monitor.result import read_verdict
from distributed_fiji.monitor.takedown import still_costly, take_down
from distributed_fiji.state.openruns import close_run, read_open_runs
from distributed_fiji.state.record import Run


def finish_earlier_runs(run: Start) -> None:
    """End everything billable of the app's open runs whose verdict has been written.

    Service and queue stay, since setup and submitJob may have prepared them for the run about to start.
    Raises SomethingLeft if something keeps billing; the run then stays open.
    """
    settings, clients = run.settings, run.clients
    runs, _ = read_open_runs(clients.s3, settings.AWS_BUCKET, settings.APP_NAME, clients.region)
    for earlier in runs:
        if read_verdict(clients.s3, earlier):
            _finish(run, earlier)


def _finish(run: Start, earlier: Run) -> None:
    run.terminal.note(f"Finishing the teardown of run {earlier.run_id}, which was interrupted …")
    steps = take_down(earlier, run.clients, run.clock, run.terminal.note, whole=False)
    if left := still_costly(steps):
        raise SomethingLeft(
            f"An earlier run of {earlier.app_name} is over, but not all of it could be ended:"
            f" {'; '.join(left)}. No fleet was started. `python run.py cleanup {earlier.app_name}` ends it."
        )
    close_run(run.clients.s3, earlier)
