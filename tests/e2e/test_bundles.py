"""Short jobs in bundles, by the commands that a user types: setup, submitJob, startCluster, monitor."""

from __future__ import annotations

from tests.e2e.conftest import App


def test_a_plate_in_bundles_ends_as_if_each_job_had_its_message(app: App) -> None:
    wells = [f"A{number:02}" for number in range(1, 13)]
    app.configure(CLUSTER_MACHINES=2)
    job = app.job_file([{"Well": well, "broken": well == "A03"} for well in wells])
    assert app.run("setup").code == 0
    sent = app.run("submitJob", job, "--bundle", "4")
    assert "12 jobs sent" in sent.out
    assert app.start_cluster().code == 0

    watched = app.run("monitor", app.record)

    first = watched.out.splitlines()[0]
    assert (watched.code, first) == (3, "11 jobs done, 1 given up, 0 not finished; 2 attempts failed."), (
        watched.said
    )
    assert "Well=A03" in watched.out
    folder = app.bucket_folder / "results"
    there = [well for well in wells if (folder / well / f"{well}.txt").exists()]
    assert there == [well for well in wells if well != "A03"]
    manifests = list((app.bucket_folder / "distributed-fiji" / app.name / "manifests").glob("*.json"))
    assert len(manifests) == 11
