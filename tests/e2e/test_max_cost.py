"""A run that reaches its MAX_COST: real commands, workers and ImageJ; it stops there and continues later."""

from __future__ import annotations

import time

from distributed_fiji.monitor.result import counted
from tests.e2e.conftest import App

WELLS = ["A01", "A02", "A03", "A04"]
#: Seconds that each job takes.
JOB = 4
#: Fewer dollars than volume and address cost in a machine's first minute: spent as soon as there is one.
LESS_THAN_A_MINUTE = "0.0001"


def results(app: App) -> dict[str, int]:
    """Return when the result of each well that has one was written, in nanoseconds."""
    paths = (app.bucket_folder / "results").glob("*/*.txt")
    return {path.stem: path.stat().st_mtime_ns for path in paths}


def test_a_run_stops_at_its_max_cost_and_goes_on_where_it_stopped(app: App) -> None:
    app.run("setup")
    app.run("submitJob", app.job_file([{"Well": well, "seconds": JOB} for well in WELLS]))
    assert app.start_cluster("--max-cost", LESS_THAN_A_MINUTE).code == 0
    deadline = time.monotonic() + 120
    while not results(app):
        assert time.monotonic() < deadline
        time.sleep(0.2)

    stopped = app.run("monitor", app.record)

    first = results(app)
    assert stopped.code == 3, stopped.said
    assert "MAX_COST was reached" in stopped.out
    assert (
        f"{counted(len(first), 'job')} done, 0 given up, {len(WELLS) - len(first)} not finished"
        in stopped.out
    )
    assert len(first) < len(WELLS)
    assert not [item for item in app.inventory() if item["bills"]]
    assert f"queue {app.name}Queue" in {f"{item['kind']} {item['name']}" for item in app.inventory()}

    assert app.start_cluster("--max-cost", "20").code == 0
    ended = app.run("monitor", app.record)

    assert ended.code == 0, ended.said
    assert f"{len(WELLS)} jobs done, 0 given up, 0 not finished" in ended.out
    assert {well: written for well, written in results(app).items() if well in first} == first
