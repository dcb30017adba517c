"""A report's figures add up, its size has a bound, and nothing that others wrote becomes part of its page."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from distributed_fiji.commands.compare import read_report
from distributed_fiji.commands.report import Request, check, counts_of, page_of, replacing
from distributed_fiji.commands.reportfacts import ReportFacts, enter_done, enter_unfinished
from distributed_fiji.errors import InvalidInput
from distributed_fiji.monitor.spending import MachineUse
from distributed_fiji.plates import SIZES, well_name
from distributed_fiji.report.columns import sums_of
from distributed_fiji.report.comparing import Reported, lines_of
from distributed_fiji.report.costs import Spent, rows_of
from distributed_fiji.report.crate import crate_of
from distributed_fiji.report.drawings import counted_in, present_in, timeline
from distributed_fiji.report.page import render
from distributed_fiji.report.sheet import letters_of, sheet_of, shortened, table_rows
from distributed_fiji.report.spread import correlation, deviation, median, spread_of
from distributed_fiji.report.wells import Wells, edge_effect, replicates
from distributed_fiji.report.wording import JobCounts, verdict
from distributed_fiji.review.course import UNKNOWN, Course, course_in
from distributed_fiji.review.csvtext import CsvTable
from distributed_fiji.review.facts import DoneJob, FailedJob
from distributed_fiji.review.jobstates import JobStates
from distributed_fiji.review.wells import WellStatus
from distributed_fiji.settings import Settings, parse_settings
from distributed_fiji.state.record import Run, kept_settings, new_run
from worker.contract.text import UNFIT

#: What would be a tag, an attribute, the end of our script, a command to a terminal, a change of direction.
HOSTILE = "</script><img src=x onerror=alert(1)>\"'&\x1b[2J\x00\u202e\x9b\ud800{{ 7*7 }}<!--"


def settings_with(**more: Any) -> Settings:
    names = {"APP_NAME": "Test", "AWS_BUCKET": "bucket", "SCRIPT_DOWNLOAD_URL": "m.ijm"}
    return parse_settings(names | more)[0]


def a_run(**changes: Any) -> Run:
    made = new_run(settings_with(), started=1000, run_id="", local=False)
    return Run(**{**made.__dict__, **changes})


def a_done(job: str, metadata: dict[str, Any], text: str = "1.54p") -> DoneJob:
    course = Course(1060, 1, {"inputs": 2.0, "fiji": 8.0}, 700, 0, {"imagej": text}, {"sigma": text})
    return DoneJob(job, metadata, "bucket", "out", {f"out/{text}": 9}, course=course)


def a_failed(job: str, metadata: dict[str, Any], text: str = "no such file") -> FailedJob:
    course = Course(seconds={"fiji": 5.0})
    return FailedJob(job, 1, 1030, "macro error", text, 3, (text, text), "", metadata, course=course)


def some_facts(text: str = "x") -> ReportFacts:
    """Four jobs: two done, one given up, one not finished."""
    wells = {f"{job:016x}": {"Plate": text, "Well": f"A{job:02}", "more": text} for job in (1, 2, 3, 4)}
    done, failed, left = list(wells)[:2], list(wells)[2], list(wells)[3]
    states = JobStates(frozenset(wells), frozenset(done), frozenset([failed]), {failed: "key"}, {}, over=True)
    facts = ReportFacts(states, {left: f'Plate={json.dumps(text)} Well=A04 more="{text}"'})
    facts.tally.add_failed(a_failed(failed, wells[failed], text))
    for job in done:
        enter_done(
            facts,
            a_done(job, wells[job], text),
            [CsvTable(("Area", text, "Label"), ["1.5,2,a", "2.5,4,b"])],
            asked=True,
        )
    enter_unfinished(facts, {failed: a_failed(failed, wells[failed], text)})
    facts.ledger = {"i-1": MachineUse("m5.large", "us-east-1a", 1000, 1100, True)}
    facts.cost = 2.0
    return facts


def made(facts: ReportFacts, run: Run | None = None) -> str:
    request = Request(Path("report"), "*.csv", program="python run.py")
    return render(page_of(run or a_run(), facts, request, 2000))


class Parsed(HTMLParser):
    """A page's tags, attributes, texts and what its scripts hold."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        (self.scripts if self.tags and self.tags[-1] == "script" else self.texts).append(data)

    @property
    def data(self) -> Any:
        return json.loads(self.scripts[0])


