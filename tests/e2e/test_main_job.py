"""The main job through the real commands: real worker processes, a real ImageJ, emulators over HTTP."""

from __future__ import annotations

import json
import signal
import time

from tests.e2e.conftest import App

WELLS = [{"Well": f"A{number:02}"} for number in range(1, 7)]


def test_four_commands_take_a_script_over_all_jobs_and_leave_nothing_that_bills(app: App) -> None:
    assert app.run("setup").code == 0
    submitted = app.run("submitJob", app.job_file(WELLS))
    assert (submitted.code, submitted.out.split()[0]) == (0, "6")
    assert "startCluster" in submitted.err
    started = app.start_cluster()
    assert started.code == 0, started.said
    assert json.loads(app.record.read_text())["MONITOR_FLEET_ID"] in started.out

    ended = app.run("monitor", app.record)

    assert ended.code == 0, ended.said
    assert "6 jobs done" in ended.out
    for group in WELLS:
        well = group["Well"]
        assert (app.bucket_folder / "results" / well / f"{well}.txt").read_text() == f"{well}\n"
    assert [item for item in app.inventory() if item["bills"]] == []
    exported = list((app.bucket_folder / "exportedlogs").rglob("*"))
    assert any(path.is_file() for path in exported)
    page = app.record.with_name(f"{app.name}Report") / "report.html"
    assert str(page.relative_to(page.parents[2])) in ended.err
    assert "All 6 jobs are done." in page.read_text(encoding="utf-8")


def test_a_job_that_fails_is_named_with_its_reason_and_the_others_are_done(app: App) -> None:
    app.configure(JOB_RETRIES=1)
    app.run("setup")
    app.run("submitJob", app.job_file([*WELLS[:2], {"Well": "B01", "broken": True}]))
    app.start_cluster()

    ended = app.run("monitor", app.record)

    assert ended.code == 3, ended.said
    assert "2 jobs done, 1 given up" in ended.out
    assert "line" in ended.out
    assert [item for item in app.inventory() if item["bills"]] == []


def test_a_start_that_was_killed_goes_on_with_the_same_fleet(app: App) -> None:
    app.run("setup")
    app.configure(CLUSTER_MACHINES=2)
    (app.folder / "fleet.json").write_text("{}")
    process = app.start("startCluster", app.folder / "fleet.json", "--yes")
    assert process.stdout is not None
    for line in process.stdout:
        if "Requested fleet" in line:
            fleet = line.split()[2].rstrip(";")
            break
    process.kill()
    process.wait()

    again = app.start_cluster()

    assert again.code == 0, again.said
    assert json.loads(app.record.read_text())["MONITOR_FLEET_ID"] == fleet
    assert [item["name"] for item in app.inventory() if item["kind"] == "fleet"] == [fleet]
    assert app.run("cleanup", app.name, "--yes").code == 0


def test_ctrl_c_takes_the_fleet_back(app: App) -> None:
    app.run("setup")
    app.configure(CLUSTER_MACHINES=2, MACHINE_TYPE="m5.large")
    (app.folder / "fleet.json").write_text("{}")
    process = app.start("startCluster", app.folder / "fleet.json", "--yes")
    assert process.stdout is not None
    for line in process.stdout:
        if "Requested fleet" in line:
            process.send_signal(signal.SIGINT)
            break
    rest = process.stdout.read()

    assert process.wait(60) == 130, rest
    assert not app.record.exists()
    deadline = time.monotonic() + 30
    while [item for item in app.inventory() if item["kind"] in ("fleet", "machine")]:
        assert time.monotonic() < deadline


def test_a_live_run_is_no_second_fleets_and_outlives_its_monitor(app: App) -> None:
    app.run("setup")
    app.run("submitJob", app.job_file([{"Well": "A01", "seconds": 8}]))
    app.start_cluster()
    record = app.record.read_bytes()

    second = app.start_cluster()

    assert second.code == 2
    assert "monitor" in second.err
    assert app.record.read_bytes() == record

    process = app.start("monitor", app.record)
    assert process.stdout is not None
    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    said = first + process.stdout.read()

    assert process.wait(30) == 130
    assert "is still running" in said
    assert app.run("monitor", app.record).code == 0
