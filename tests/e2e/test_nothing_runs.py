"""Workers that die at their start: named after three in a row, and the run ends whatever costs money."""

from __future__ import annotations

import re
from pathlib import Path

from distributed_fiji.local import cloud
from tests.e2e.conftest import App
from worker.contract.jobs import state_key


def overwrite_script(app: App) -> None:
    """Replace the script that setup uploaded with other bytes, so that no worker accepts it."""
    here = cloud.find(Path(app.environment["DISTRIBUTED_FIJI_LOCAL"]))
    assert here
    s3 = here.client("s3")
    (found,) = s3.list_objects_v2(Bucket=app.bucket, Prefix=state_key(app.name, "scripts", ""))["Contents"]
    s3.put_object(Bucket=app.bucket, Key=found["Key"], Body=b"another script")


def test_a_run_whose_workers_die_at_their_start_says_why_ends_and_goes_on_when_it_is_mended(app: App) -> None:
    app.run("setup")
    app.run("submitJob", app.job_file([{"Well": "A01"}]))
    overwrite_script(app)
    assert app.start_cluster().code == 0

    ended = app.run("monitor", app.record)

    assert ended.code == 3, ended.said
    said = ended.out + ended.err
    # At the third or, if a look comes late on a busy machine, soon after.
    assert re.search(r"Tasks end as soon as they start, [3-9] times in a row", said)
    assert "with exit code 1: Essential container in task exited" in said
    assert "is not the one that setup found" in said
    assert "0 jobs done, 0 given up, 1 not finished" in ended.out
    assert "No task was running; the queue is kept" in ended.out
    assert "What helps: the script was changed" in said
    assert not [item for item in app.inventory() if item["bills"]]

    examined = app.run("doctor", app.record)

    assert examined.code == 1
    assert "Broken: run (ended). The run is over: machines cost money but no task runs." in examined.out
    assert "is not the one that setup found" in examined.out

    assert app.run("setup").code == 0
    assert app.start_cluster().code == 0
    assert app.run("monitor", app.record).code == 0
