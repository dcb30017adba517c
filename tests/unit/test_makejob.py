"""makeJob's pure parts: reading keys, choosing inputs, wells and tables."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributed_fiji import plates
from distributed_fiji.commands import jobsofkeys, tables
from distributed_fiji.commands.keypatterns import TooManyReadings, read_key_pattern
from distributed_fiji.errors import InvalidInput
from distributed_fiji.jobs import Template
from worker.contract.inputs import read_patterns

#: What each kind of name takes, as regular expressions say it.
KINDS = {"": ".+", "any": ".+", "d": "[0-9]+", "a": "[A-Za-z]+", "well": "[A-Za-z]{1,2}[0-9]{1,3}"}
PIECE = re.compile(r"(\{[^}]*\}|[*?])")

READ = {
    # Harmony (Opera Phenix), MetaXpress with and without its GUID, Incucyte: names as the programs give them.
    "r{Row}c{Column}f{Site}p{Plane}-ch{Channel}sk{T}fk1fl1.tiff": {
        "r01c02f03p04-ch5sk6fk1fl1.tiff": ("01", "02", "03", "04", "5", "6"),
        "r01c02f03p04-ch5.tiff": None,
    },
    "{Plate}/TimePoint_{T}/{Name}_{Well}_s{Site:d}_w{Channel:d}.TIF": {
        "P1/TimePoint_1/val screen_B02_s1_w2.TIF": ("P1", "1", "val screen", "B02", "1", "2"),
        "P1/TimePoint_1/my_own_screen_AF48_s10_w2.TIF": ("P1", "1", "my_own_screen", "AF48", "10", "2"),
        "P1/TimePoint_1/val screen_B02_s1_w2_thumb.TIF": None,
        "P1/B02_s1_w2.TIF": None,
    },
    "{Plate}_{Well}_s{Site}_w{Channel:1}{Guid:36}.tif": {
        "my_plate_B02_s1_w1A52B1177-9DC7-4534-9623-9DCA396EFA00.tif": (
            "my_plate", "B02", "1", "1", "A52B1177-9DC7-4534-9623-9DCA396EFA00",
        ),
    },
    "{Plate}_{Well}_{Site:d}_{Time}.tif": {
        "VID123_A1_1_2020y01m02d_03h04m.tif": ("VID123", "A1", "1", "2020y01m02d_03h04m"),
    },
    "{Plate}/{Plate}_{Well}.tif": {"P_1/P_1_A01.tif": ("P_1", "A01"), "P1/P2_A01.tif": None},
    "{Row:a}{Column:d}.tif": {"AB07.tif": ("AB", "07"), "7AB.tif": None},
    "Plätte/{Well}-µ.tif": {"Plätte/A01-µ.tif": ("A01",), "Pla\u0308tte/A01-µ.tif": None},
    "{Name}.tif": {"._A01.tif": None, "A.01.tif": ("A.01",)},
}  # fmt: skip


@pytest.mark.parametrize(("pattern", "key"), [(one, key) for one, keys in READ.items() for key in keys])
def test_a_key_is_read_as_its_microscope_wrote_it(pattern: str, key: str) -> None:
    expected = READ[pattern][key]
    assert read_key_pattern(pattern).readings(key) == ([] if expected is None else [expected])


def naive(pattern: str, key: str) -> Iterator[dict[str, str]]:
    """Yield all ways to read a key by trying each split of each part."""
    parts, names = pattern.split("/"), key.split("/")
    if len(parts) != len(names):
        return
    for ways in itertools.product(*(list(naive_part(*pair)) for pair in zip(parts, names, strict=True))):
        values: dict[str, str] = {}
        if all(values.setdefault(name, value) == value for way in ways for name, value in way):
            yield values


def naive_part(pattern: str, name: str) -> Iterator[tuple[tuple[str, str], ...]]:
    pieces = [piece for piece in PIECE.split(pattern) if piece]
    if not (name.startswith(".") and pieces and PIECE.fullmatch(pieces[0])):
        yield from naive_pieces(pieces, name)


def naive_pieces(pieces: list[str], rest: str) -> Iterator[tuple[tuple[str, str], ...]]:
    if not pieces:
        yield from [()] if not rest else []
        return
    for length in range(len(rest) + 1):
        value, piece = rest[:length], pieces[0]
        name, _, kind = piece.strip("{}").partition(":")
        takes = {"*": ".*", "?": "."}.get(piece) or (KINDS[kind] if piece[0] == "{" else re.escape(piece))
        if re.fullmatch(takes, value, re.DOTALL):
            for others in naive_pieces(pieces[1:], rest[length:]):
                yield ((name, value), *others) if piece[0] == "{" else others


PIECES = ["{A}", "{B:d}", "{C:a}", "{D:well}", "{A:any}", "*", "?", "_", "s", "a1", ".", "/"]
texts = (
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=7)
    .map("".join)
    .filter(lambda text: "{" in text and not text.endswith("/"))
)
keys = st.lists(st.sampled_from(["a", "A", "1", "12", "_", "s", ".", "/", "ö"]), max_size=9).map("".join)


@settings(max_examples=600, deadline=None)
@given(texts, keys)
def test_all_ways_to_read_a_key_are_found_and_no_others(text: str, key: str) -> None:
    pattern = read_key_pattern(text)
    read = [dict(zip(pattern.names, values, strict=True)) for values in pattern.readings(key)]
    assert sorted(map(sorted, (one.items() for one in read))) == sorted(
        map(sorted, {tuple(sorted(one.items())) for one in naive(text, key)})
    )


@settings(max_examples=600, deadline=None)
@given(texts, st.lists(keys, unique=True, max_size=12), st.data())
def test_inputs_bring_each_job_just_its_images(text: str, listed: list[str], data: st.DataObject) -> None:
    """Held to what the worker lists by: its own patterns."""
    pattern = read_key_pattern(text)
    per = data.draw(st.lists(st.sampled_from(pattern.names), min_size=1, unique=True))
    found = jobsofkeys.find_jobs(pattern, listed, per)
    if not found.jobs or found.ambiguous:
        return
    inputs, wrong = jobsofkeys.choose_inputs(pattern, found, per)
    assert bool(inputs) != bool(wrong)
    template = Template("x", {}, tuple(f"s3://b/{one}" for one in inputs))
    for values in found.jobs if inputs else ():
        job = template.job(dict(zip(per, values, strict=True)))
        globs = [read_patterns(one, "b")[0].glob for one in job.inputs]
        brought = {
            key for key in listed if not key.endswith("/") and any(glob.matches(key) for glob in globs)
        }
        assert brought == {key for key, own in zip(found.keys, found.owners, strict=True) if own == values}


def test_other_files_beside_the_images_stay_out_of_the_inputs() -> None:
    pattern = read_key_pattern("{Well}_s{Site:d}.tif")
    listed = ["A01_s1.tif", "A01_s1_thumb.tif", "A01_s2.tif", "B01_s1.tif"]
    found = jobsofkeys.find_jobs(pattern, listed, ["Well"])
    assert jobsofkeys.choose_inputs(pattern, found, ["Well"]) == (["{Well}_s?.tif"], "")

    listed += ["A01_sx.tif", "B01_s2.tif"]
    found = jobsofkeys.find_jobs(pattern, listed, ["Well"])
    assert jobsofkeys.choose_inputs(pattern, found, ["Well"]) == (["{Well}_s1.tif", "{Well}_s2.tif"], "")

    found = jobsofkeys.find_jobs(pattern, [*listed, "C01_s1.tif"], ["Well"])
    assert jobsofkeys.choose_inputs(pattern, found, ["Well"]) == (
        [],
        "the job of Well A01 would also get 'A01_sx.tif'",
    )


@pytest.mark.parametrize("text", ["".join(f"{{N{n}}}a" for n in range(12)), "{A}" * 12, "*a" * 12 + "{A}b"])
def test_no_key_takes_long_to_read(text: str) -> None:
    pattern = read_key_pattern(re.sub(r"\{A\}", lambda _: f"{{A{next(NUMBERS)}}}", text))
    began = time.process_time()
    for key in ("a" * 1024, "a" * 1023 + "b", "1a" * 512):
        with contextlib.suppress(TooManyReadings):
            pattern.readings(key)
    assert time.process_time() - began < 5


NUMBERS = itertools.count()


def test_a_key_with_too_many_readings_is_ambiguous_and_no_way_to_read_it_is_forgotten() -> None:
    # Stars take what no name does: the first thousand ways to read it are all of A being "a".
    pattern = read_key_pattern("{A}*****.tif")
    found = jobsofkeys.find_jobs(pattern, ["a" * 40 + ".tif"], ["A"])
    assert (found.jobs, found.ambiguous) == ({}, [f"{'a' * 40 + '.tif'!r} can be read in too many ways"])


WRONG = {
    "{Well": "a brace without its partner",
    "{{Well}}": "single braces",
    "plates/": "must name files",
    "A01.tif": "no name in braces",
    "{Cell line}.tif": "cannot be a name",
    "{}.tif": "cannot be a name",
    "{A.b}.tif": "cannot be a name",
    "{Site:02d}.tif": "",
    "{Site:x}.tif": "after the colon stands d",
    "{Site!r}.tif": "after the colon stands d",
    "{Site:0}.tif": "after the colon stands d",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_pattern_is_said(text: str) -> None:
    if WRONG[text]:
        with pytest.raises(ValueError, match=WRONG[text]):
            read_key_pattern(text)
    else:
        read_key_pattern(text)


def test_what_differs_within_a_well_makes_no_job() -> None:
    for names, per in {
        ("Plate", "Well", "Site", "Channel", "z", "Time_Point"): ["Plate", "Well"],
        ("r", "c", "s"): ["r", "c"],
        ("Well", "c"): ["Well"],
        ("Site",): ["Site"],
    }.items():
        assert jobsofkeys.default_per(names) == per


@settings(deadline=None)
@given(st.integers(1, 32), st.integers(1, 48))
def test_a_well_is_read_back_however_it_is_written(row: int, column: int) -> None:
    name = plates.well_name((row, column))
    letters = plates.row_letters(row)
    for text in (name, name.lower(), f"{letters}{column}", f"{letters}-{column:03}", f" {name} "):
        assert plates.read_well(text) == (row, column)
    assert plates.place_of({"Row": letters, "Column": str(column)}) == (row, column)
    assert plates.place_of({"row": f"{row:02}", "col": f"{column:02}"}) == (row, column)


def test_rows_go_on_after_z_and_wells_that_are_none_are_not_read() -> None:
    assert [plates.row_letters(number) for number in (1, 26, 27, 32)] == ["A", "Z", "AA", "AF"]
    assert plates.read_rows("Y-AB, d") == [25, 26, 27, 28, 4]
    assert plates.read_columns("01-3,12") == [1, 2, 3, 12]
    assert [plates.read_well(text) for text in ("A0", "01", "AAA1", "A1234", "", 7, None)] == [None] * 7
    for text in ("1-3", "A-B-C", "", "H-A"):
        with pytest.raises(ValueError, match=r"rows are letters|goes backwards"):
            plates.read_rows(text)


def test_absent_wells_are_those_of_the_rectangle_or_of_the_plate() -> None:
    groups = [{"Plate": plate, "Well": well} for plate in ("P1", "P2") for well in ("B02", "C03")]
    groups.append({"Plate": "P2", "Well": "B3"})
    assert plates.absent(groups) == ["P1 B03", "P1 C02", "P2 C02"]
    assert plates.absent(groups[:1], [(1, 1), (2, 2)]) == ["P1 A01"]
    assert plates.absent([{"Name": "x"}]) == []


cells = (
    st.text(st.characters(codec="utf-8", exclude_characters="\0\r\ufeff"), min_size=1)
    .map(str.strip)
    .filter(bool)
)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(cells, cells), min_size=1, max_size=5),
    st.sampled_from(",;\t"),
    st.booleans(),
    st.sampled_from(["\n", "\r\n"]),
)
def test_a_csv_is_read_as_it_was_written(
    rows: list[tuple[str, str]], delimiter: str, mark: bool, end: str
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end)
    writer.writerows([("Name", "Value"), *rows])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        path.write_bytes((b"\xef\xbb\xbf" if mark else b"") + text.getvalue().encode())
        table = tables.read_table(path)
    assert [(row["Name"], row["Value"]) for _, row in table.rows] == rows


TABLES = {
    "Name,Well\n,": "column names, and rows",
    "Well,Well\nA01,x\n": "the same name as another, Well",
    "Well,1st\nA01,x\n": "a name has letters",
    "Well,Dose\nA01,1,5\n": "line 2: '5' stands in no column",
    'Well,Dose\nA01,"1\n': "unexpected end of data",
    ",1,2\nA,x,y\nA,x,y\n": "each once",
    ",1,1\nA,x,y\n": "each once",
    ",1,2\nA,x,y,z\n": "'z' stands in no column",
    "Dose,1,2\nA,,\n": "a plate without a value",
    "Well,1,2\nA,x,y\n": "not Well, but as Compound",
}


@pytest.mark.parametrize("text", TABLES)
def test_what_is_no_table_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InvalidInput) as raised:
        tables.read_table(tmp_path / "a.csv")
    assert TABLES[text] in str(raised.value)


def test_a_layout_is_joined_by_wells_however_either_side_writes_them(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "sep=;\nPlate;well;Cell line;Dose\nP1;A1;HeLa;5\nP1;a02;U2OS;\n\nP9;A1;x;1\n"
    )
    table = tables.read_table(tmp_path / "a.csv")
    assert table.renamed == ("the column 'Cell line' is called Cell_line",)
    groups = [{"Plate": "P1", "Row": "01", "Column": f"{column:02}"} for column in (1, 2, 3)]

    joined = tables.join(groups, table)

    assert [one.get("Cell_line") for one in joined.groups] == ["HeLa", "U2OS", None]
    assert joined.groups[0] == {**groups[0], "Cell_line": "HeLa", "Dose": "5"}
    assert (joined.without, joined.unused) == (["P1 A03"], ["P9 A01"])


def test_rows_that_contradict_or_cannot_be_joined_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Well,Dose\nA01,1\nA1,2\n")
    with pytest.raises(InvalidInput, match="lines 2 and 3 say different things of A01"):
        tables.join([{"Well": "A01"}], tables.read_table(tmp_path / "a.csv"))
    with pytest.raises(
        InvalidInput, match=r"its columns \(Well, Dose\) have none of what makes a job \(Name\)"
    ):
        tables.join([{"Name": "x"}], tables.read_table(tmp_path / "a.csv"))


def test_rows_of_one_job_become_lists_where_they_differ(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Metadata_Well,Image_FileName_DNA\nA01,a.tif\nA01,b.tif\nA02,c.tif\n")
    table = tables.read_table(tmp_path / "a.csv")
    assert tables.rows_as_groups(table, ["Well"]) == [
        {"Well": "A01", "Image_FileName_DNA": ["a.tif", "b.tif"]},
        {"Well": "A02", "Image_FileName_DNA": "c.tif"},
    ]
    assert len(tables.rows_as_groups(table, [])) == 3


def test_the_patterns_in_the_docs_read_what_their_microscopes_write() -> None:
    """A row of the docs' table, and names as they are in the manufacturers' and Bio-Formats' documents."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "jobs.md").read_text(encoding="utf-8")
    table = dict(re.findall(r"^\| ((?:Opera|ImageXpress|Incucyte)[^|]*?) \| `([^`]+)`", text, re.MULTILINE))
    keys = {
        "Opera Phenix (Harmony)": "P1/Images/r01c02f03p04-ch5sk6fk1fl1.tiff",
        "ImageXpress (MetaXpress)": "P1/TimePoint_1/val screen_B02_s1_w2.TIF",
        "ImageXpress, with the GUID in the name": (
            "4014/val screen_B02_s1_w1A52B1177-9DC7-4534-9623-9DCA396EFA00.tif"
        ),
        "Incucyte": "VID123_A1_1_2020y01m02d_03h04m.tif",
    }
    assert {
        name: len(read_key_pattern(pattern).readings(keys[name])) for name, pattern in table.items()
    } == dict.fromkeys(keys, 1)
