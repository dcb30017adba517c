"""A run that nobody watches, from setup to its end: real commands, worker and ImageJ; the janitor ends it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import run_py
from tests.e2e.conftest import SCRIPT, App


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    """An app in its own embedded cloud, in which a scheduled minute takes a second."""
    folder = tmp_path / "cloud"
    environment = {"DISTRIBUTED_FIJI_LOCAL": str(folder), "DISTRIBUTED_FIJI_LOCAL_MINUTE": "1"}
    made = App(f"Unwatched{os.getpid()}", tmp_path, environment)
    (tmp_path / "script.ijm").write_text(SCRIPT)
    made.configure(CREATE_DASHBOARD=False)
    yield made
    made.record.unlink(missing_ok=True)
    run_py("local", "reset", "--yes", environment=environment)


def test_a_run_that_nobody_watches_is_done_and_nothing_of_it_bills(app: App) -> None:
    app.run("setup")
    app.run("submitJob", app.job_file([{"Well": "A01"}, {"Well": "A02"}]))
    assert app.start_cluster().code == 0

    deadline = time.monotonic() + 180
    while [item for item in app.inventory() if item["bills"]]:
        assert time.monotonic() < deadline
        time.sleep(1)

    for well in ("A01", "A02"):
        assert (app.bucket_folder / "results" / well / f"{well}.txt").read_text() == f"{well}\n"
    late = app.run("monitor", app.record)
    assert late.code == 0, late.said
    assert "2 jobs done" in late.out
