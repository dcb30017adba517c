"""Thumbnails beside a report's page: what can be compared has one range, and each is of the attempt that its
job's manifest is of.
"""

from __future__ import annotations

import json
import zlib
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from distributed_fiji.commands.report import Request, check, page_of
from distributed_fiji.commands.reportfacts import ReportFacts, enter_done, enter_unfinished
from distributed_fiji.commands.reportthumbnails import remove_earlier, write_thumbnails
from distributed_fiji.errors import InvalidInput
from distributed_fiji.plates import well_name
from distributed_fiji.report.page import render
from distributed_fiji.report.tails import tails_of
from distributed_fiji.report.thumbnails import kind_of
from distributed_fiji.review.facts import DoneJob, Facts, FailedJob
from distributed_fiji.review.jobstates import JobStates
from tests.monitor.screen import Screen
from tests.unit.test_report import a_run, made
from worker.contract.jobs import thumbnails_key
from worker.contract.state import Unreadable
from worker.contract.thumbnails import COLOR, Thumbnail, as_document, thumbnails_in

BUCKET = a_run().bucket


def gray(name: str, values: Sequence[float], channel: int = 1, width: int = 8) -> Thumbnail:
    """Return a gray thumbnail of these values, with its own range as the worker makes it."""
    low, high = min(values), max(values)
    scale = 65535 / (high - low) if high > low else 0
    samples = array("H", (round((value - low) * scale) for value in values)).tobytes()
    return Thumbnail(name, channel, 16, width, len(values) // width, samples, low, high)


def colored(name: str, pixel: bytes = b"\xff\0\x10") -> Thumbnail:
    return Thumbnail(name, 1, COLOR, 4, 2, pixel * 8)


def ramp(most: float) -> list[float]:
    return [most * step / 1023 for step in range(1024)]


def screen(wells: int, names: Sequence[str] = ("{well}_raw.tif",)) -> tuple[ReportFacts, dict[str, Any]]:
    """Return a plate's facts and what the bucket holds; each well's image is brighter than the one before."""
    jobs = {f"{at:016x}": well_name((at // 12 + 1, at % 12 + 1)) for at in range(wells)}
    states = JobStates(frozenset(jobs), frozenset(jobs), frozenset(), {}, {}, over=True)
    facts = ReportFacts(states, {}, with_thumbnails=frozenset(jobs))
    bucket = {}
    for at, (job, well) in enumerate(jobs.items()):
        done = DoneJob(job, {"Plate": "P", "Well": well}, "b", "out", {}, run_id=f"run{at}")
        enter_done(facts, done, [], asked=False)
        pictures = [gray(name.format(well=well), ramp(100.0 * (at + 1))) for name in names]
        bucket[thumbnails_key("Test", job)] = {
            "app_name": "Test",
            "job_id": job,
            "run_id": f"run{at}",
            "thumbnails": as_document(pictures),
        }
    return facts, bucket


def write(folder: Path, facts: ReportFacts, bucket: dict[str, Any], now: float = 1_790_000_000) -> str:
    """Write thumbnails and page as `report` does; return the page."""

    def read(name: str, key: str) -> bytes | None:
        assert name == BUCKET
        return json.dumps(bucket[key]).encode() if key in bucket else None

    facts.thumbnails = write_thumbnails(folder, facts, Facts(a_run(), read), now, Screen().terminal)
    page = made(facts)
    (folder / "report.html").write_text(page, encoding="utf-8")
    remove_earlier(folder, now)
    return page


def pixels(file: Path) -> list[int]:
    """Return the bytes of a PNG without filters, read without any code of ours but zlib."""
    content = file.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    at, found, width = 8, b"", 0
    while at < len(content):
        size, kind = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8]
        data = content[at + 8 : at + 8 + size]
        assert zlib.crc32(kind + data) == int.from_bytes(content[at + 8 + size : at + 12 + size], "big")
        if kind == b"IHDR":
            width = int.from_bytes(data[:4], "big") * (3 if data[9] == 2 else 1)
        found += data if kind == b"IDAT" else b""
        at += size + 12
    lines = zlib.decompress(found)
    return [one for start in range(0, len(lines), width + 1) for one in lines[start + 1 : start + 1 + width]]


def test_wells_of_a_plate_can_be_compared(tmp_path: Path) -> None:
    facts, bucket = screen(4)
    write(tmp_path, facts, bucket)

    folder = tmp_path / "thumbnails" / "1790000000" / "0"
    assert sorted(path.name for path in folder.iterdir()) == [f"A0{well}-1.png" for well in (1, 2, 3, 4)]
    brightest = [max(pixels(folder / f"A0{well}-1.png")) for well in (1, 2, 3, 4)]
    # 400 is the highest value of the plate, of which 0.2 % are white.
    assert brightest == [pytest.approx(64 * well, abs=2) if well < 4 else 255 for well in (1, 2, 3, 4)]
    (low, high) = facts.thumbnails.plates["P"]["ranges"][0][1:]
    assert low < 3 and 390 < high <= 400
    assert facts.thumbnails.plates["P"]["names"] == [("", "_raw.tif")]


def test_a_bright_speck_in_one_well_darkens_no_other(tmp_path: Path) -> None:
    facts, bucket = screen(4)
    speck = [60_000.0, *ramp(100)[1:]]
    bucket[thumbnails_key("Test", f"{0:016x}")]["thumbnails"] = as_document([gray("A01_raw.tif", speck)])
    write(tmp_path, facts, bucket)

    found = pixels(tmp_path / "thumbnails" / "1790000000" / "0" / "A01-1.png")
    assert found[0] == 255 and 60 < found[-1] < 68
    assert len(set(found)) > 40  # 16 bits are enough for the rest


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("A01_raw.tif", "H12_raw.tif", True),
        ("A01_s1_z03.tif", "H12_s2_z04.tif", True),
        ("r01c01f02-ch1.tiff", "r08c12f01-ch1.tiff", True),
        ("r01c01-ch1.tiff", "r08c12-ch2.tiff", False),
        ("A01_w1.tif", "H12_w2.tif", False),
        ("plate A - 01(fld 1 wv Cy5).tif", "plate A - 01(fld 1 wv DAPI).tif", False),
        ("A01_raw.tif", "H12_mask.tif", False),
        ("a1.tif", "H-12.tif", True),
    ],
)
def test_what_is_compared_differs_only_in_well_and_numbers(one: str, other: str, is_same: bool) -> None:
    kinds = [kind_of(gray(name, ramp(9)), place) for name, place in ((one, (1, 1)), (other, (8, 12)))]

    assert (kinds[0] == kinds[1]) is is_same
    assert kind_of(gray(one, ramp(9), channel=2), (1, 1)) != kinds[0]


def test_colors_are_shown_as_they_are_and_an_even_image_is_no_trouble(tmp_path: Path) -> None:
    facts, bucket = screen(1)
    one = [colored("A01_c.png"), gray("A01_even.tif", [7.0] * 64), gray("A01_neg.tif", [-3.0, 5.0] * 32)]
    bucket[thumbnails_key("Test", f"{0:016x}")]["thumbnails"] = as_document(one)
    page = write(tmp_path, facts, bucket)

    folder = tmp_path / "thumbnails" / "1790000000" / "0"
    assert pixels(folder / "A01-1.png")[:4] == [255, 0, 16, 255]
    assert len(set(pixels(folder / "A01-2.png"))) == 1
    assert set(pixels(folder / "A01-3.png")) == {0, 255}
    assert facts.thumbnails.plates["P"]["ranges"] == [(1,), (1, 7.0, 7.0), (1, -3.0, 5.0)]
    assert "img-src &#39;self&#39; file:" in page


def spoiled() -> Iterable[tuple[str, Any]]:
    yield "no list", {"thumbnails": 5}
    yield "no object", {"thumbnails": [5]}
    whole = as_document([gray("A01.tif", ramp(5))])[0]
    for name, value in (
        ("width", 0), ("width", 129), ("height", 1e9), ("samples", "!"), ("samples", "eJwDAAAAAAE="),
        ("low", None), ("high", float("inf")), ("high", 1e308), ("name", 7),
        ("bits", COLOR), ("channel", "x"), ("height", 127),
    ):  # fmt: skip
        yield f"{name} {value}", {"thumbnails": [{**whole, name: value}]}


@pytest.mark.parametrize(("document"), [one for _, one in spoiled()], ids=[name for name, _ in spoiled()])
def test_a_document_that_is_none_of_ours_gives_no_thumbnail(document: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(Unreadable):
        thumbnails_in(document)

    facts, bucket = screen(2)
    bucket[thumbnails_key("Test", f"{0:016x}")] |= document
    write(tmp_path, facts, bucket)
    assert len(list(tmp_path.rglob("*.png"))) == 1


def test_samples_that_would_fill_the_memory_are_not_unpacked() -> None:
    one = as_document([gray("A01.tif", ramp(5))])[0]
    one["samples"] = as_document([Thumbnail("x", 1, 16, 1, 1, bytes(50_000_000))])[0]["samples"]
    with pytest.raises(Unreadable, match="more or fewer"):
        thumbnails_in({"thumbnails": [one]})


def test_thumbnails_of_another_attempt_or_app_or_none_are_not_shown(tmp_path: Path) -> None:
    facts, bucket = screen(4)
    first, second, third, _ = (thumbnails_key("Test", f"{at:016x}") for at in range(4))
    bucket[first]["run_id"] = "another"
    bucket[second]["app_name"] = "Other"
    del bucket[third]
    write(tmp_path, facts, bucket)

    assert [path.name for path in tmp_path.rglob("*.png")] == ["A04-1.png"]


def test_a_later_report_replaces_the_thumbnails_and_nothing_else(tmp_path: Path) -> None:
    facts, bucket = screen(1)
    write(tmp_path, facts, bucket)
    (tmp_path / "thumbnails" / "mine").mkdir()
    (tmp_path / "thumbnails" / "mine.png").touch()
    assert "1790000000/0" in (tmp_path / "report.html").read_text()

    write(tmp_path, facts, bucket, 1_790_000_001)
    assert {path.name for path in (tmp_path / "thumbnails").iterdir()} == {"mine", "mine.png", "1790000001"}


def test_a_file_in_the_place_of_the_folder_is_named_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "thumbnails").touch()
    with pytest.raises(InvalidInput, match="thumbnails is not a folder"):
        check(Request(tmp_path, overwrite=True))


def test_what_the_page_takes_for_thumbnails_has_a_bound(tmp_path: Path) -> None:
    facts, bucket = screen(96, names=[f"{{well}}_{'x' * 900}{number}.tif" for number in range(6)])
    page = write(tmp_path, facts, bucket)
    assert facts.thumbnails.plates and len(page) < 100_000  # names share what they have in common

    for document in bucket.values():
        for number, one in enumerate(document["thumbnails"]):
            one["name"] = f"{document['job_id']}{number}{'x' * 500}.tif"
    page = write(tmp_path, facts, bucket, 1_790_000_001)
    assert (facts.thumbnails.plates, facts.thumbnails.left_out) == ({}, 1)
    assert "Those of 1 plates are left out." in page and "img-src" not in page
    assert not list(tmp_path.rglob("*.png"))


def failing(groups: int, jobs: int, line: str) -> ReportFacts:
    """Return facts of groups of failed jobs, the first one the largest."""
    failed = {}
    for group in range(groups):
        for at in range(jobs - group):
            job, well = f"{group:08x}{at:08x}", well_name((group + 1, at + 1))
            console = tuple(f"{line.format(well=well)} {number}" for number in range(30))
            sentence = f"cause {'abcdefgh'[group]}z"
            metadata = {"Plate": "P", "Well": well}
            failed[job] = FailedJob(job, 1, 1030, "macro error", sentence, 3, console, "", metadata)
    states = JobStates(frozenset(failed), frozenset(), frozenset(failed), dict.fromkeys(failed, ""), {})
    facts = ReportFacts(states, {})
    enter_unfinished(facts, failed)
    return facts


def test_a_failed_well_has_the_last_lines_of_its_log_without_secrets() -> None:
    facts = failing(2, 3, "\x1b[31m{well} https://me:secret@host/x?sig=secret</script>")
    page = render(page_of(a_run(), facts, Request(Path("r")), 2000))

    assert len(facts.tails) == 5
    text = facts.tails[facts.wells.plates["P"][1, 2]]
    assert text.splitlines()[0].startswith("A02 https://host/x") and len(text.splitlines()) == 12
    assert text.splitlines()[-1].endswith(" 29")
    assert "secret" not in page and page.count("</script>") == 2


def test_tails_have_a_bound_and_each_group_has_one_first() -> None:
    facts = failing(3, 12, "{well} " + "y" * 150)
    consoles = {job: tuple(f"{job} {'y' * 150}" for _ in range(20)) for job in facts.states.submitted}

    found = tails_of(facts.groups, consoles, 10_000)

    assert sum(map(len, found.values())) < 10_000
    firsts = [group.jobs[0] for group in facts.groups]
    assert set(firsts) <= set(found)
    assert set(found) - set(firsts) <= set(facts.groups[0].jobs)
    same = dict.fromkeys(consoles, ("out of memory",))
    assert len(tails_of(facts.groups, same, 400)) > 30