def test_what_others_wrote_is_text_and_nothing_else() -> None:
    run = a_run(script=HOSTILE, image=HOSTILE, image_digest=HOSTILE, output_locations=(HOSTILE,))
    page, calm = made(some_facts(HOSTILE), run), made(some_facts())
    parsed = Parsed(page)

    assert set(parsed.tags) <= set(Parsed(calm).tags)
    assert parsed.tags.count("script") == Parsed(calm).tags.count("script") == 2
    assert not [name for name, _ in parsed.attributes if name in ("src", "href", "style", "srcdoc")]
    assert not [name for name, _ in parsed.attributes if name.startswith("on")]
    assert not UNFIT.search(page) and not UNFIT.search(json.dumps(parsed.data, ensure_ascii=False))
    assert "7*7" in page
    assert parsed.data["sheet"]["plates"][0]["name"].startswith("</script><img src=x")
    assert sum("<img src=x onerror=alert(1)>" in text for text in parsed.texts) > 5


def test_the_page_may_load_nothing_and_run_only_its_own_script() -> None:
    parsed = Parsed(made(some_facts()))
    policy = next(value for name, value in parsed.attributes if name == "content" and "src" in value)

    parts = dict(part.split(" ", 1) for part in policy.split("; "))
    assert parts.pop("default-src") == parts.pop("base-uri") == parts.pop("form-action") == "'none'"
    assert all(re.fullmatch(r"'sha256-[\w+/]{43}='", value) for value in parts.values())
    assert set(parts) == {"script-src", "style-src"}
    assert not re.search(r"https?://", "".join(parsed.scripts[1:]))


def test_the_figures_of_a_page_are_those_of_its_jobs() -> None:
    facts = some_facts()
    page = page_of(a_run(tasks_per_machine=1), facts, Request(Path("r"), "*.csv"), 2000)

    counts = {name.strip(): value for name, value, _ in page.counts}
    assert page.verdict == "2 of 4 jobs are done; 1 given up, 1 not finished, by 1 cause."
    assert (counts["Submitted"], counts["Done"], counts["Given up"], counts["Not finished"]) == tuple("4211")
    assert [(one.jobs, one.given_up, one.share) for one in page.causes] == [(1, 1, 1.0)]
    assert (
        page.times.phases["fiji"].total == 16.0 and page.times.seconds and page.times.seconds.median == 10.0
    )
    costs = {name: value for name, value, _ in page.costs}
    assert (costs["Machines"], costs["Per finished job"], costs["… for failed attempts"]) == (
        "$2.00",
        "$1.00",
        "$0.1000",
    )
    assert page.sheet is not None
    assert {one.name: one.spread.median for one in page.sheet.summaries} == {
        "seconds in FIJI": 8.0,
        "peak memory, MB": 700.0,
        "objects": 2.0,
        "Area, mean": 2.0,
        "x, mean": 3.0,
    }


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        (JobCounts(0, 0, 0, 0, 0, 0, 0, 0, 0, True), "No job was submitted."),
        (JobCounts(1, 1, 0, 0, 0, 0, 0, 0, 0, True), "The one job is done."),
        (JobCounts(9, 9, 0, 0, 0, 2, 1, 0, 0, True), "All 9 jobs are done (2 with warnings,"
         " 1 without outputs)."),
        (JobCounts(9, 5, 2, 1, 1, 0, 0, 0, 2, False), "5 of 9 jobs are done; 2 given up, 1 failed and"
         " to be tried again, 1 not finished, by 2 causes. The run is not over."),
    ],
)  # fmt: skip
def test_the_verdict_is_one_sentence(counts: JobCounts, said: str) -> None:
    assert verdict(counts) == said


