"""Real workers leave jobs that are done, warned and failed: a report has what the bucket has, each figure."""

from __future__ import annotations

import csv
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
import tifffile

from distributed_fiji.aws.clients import Clients
from distributed_fiji.commands.report import Request, page_of, report
from distributed_fiji.commands.reportfacts import ReportFacts
from distributed_fiji.report.page import Page
from distributed_fiji.review.facts import from_s3
from tests.monitor.builders import EmulatedSession
from tests.monitor.screen import Screen
from tests.monitor.test_review import TABLE, Lab
from tests.unit.test_report import Parsed
from tests.unit.test_thumbnails import pixels
from tests.worker import harness
from worker.contract.jobs import Job

#: What the stand-in does in each column of the plate, three jobs each.
COLUMNS: dict[int, dict[str, str | int]] = {
    1: {"fail": "macro_error", "line": 12, "message": 'Undefined variable "<b>{well}</b>" in line 12'},
    2: {"exit": 3, "say": "cells {well}"},
    3: {"warn": "a plugin was slow"},
    4: {},
    5: {"names": "", "files": 0},
}


def jobs(folder: Path) -> list[Job]:
    made = []
    for column, told in COLUMNS.items():
        for row in "ABC":
            well = f"{row}{column:02}"
            own = {
                name: text.format(well=well) if isinstance(text, str) else text for name, text in told.items()
            }
            table = {"names": f"{well}_Results.csv", "content": TABLE, "bytes": len(TABLE)}
            once = {"once": str(folder / well)} if (row, column) == ("A", 1) else {}
            made.append(
                Job({"Plate": "P<1>", "Well": well} | table | own | once, f"out/{well}", {"sigma": 2})
            )
    return made


@pytest.fixture
def lab(session: EmulatedSession, clients: Clients, tmp_path: Path) -> Iterator[Lab]:
    with harness.a_run(harness.connect(session.data), tmp_path, retries=2) as run:
        yield Lab(run, clients)


def documents(lab: Lab, folder: str) -> list[dict[str, Any]]:
    """Return what the bucket holds in a folder of the run's state, read without any code of ours."""
    found = [key for key in harness.keys(lab.run) if f"/{folder}/" in key]
    bodies = (lab.clients.s3.get_object(Bucket=lab.run.bucket, Key=key)["Body"].read() for key in found)
    return [json.loads(body) for body in bodies]


def reported(lab: Lab, folder: Path, pattern: str) -> tuple[ReportFacts, Page, str]:
    request = Request(folder, pattern, overwrite=True)
    read, now = from_s3(lab.clients.s3), time.time()
    facts = report(lab.record, lab.clients, read, request, now, Screen().terminal)
    html = (folder / "report.html").read_text(encoding="utf-8")
    return facts, page_of(lab.record, facts, request, now), html


def test_every_figure_of_a_report_is_what_the_bucket_says(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "once").mkdir()
    lab.submit(jobs(tmp_path / "once"))
    harness.start_worker(lab.run, EXPECTED_NUMBER_FILES=0)
    harness.wait_until(lambda: sum(harness.counts(lab.run, lab.run.dead_url)) == 5, 90, "5 jobs are given up")
    harness.wait_until_settled(lab.run)
    manifests, failures = documents(lab, "manifests"), documents(lab, "failures")

    facts, page, html = reported(lab, tmp_path / "report", "*_Results.csv")

    numbers = {name.strip(): int(value.replace(",", "")) for name, value, _ in page.counts}
    assert numbers == {
        "Submitted": 15,
        "Done": len(manifests),
        "with warnings": sum(bool(one["warnings"]) for one in manifests),
        "without outputs": sum(one["without_outputs"] for one in manifests),
        "Given up": 5,
        "Failed, to be tried again": 0,
        "Not finished": 0,
        "Failed attempts": len(failures),
    }
    assert (len(manifests), numbers["with warnings"], numbers["without outputs"]) == (10, 3, 3)
    assert page.verdict.startswith("10 of 15 jobs are done (3 with warnings, 3 without outputs); 5 given up,")
    its_seconds(page, manifests, facts, failures)
    its_wells(tmp_path / "report" / "wells.csv", html, manifests)
    assert [(one.jobs, one.given_up, one.what) for one in page.causes] == [
        (3, 3, page.causes[0].what),
        (2, 2, "macro error, line 12"),
    ]
    assert dict(page.what.parameters) == {"sigma": ["2"]}
    assert dict(page.what.made_with)["As workers say: script"] == [f"s3://{lab.run.bucket}/scripts/script.py"]
    assert "Undefined variable &#34;&lt;b&gt;" in html and 'variable "<b>' not in html


