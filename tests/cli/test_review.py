"""`status`, `failures`, `logs`, `retry`, `resubmit`, `report`, `collect`: what a user sees before a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import APP, Command

WAYS = [
    (("retry",), "give one of --group, --job, --well and --all"),
    (("retry", "--all", "--well", "A01"), "give one of --group, --job, --well and --all"),
    (("retry", "--group", "3"), "There is no group 3"),
    (("retry", "--well", "A99"), "--well A99: no job has this well"),
    (("logs",), "give a job's ID, --well WELL, or --group N with --grep TEXT"),
    (("logs", "--group", "1"), "give a job's ID"),
    (("logs", "--well", "H12"), "--well H12: no job has this well"),
    (("failures", "--csv", "--json"), "--csv and --json: one or the other"),
    (("failures", "NoSuchApp"), "cannot be read"),
    (("compare", "nowhere", "nowhere"), "nowhere"),
    (("report", "NoSuchApp"), "cannot be read"),
    (("report", "-o", "job.json"), "-o"),
    (("report", "-o", "nowhere/report"), "the folder nowhere does not exist"),
    (("collect", "*.csv"), "none of the outputs of 0 finished jobs matches '*.csv'"),
    (("collect", "*.csv", "-o", "all.xlsx"), "must end in .csv or .parquet"),
    (("collect", "*.csv", "-o", "nowhere/all.csv"), "the folder nowhere does not exist"),
    (("collect", "*.csv", "--expect", "no.json"), "no.json"),
]


@pytest.mark.parametrize(("arguments", "said"), WAYS, ids=lambda value: " ".join(value))
def test_what_cannot_be_done_is_said_in_a_sentence(
    ready: Command, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    before = sorted(path.name for path in tmp_path.iterdir())

    ended = ready(*arguments)

    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_run_that_has_not_started_is_told_of_with_its_plate(ready: Command, tmp_path: Path) -> None:
    groups = [{"Plate": "P1", "Well": "A1"}, {"Plate": "P1", "Well": "H12"}]
    job_file = {"output_file_location": "out/{Well}", "groups": groups}
    (tmp_path / "job.json").write_text(json.dumps(job_file))
    assert ready("submitJob", "job.json").code == 0

    plain, program, failed = ready("status", "--exit-code"), ready("status", "--json"), ready("failures")

    assert plain.code == 3
    lines = plain.out.splitlines()
    assert lines[0] == f"{APP}: 0 of 2 jobs done"
    assert lines[1] == "  0 running, 2 waiting, 0 failed and to be tried again, 0 given up, 0 not submitted"
    assert lines[-1].split("  ")[0] in ("· 2 running or waiting", ". 2 running or waiting")
    document = json.loads(program.out)
    assert (document["total"], document["waiting"], document["machines"]) == (2, 2, {})
    assert (failed.code, failed.out) == (0, "No job has failed.\n")


def test_a_report_names_its_files_and_an_earlier_one_stays(ready: Command, tmp_path: Path) -> None:
    job_file = {"output_file_location": "out/{Well}", "groups": [{"Plate": "P1", "Well": "A1"}]}
    (tmp_path / "job.json").write_text(json.dumps(job_file))
    assert ready("submitJob", "job.json").code == 0

    first, again, replaced = ready("report"), ready("report"), ready("report", "--overwrite")

    assert (first.code, again.code, replaced.code) == (0, 2, 0), first.said
    assert first.out.splitlines()[0] == "The one job is not done; 1 not finished. The run is not over."
    assert first.out.splitlines()[1:] == [
        "Report: report/report.html",
        "All wells, with exact figures: report/wells.csv",
    ]
    assert "report/report.html exists: choose another -o, or add --overwrite" in again.err
    compared = ready("compare", "report", "report")
    assert compared.code == 0, compared.said
    assert compared.out.splitlines()[1:3] == [
        "Wells: 1 in both, 0 only in the first, 0 only in the second",
        "  what became of them: 1 the same, 0 differ",
    ]
    files = sorted(path.name for path in (tmp_path / "report").iterdir())
    assert files == ["report.html", "ro-crate-metadata.json", "wells.csv"]


def test_resubmit_sends_what_is_not_done(ready: Command) -> None:
    ended = ready("resubmit", "job.json")

    assert (ended.code, ended.out) == (0, "1 job sent, 0 left out that are done\n")
    assert "startCluster" in ended.err