def test_money_is_split_without_a_rest() -> None:
    rows = list(rows_of(Spent(10.0, {"low": 5, "likely": 8, "high": 12}, 3600, 2, 3000, 600, 100, 50)))
    amounts = {name: value for name, value, _ in rows}

    assert amounts["Estimate"] == "$8.00"
    parts = [float(value[1:]) for name, value in amounts.items() if name.startswith("…")]
    assert sum(parts) == pytest.approx(10.0, abs=0.01)
    assert [value for _, value, _ in rows_of(Spent(None, {}, 0, 1, 0, 0, 0, 0))] == ["not known"]
    # What jobs say of their seconds can be more than the ledger's: no share is below nothing.
    assert list(rows_of(Spent(1.0, {}, 10, 1, 100, 0, 1, 0)))[-1][1] == "$0.0000"


def filled(plates: int, size: int, status: WellStatus = WellStatus.DONE) -> Wells:
    wells, (rows, columns) = Wells(), SIZES[size]
    for plate in range(plates):
        for row in range(1, rows + 1):
            for column in range(1, columns + 1):
                well = wells.well({"Plate": f"P{plate}", "Well": well_name((row, column))})
                assert well is not None
                wells.add(well, status)
                wells.measure("Area, mean").add(well, 10.0 * row + column, 1)
    return wells


def test_a_well_is_as_its_worst_job_and_has_the_mean_of_all_rows() -> None:
    wells = Wells()
    for status, total, rows in (
        (WellStatus.DONE, 6.0, 3),
        (WellStatus.FAILED, 0.0, 0),
        (WellStatus.DONE, 4.0, 1),
    ):
        well = wells.well({"plate": "P", "row": "2", "column": "3"})
        assert well == 0
        wells.add(well, status, cause=4 if status is WellStatus.FAILED else None)
        wells.measure("Area").add(well, total, rows)
        wells.measure("objects", is_sum=True).add(well, rows, 1)

    header, *rows = table_rows(wells)
    assert header == ["Plate", "Well", "Status", "Warnings", "Cause", "Jobs", "Inputs", "Area", "objects"]
    assert rows == [["P", "B03", "failed", "", 5, 3, "", 2.5, 4]]
    assert letters_of(wells, "P") == "-----f"
    assert wells.well({"Plate": "P", "Well": "ZZ99"}) is None
    assert wells.well({"Plate": "P"}) is None


def test_a_plate_is_as_large_as_its_wells_need_and_absent_wells_are_told() -> None:
    wells = Wells()
    for name in ("A01", "H12"):
        wells.add(wells.well({"Plate": "P1", "Well": name}) or 0, WellStatus.DONE)
    wells.add(wells.well({"Plate": "P2", "Well": "A01"}) or 0, WellStatus.NO_OBJECTS)

    assert wells.size == 96
    assert shortened(letters_of(wells, "P1")) == "d94-d"
    assert [row[:3] for row in table_rows(wells)][1:] == [
        ["P1", "A01", "done"],
        ["P1", "H12", "done"],
        ["P2", "A01", "done without objects"],
        ["P2", "H12", "not submitted"],
    ]


def test_few_wells_have_exact_numbers_and_many_have_steps() -> None:
    few, many = sheet_of(filled(1, 96)), sheet_of(filled(60, 384))
    assert few and many

    assert few.data["plates"][0]["values"][0][:2] == [11.0, 12.0]
    assert many.data["exact"] is False and many.summaries[0].spread.most == 184.0
    assert len(many.data["plates"][0]["values"][0]) == 512  # 384 bytes in base64


def test_no_number_of_wells_makes_the_page_larger_than_its_bound() -> None:
    wells = filled(40, 384)
    for number in range(30):
        for well in range(len(wells.statuses)):
            wells.measure(f"m{number}").add(well, float(well), 1)
    for well in range(0, len(wells.statuses), 2):
        wells.statuses[well], wells.causes[well] = 0, 1
    whole = sheet_of(wells)
    assert whole and len(json.dumps(whole.data)) < 1_000_000
    assert whole.left_out == (0, 27)

    bounded = sheet_of(wells, status_bytes=10_000)
    assert bounded and bounded.left_out[0] > 0
    assert len(bounded.data["plates"]) + bounded.left_out[0] == 40


def words(number: int) -> str:
    """Return a number in letters alone, which no fingerprint masks."""
    return "".join(chr(97 + int(digit)) for digit in str(number)) + "z"