def its_seconds(
    page: Page, manifests: list[dict[str, Any]], facts: ReportFacts, failures: list[dict[str, Any]]
) -> None:
    """Seconds and memory are those of the records."""
    for phase, one in page.times.phases.items():
        numbers = [manifest["seconds"][phase] for manifest in manifests if phase in manifest["seconds"]]
        assert (one.count, one.most, one.least) == (len(numbers), max(numbers), min(numbers))
        assert one.total == pytest.approx(sum(numbers))
    assert {"inputs", "fiji"} <= page.times.phases.keys()
    assert facts.tally.lost == pytest.approx(sum(sum(one["seconds"].values()) for one in failures))
    assert page.needs.memory and page.needs.memory.most == max(one["peak_memory_mb"] for one in manifests)


def its_wells(table: Path, html: str, manifests: list[dict[str, Any]]) -> None:
    """The table and the page's map have each well as the bucket has its job."""
    with table.open(encoding="utf-8", newline="") as file:
        rows = {row["Well"]: row for row in csv.DictReader(file)}
    assert Counter(row["Status"] for row in rows.values()) == {
        "done": 7,
        "done without a table": 3,
        "given up": 5,
    }
    for one in manifests:
        row = rows[one["job"]["Metadata"]["Well"]]
        assert float(row["seconds in FIJI"]) == one["seconds"]["fiji"]
        assert float(row["peak memory, MB"]) == one["peak_memory_mb"]
        if one["outputs"]:
            assert (row["objects"], row["Area, mean"]) == ("2", "1.5")
    sheet = Parsed(html).data["sheet"]
    (plate,) = sheet["plates"]
    letters = "".join(letter * int(count or 1) for count, letter in _runs(plate["wells"]))
    assert (plate["name"], sheet["size"]) == ("P<1>", 24)
    assert [letters[row * 6 : row * 6 + 6] for row in range(4)] == ["dxwdt-", "xxwdt-", "xxwdt-", "------"]


def _runs(shortened: str) -> Iterator[tuple[str, str]]:
    count = ""
    for character in shortened:
        if character.isdigit():
            count += character
        else:
            yield count, character
            count = ""


def test_a_report_has_the_thumbnails_that_workers_made(lab: Lab, tmp_path: Path) -> None:
    """Two wells of one brightness and of twice as much; one whose later run wrote no image any more."""
    for name, most in (("A01", 1000), ("A02", 2000), ("A03", 500)):
        lines = numpy.linspace(0, most, 200)[None].repeat(100, 0)
        tifffile.imwrite(tmp_path / f"{name}.tif", lines.astype("uint16"), imagej=True)
    shells = {well: f"cp {tmp_path}/{well}.tif output/{well}_raw.tif" for well in ("A01", "A02")}
    shells["A03"] = f"mv {tmp_path}/A03.tif output/A03_raw.tif || touch output/x"
    some = [Job({"Plate": "P", "Well": well, "shell": told}, f"o/{well}") for well, told in shells.items()]
    lab.submit(some)
    changes = {"THUMBNAILS": "*_raw.tif", "EXPECTED_NUMBER_FILES": 0}
    worker = harness.start_worker(lab.run, **changes)
    harness.wait_until_settled(lab.run)
    worker.stop()
    assert len(documents(lab, "thumbnails")) == 3
    harness.submit(lab.run, some[2:])
    worker = harness.start_worker(lab.run, CHECK_IF_DONE_BOOL=False, **changes)
    harness.wait_until_settled(lab.run)
    worker.stop()

    facts, page, html = reported(lab, tmp_path / "report", "")

    files = {path.name: pixels(path) for path in (tmp_path / "report" / "thumbnails").rglob("*.png")}
    assert sorted(files) == ["A01-1.png", "A02-1.png"]
    assert {len(one) for one in files.values()} == {128 * 64}
    assert 125 < max(files["A01-1.png"]) < 131 and max(files["A02-1.png"]) == 255
    (plate,) = Parsed(html).data["sheet"]["plates"]
    assert plate["thumbnails"]["of"] == {"0": 0, "1": 0} and plate["thumbnails"]["sets"] == [[[0, 0]]]
    assert page.thumbnails.startswith("Thumbnails of 2 wells are in the folder thumbnails")
    assert facts.tally.done == 3


def test_a_run_without_wells_and_without_jobs_is_reported_too(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "wells.csv").write_text("of an earlier run")

    _, page, html = reported(lab, tmp_path / "report", "")

    assert page.verdict == "No job was submitted."
    assert page.sheet is None and "Plates" not in html
    assert not (tmp_path / "report" / "wells.csv").exists()
