"""`collect` over a run's bucket: what finished jobs wrote, and what became of each well that was expected."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from distributed_fiji.aws.clients import Clients
from distributed_fiji.commands.collect import Collected, Wish, check, collect, lines_of
from distributed_fiji.errors import InvalidInput
from distributed_fiji.jobs import parse_job_file
from distributed_fiji.review.facts import from_s3
from tests.monitor.builders import ARun, a_run
from tests.monitor.left import done, failed
from tests.monitor.screen import Screen
from worker.contract.jobs import FailureClass, Job

WELLS = ("A1", "A2", "A3", "B1", "B2", "C3")


def job(well: str) -> Job:
    return Job({"Plate": "P1", "Well": well}, f"out/{well}")


@pytest.fixture
def run(clients: Clients, app: str) -> ARun:
    """A run in which each well has another end; B3, C1 and C2 were never submitted, C3's worker was lost."""
    made = a_run(clients, app, machines=1)
    made.submit([job(well) for well in WELLS], sent=False)
    done(made, job("A1"), {"A1_Results.csv": b" ,Area\n1,10\n2,20\n", "A1.png": b"x"})
    done(made, job("A2"), {"A2_Results.csv": b" ,Area\n"})
    done(made, job("A3"), {"A3.png": b"x"})
    failed(made, job("B1"), FailureClass.INPUT_MISSING, "No object matches plates/B1*.tif.")
    failed(made, job("B2"), FailureClass.OUT_OF_MEMORY, "FIJI ran out of memory.")
    return made


def collected(run: ARun, wish: Wish) -> Collected:
    check(wish)
    return collect(run.record, run.clients, from_s3(run.clients.s3), wish, Screen().terminal)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_both_tables_say_what_became_of_each_well(run: ARun, tmp_path: Path) -> None:
    expected = parse_job_file(
        {"output_file_location": "out/{Well}", "groups": [{"Plate": "P1", "Well": "D4"}]}, "job.json"
    )
    wish = Wish("*_Results.csv", tmp_path / "all.csv", "cytomining", expected=expected)

    found = collected(run, wish)

    rows = rows_of(tmp_path / "all.csv")
    assert [(row["Metadata_Plate"], row["Metadata_Well"], row["Area"]) for row in rows] == [
        ("P1", "A01", "10"),
        ("P1", "A01", "20"),
    ]
    assert rows[0]["Metadata_Job"] == job("A1").job_id
    wells = {row["Well"]: row for row in rows_of(tmp_path / "all.wells.csv")}
    assert len(wells) == 16
    assert {
        well: wells[well]["Status"] for well in ("A01", "A02", "A03", "B01", "B02", "B03", "C03", "D04")
    } == {
        "A01": "done",
        "A02": "done without objects",
        "A03": "done without a table",
        "B01": "input missing",
        "B02": "failed",
        "B03": "not submitted",
        "C03": "not finished",
        "D04": "not submitted",
    }
    assert (wells["A01"]["Objects"], wells["B02"]["Cause"]) == ("2", "FIJI ran out of memory.")
    assert lines_of(wish, found)[0].startswith("2 rows from 2 tables: ")
    assert (
        "1 done, 1 done without objects, 1 done without a table, 10 not submitted" in lines_of(wish, found)[1]
    )


def test_a_table_that_cannot_be_read_is_named_and_the_rest_is_collected(run: ARun, tmp_path: Path) -> None:
    done(run, job("C3"), {"C3_Results.csv": b"Area,Mean\n1,5,2,5\n"})
    run.clients.s3.delete_object(Bucket=run.bucket, Key="out/A2/A2_Results.csv")

    found = collected(run, Wish("*_Results.csv", tmp_path / "all.csv", "plain"))

    assert sorted(line.rpartition("/")[2] for line in found.unread) == [
        "A2_Results.csv: it is gone",
        "C3_Results.csv: row 1 has 4 fields for 2 names",
    ]
    assert len(rows_of(tmp_path / "all.csv")) == 2


def test_nothing_is_written_where_nothing_matches_or_a_file_is_in_the_way(run: ARun, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="none of the outputs of 3 finished jobs matches 'results'"):
        collected(run, Wish("results", tmp_path / "all.csv", "plain"))
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "all.wells.csv").touch()
    with pytest.raises(InvalidInput, match="exists"):
        collected(run, Wish("*.csv", tmp_path / "all.csv", "plain"))
    with pytest.raises(InvalidInput, match="must end in"):
        collected(run, Wish("*.csv", tmp_path / "all.xlsx", "plain"))