def test_many_causes_and_long_texts_have_a_bound_too() -> None:
    facts = some_facts("y" * 5000)
    jobs = {f"{job:016x}": a_failed(f"{job:016x}", {}, f"cause {words(job)}") for job in range(200)}
    facts.states = JobStates(frozenset(jobs), frozenset(), frozenset(), dict.fromkeys(jobs, ""), {})
    enter_unfinished(facts, jobs)

    assert len(facts.groups) == 200
    assert len(made(facts)) < 250_000


def test_edges_replicates_and_robust_figures_are_what_they_are_called() -> None:
    inner = {(row, column): 100.0 + (row + column) % 3 for row in range(1, 9) for column in range(1, 13)}
    edge = {place: 110.0 for place in inner if place[0] in (1, 8) or place[1] in (1, 12)}

    assert edge_effect(inner | edge, 96) == pytest.approx((110 - 101) / 1.4826)
    assert edge_effect(edge, 96) is None
    assert replicates(dict.fromkeys(["A_R1", "A_R2", "B rep1", "Plate7", "R12", "Crep2"])) == {
        "A": ["A_R1", "A_R2"],
        "B": ["B rep1"],
        "C": ["Crep2"],
        "Plate7": ["Plate7"],
        "R12": ["R12"],
    }
    assert (median([3, 1, 2, 9]), deviation([1, 1, 1, 100])) == (2.5, 0)
    assert correlation([(1, 2), (2, 4), (3, 6)]) == pytest.approx(1)
    assert correlation([(1, 2), (1, 4), (1, 6)]) is None
    spread = spread_of(range(1, 101))
    assert spread and (spread.low, spread.median, spread.p95, spread.high) == (1, 50.5, 95, 99)
    assert spread.mean == 50.5
    assert spread_of([]) is None


def test_every_time_is_in_one_bin_of_a_drawing() -> None:
    times = [0.0, 3.0, 3.1, 99.9, 100.0]

    assert sum(counted_in(times, 0, 100)) == 5
    assert counted_in([5.0], 5, 5)[0] == 1
    assert present_in([(0, 50), (0, 100)], 0, 100, 4) == [2, 2, 1, 1]
    assert timeline([], [], [], 0) == ""
    assert timeline([(0, 10)], [5.0], [], 0).count("<path") == 5


def test_columns_with_text_are_none_and_blanks_are_not_counted() -> None:
    table = CsvTable(("ObjectNumber", "Area", "Label", "Mean"), ['1,2,"a, b",', "2,4,c,NaN", "3,6,d,5"])

    assert sums_of(table) == {"Area": (12.0, 3), "Mean": (5.0, 1)}
    assert sums_of(CsvTable((), [])) == sums_of(CsvTable(("A",), [])) == {}
    assert sums_of(CsvTable(("A",), ["1_0"])) == {}


def test_numbers_that_no_double_can_add_spoil_nothing(tmp_path: Path) -> None:
    table = CsvTable(("A", "B"), ["1e308,1e99", "1e308,-1e99", "5,inf", "-1e308,nan", "1e400,3"])
    assert sums_of(table) == {"A": (5.0, 1), "B": (3.0, 3)}

    wells = filled(2, 96)
    for number, well in enumerate(wells.plates["P0"].values()):
        for name, value in (("huge", 1e100), ("tiny", 1e-300), ("either", 1e100 if number % 2 else 1e-300)):
            wells.measure(name).add(well, value * (number % 7), 1)
    found = sheet_of(wells)
    assert found and json.dumps(found.data, allow_nan=False)
    assert correlation([(1e100, 1), (-1e100, 2), (1e99, 3)]) is not None

    with (tmp_path / "wells.csv").open("w", newline="") as file:
        rows = ((f"A{number:02}", value) for number, value in enumerate(("inf", "-inf", "nan", "1e308", "1")))
        csv.writer(file).writerows([("Plate", "Well", "Odd"), *(("P", *row) for row in rows)])
    (tmp_path / "ro-crate-metadata.json").write_text(json.dumps(crate("x")))
    odd = read_report(tmp_path)
    assert list(lines_of(odd, odd))[-1] == "  Odd: 1 the same, 0 differ"


def odd_records() -> Iterator[dict[str, Any]]:
    for wrong in (None, 5, "x", [1], {"fiji": "x"}, {"fiji": -1}, float("nan")):
        yield dict.fromkeys(("seconds", "peak_memory_mb", "versions", "fiji", "job", "attempt"), wrong)
        yield {"warnings": wrong, "time_seconds": wrong, "image": wrong, "script_url": wrong}


@pytest.mark.parametrize("document", list(odd_records()), ids=str)
def test_a_record_that_is_odd_in_one_place_is_only_unknown_there(document: dict[str, Any]) -> None:
    course = course_in(document | {"worker_version": "1.0"})

    assert course.made_with["worker"] == "1.0"
    assert all(value >= 0 for value in course.seconds.values())
    assert UNKNOWN.seconds == {}


SIGNED = "https://me:secret@b.s3.amazonaws.com/m.ijm?a='x'&X-Amz-Signature=secret#secret"


def test_a_signature_in_an_address_stays_out_of_the_page() -> None:
    facts = some_facts(SIGNED)
    facts.tally.shared["model"] = Counter([SIGNED])
    facts.tally.made_with["script"] = Counter([SIGNED])
    settings = kept_settings(settings_with(SCRIPT_DOWNLOAD_URL=SIGNED))

    page = made(facts, a_run(script=SIGNED, settings=settings))

    crate = json.dumps(crate_of(a_run(script=SIGNED), facts.tally, counts_of(facts), ["report.html"], 2000))
    assert "secret" not in page + crate
    assert page.count("https://b.s3.amazonaws.com/m.ijm") > 4
    assert "https://b.s3.amazonaws.com/m.ijm" in crate


def test_the_settings_are_those_that_the_run_began_with() -> None:
    now, then = settings_with(MEMORY=4111), a_run(settings=kept_settings(settings_with(MEMORY=2111)))
    request = Request(Path("report"), settings=now)

    page, earlier = (render(page_of(one, some_facts(), request, 2000)) for one in (then, a_run(settings={})))

    assert "Settings when the run began" in page
    assert "<code>2111</code>" in page and "4111" not in page
    assert "Settings, as config.py has them now" in earlier
    assert "<code>4111</code>" in earlier


def test_an_earlier_report_stays_and_what_cannot_be_written_is_said_first(tmp_path: Path) -> None:
    (tmp_path / "wells.csv").write_text("mine")
    for request in (Request(tmp_path), Request(tmp_path / "no" / "folder"), Request(tmp_path / "wells.csv")):
        with pytest.raises(InvalidInput):
            check(request)
    check(Request(tmp_path, overwrite=True))
    check(Request(tmp_path / "new"))

    with pytest.raises(ZeroDivisionError), replacing(tmp_path / "wells.csv") as file:
        file.write("half")
        raise ZeroDivisionError
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"wells.csv": "mine"}


def crate(text: str, **changes: Any) -> dict[str, Any]:
    facts = some_facts(text)
    run = a_run(**{"output_locations": (f"out/{text}", "b c"), "script_sha256": "ab", **changes})
    made = crate_of(run, facts.tally, counts_of(facts), ["report.html", "wells.csv"], 2000)
    return json.loads(json.dumps(made))


@pytest.mark.parametrize("text", ["x", HOSTILE], ids=["calm", "hostile"])
def test_the_crate_is_what_its_profile_asks_for(text: str) -> None:
    """By the rules of RO-Crate 1.1 ("RO-Crate Structure") and Process Run Crate 0.5 ("Requirements")."""
    document = crate(text, script=f"s3://b/{text}.ijm")
    graph = document["@graph"]
    entities = {entity["@id"]: entity for entity in graph}

    assert document["@context"] == "https://w3id.org/ro/crate/1.1/context"
    assert len(entities) == len(graph) and all(entity["@type"] for entity in graph)
    descriptor, root = entities["ro-crate-metadata.json"], entities["./"]
    assert descriptor["@type"] == "CreativeWork" and descriptor["about"] == {"@id": "./"}
    assert descriptor["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.1"}
    assert root["@type"] == "Dataset" and datetime.fromisoformat(root["datePublished"]).tzinfo
    assert root["name"] and root["description"] and root["license"]
    profile = entities[root["conformsTo"]["@id"]]
    assert profile["@id"].startswith("https://w3id.org/ro/wfrun/process/") and profile["version"]
    action = entities[root["mentions"]["@id"]]
    assert action["@type"] == "CreateAction" and action["actionStatus"]["@id"].endswith("FailedActionStatus")
    assert entities[action["instrument"]["@id"]]["@type"] == "SoftwareApplication"
    assert action["startTime"] < action["endTime"] and action["error"]
    outside = {"https://w3id.org/ro/crate/1.1", action["actionStatus"]["@id"]}
    assert references_in(graph) - outside <= entities.keys()
    assert not any(re.search(r"[\s<>\"{}]", name) for name in entities)
    assert not UNFIT.search(json.dumps(graph, ensure_ascii=False))


def reported(folder: Path, facts: ReportFacts, run: Run) -> Reported:
    """Return a report as it is read back from its folder."""
    folder.mkdir()
    made = crate_of(run, facts.tally, counts_of(facts), ["report.html", "wells.csv"], 2000)
    (folder / "ro-crate-metadata.json").write_text(json.dumps(made))
    with (folder / "wells.csv").open("w", newline="") as file:
        csv.writer(file).writerows(table_rows(facts.wells))
    return read_report(folder)


def test_two_reports_are_compared_well_by_well(tmp_path: Path) -> None:
    before, after = some_facts("x"), some_facts("x")
    after.tally.shared["sigma"].clear()
    after.tally.shared["sigma"]["3"] = 2
    for facts, factor in ((before, 1.0), (after, 1.5)):
        facts.wells = filled(1, 6)
        for place, well in facts.wells.plates["P0"].items():
            facts.wells.measure("Area, mean").sums[well] *= factor if place != (1, 1) else 1
            facts.wells.inputs[well] = well + int(factor)
    failed = after.wells.plates["P0"][2, 3]
    after.wells.statuses[failed] = 0
    del after.wells.plates["P0"][2, 2]
    first = reported(tmp_path / "one", before, a_run(script="s3://b/a.ijm", script_sha256="aa"))
    second = reported(tmp_path / "two", after, a_run(script="s3://b/b.ijm", script_sha256="bb"))

    lines = list(lines_of(first, second))

    assert lines[0] == f"What was run: {len(first.what) - 2} of {len(first.what)} the same"
    assert set(lines[1:3]) == {"  script: sha256:aa → sha256:bb", "  sigma, a parameter: x → 3"}
    assert lines[3:] == [
        "Wells: 5 in both, 1 only in the first, 0 only in the second",
        "  what became of them: 4 the same, 1 differ",
        "    1 well: done → given up",
        "  inputs: 5 the same, 0 differ, 0 not known",
        "  Area, mean: 1 the same, 4 differ; median +6.5, correlation 0.9763; most in P0 B03: 23 → 34.5",
    ]


def test_what_is_no_report_is_refused(tmp_path: Path) -> None:
    for text in ("", "[]", "{}", '{"@graph": 1}', '{"@graph": [1, {"@id": 2, "name": [], "value": 3}]}'):
        (tmp_path / "ro-crate-metadata.json").write_text(text)
        with pytest.raises(InvalidInput, match=r"ro-crate-metadata\.json cannot be used"):
            read_report(tmp_path)
    (tmp_path / "ro-crate-metadata.json").write_text(json.dumps(crate("x")))
    (tmp_path / "wells.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInput, match=r"wells\.csv cannot be used"):
        read_report(tmp_path)


def references_in(value: Any) -> set[str]:
    """Return what a document refers to: each object that has a name and nothing else."""
    if isinstance(value, dict):
        if value.keys() == {"@id"}:
            return {value["@id"]}
        return set().union(*map(references_in, value.values()))
    return set().union(*map(references_in, value)) if isinstance(value, list) else set()


def test_the_table_beside_the_page_has_every_digit() -> None:
    wells = Wells()
    well = wells.well({"Plate": "P", "Well": "A1"})
    assert well == 0
    wells.add(well, WellStatus.DONE, is_warned=True)
    wells.measure("Area").add(well, 1 / 3, 1)
    text = io.StringIO()
    csv.writer(text).writerows(table_rows(wells))

    assert next(csv.DictReader(io.StringIO(text.getvalue())))["Area"] == repr(1 / 3)
