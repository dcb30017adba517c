"""Tables of many kinds become one, and each expected well has a row that says what became of it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from distributed_fiji.commands.collect import matches
from distributed_fiji.review.csvtext import CsvTable, NoTable, read_table
from distributed_fiji.review.facts import from_folder
from distributed_fiji.review.jobstates import metadata_in
from distributed_fiji.review.merging import Merger
from distributed_fiji.review.wells import Ended, WellStatus, well_rows
from worker.contract.jobs import job_name

#: As ImageJ writes a results table: the first column has a blank for its name.
FIJI = " ,Label,Area,Mean\n1,a.tif,12,3.5\n2,a.tif,7,NaN\n"


@pytest.mark.parametrize(
    ("body", "how"),
    [
        (FIJI.encode(), ()),
        (FIJI.encode("utf-8-sig"), ()),
        (FIJI.replace("\n", "\r\n").encode(), ()),
        (FIJI.encode("utf-16"), ("in utf-16",)),
        (FIJI.encode("utf-16-le"), ("in utf-16-le",)),
        (FIJI.replace(",", "\t").encode(), ("separated by tabs",)),
        (FIJI.replace(",", ";").replace(".5", ",5").encode(), ("separated by ;", "with decimal commas")),
        (FIJI.replace(",", ";").encode(), ("separated by ;",)),
        ((FIJI + ",,,\n\n").encode(), ()),
    ],
)
def test_a_table_is_the_same_however_it_is_written(body: bytes, how: tuple[str, ...]) -> None:
    table = read_table(body)

    assert table.columns == ("ObjectNumber", "Label", "Area", "Mean")
    assert table.rows == ["1,a.tif,12,3.5", "2,a.tif,7,NaN"]
    assert table.how == how


def test_what_only_looks_like_a_separator_or_a_number_stays() -> None:
    quoted = read_table(b'Label,Area\n"a, b ""c""",3\n"two\nlines",4\n')
    windows = read_table("Größe µm²;Mean\nx…;1,5\n1.234,5;2,5\n".encode("cp1252"))
    mixed = read_table(b"A;B\n1,5;2.5\n")

    assert quoted == CsvTable(("Label", "Area"), ['"a, b ""c""",3', '"two\nlines",4'])
    assert windows.columns == ("Größe µm²", "Mean")
    assert windows.how == ("in cp1252", "separated by ;", "with decimal commas")
    assert windows.rows[1] == '"1.234,5",2.5'
    assert mixed.rows == ['"1,5",2.5']


def test_a_row_that_lacks_fields_is_filled_and_one_that_has_too_many_is_refused() -> None:
    assert read_table(b"A,B,C\n1\n").rows == ["1,,"]
    assert read_table(b"A,A,,B\n1,2,3,4\n").columns == ("A", "A_2", "Column3", "B")
    assert read_table(b"") == read_table(b"\r\n") == CsvTable((), [])
    with pytest.raises(NoTable, match="row 1 has 3 fields for 2 names"):
        read_table(b"Area,Mean\n1,5,2\n")
    with pytest.raises(NoTable, match="no text"):
        read_table(b"\x81\x8d\x8f")


def merged(merger: Merger, folder: Path) -> list[dict[str, str]]:
    merger.write(folder / "all.csv")
    assert [path.name for path in folder.iterdir()] == ["all.csv"]
    with (folder / "all.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_tables_with_other_columns_come_together_with_their_jobs(tmp_path: Path) -> None:
    merger = Merger()
    merger.add({"Plate": "007", "Well": "A1"}, "j1", "a.csv", CsvTable(("Area", "Mean"), ["1,2", '"3,5",4']))
    merger.add({"Well": "A2", "dose": 0.5}, "j2", "b.csv", CsvTable(("Mean", "Well"), ["5,x"]))
    merger.add({"Well": "A3"}, "j3", "c.csv", CsvTable((), []))

    rows = merged(merger, tmp_path)

    assert rows == [
        {"Plate": "007", "Metadata_Well": "A1", "Job": "j1", "File": "a.csv", "dose": "", "Area": "1",
         "Mean": "2", "Well": ""},
        {"Plate": "007", "Metadata_Well": "A1", "Job": "j1", "File": "a.csv", "dose": "", "Area": "3,5",
         "Mean": "4", "Well": ""},
        {"Plate": "", "Metadata_Well": "A2", "Job": "j2", "File": "b.csv", "dose": "0.5", "Area": "",
         "Mean": "5", "Well": "x"},
    ]  # fmt: skip
    assert (merger.tables, merger.rows) == (3, 3)
    assert "Plate" in merger.text_columns() and "dose" not in merger.text_columns()


def test_cytominings_programs_find_plate_and_well(tmp_path: Path) -> None:
    merger = Merger("cytomining")
    merger.add({"plate": "P1", "Row": "B", "column": 3}, "j", "a.csv", CsvTable(("Area",), ["1"]))

    (row,) = merged(merger, tmp_path)

    assert (row["Metadata_Plate"], row["Metadata_Well"], row["Area"]) == ("P1", "B03", "1")
    assert row["Metadata_Job"] == "j"


def test_the_kinds_of_nothing_are_told_apart_in_all_wells_of_fifty_plates() -> None:
    kinds = list(WellStatus)
    planted = {
        (f"P{plate}", f"{chr(65 + row)}{column:02}"): kinds[(plate * 7 + row * 3 + column) % len(kinds)]
        for plate in range(50)
        for row in range(16)
        for column in range(1, 25)
    }
    ended = [
        Ended("", {"Plate": plate, "Well": well}, status, objects=4 if status is WellStatus.DONE else None)
        for (plate, well), status in planted.items()
        if status is not WellStatus.NOT_SUBMITTED
    ]

    found = {(row["Plate"], row["Well"]): row["Status"] for row in well_rows(ended, 384)}

    assert found == {place: status.value for place, status in planted.items()}


def test_a_well_is_as_its_worst_job_and_its_objects_are_all_of_theirs() -> None:
    ended = [
        Ended("1", {"Well": "A1", "Site": 1}, WellStatus.DONE, objects=3),
        Ended("2", {"Well": "A01", "Site": 2}, WellStatus.GIVEN_UP, "no memory"),
        Ended("3", {"Well": "B2"}, WellStatus.NO_OBJECTS, objects=0),
        Ended("4", {"name": "a"}, WellStatus.FAILED, "no cells"),
    ]

    rows = list(well_rows(ended))

    assert [(row.get("Well"), row["Status"], row["Jobs"], row["Objects"]) for row in rows] == [
        ("A01", "given up", 2, 3),
        ("A02", "not submitted", 0, ""),
        ("B01", "not submitted", 0, ""),
        ("B02", "done without objects", 1, 0),
        (None, "failed", 1, ""),
    ]
    assert rows[-1]["name"] == "a"


def test_a_name_gives_the_metadata_back_but_for_what_was_cut() -> None:
    metadata = {"Plate": "P 1", "Well": "A02", "note": 'say "x"', "long": "x" * 80, "files": ["a", "b c"]}

    assert metadata_in(job_name(metadata)) == {
        name: value for name, value in metadata.items() if name != "long"
    }


def test_a_bucket_on_this_disk_is_read_as_files_and_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "s3" / "bucket" / "out").mkdir(parents=True)
    (tmp_path / "s3" / "bucket" / "out" / "a.csv").write_bytes(b"inside")
    (tmp_path / "secret").write_bytes(b"outside")
    read = from_folder(tmp_path / "s3", lambda bucket, key: f"asked for {bucket}/{key}".encode())

    assert read("bucket", "out/a.csv") == b"inside"
    for bucket, key in (("bucket", "../../secret"), ("..", "secret"), ("", "secret"), ("bucket", "out/b.csv"),
                        ("bucket", "out//a.csv"), ("bucket", "a\0b"), (str(tmp_path), "secret")):  # fmt: skip
        assert read(bucket, key) == f"asked for {bucket}/{key}".encode()


def test_outputs_are_meant_by_name_or_by_path() -> None:
    assert matches("out/P1/A01_Results.csv", "out/P1", "*_Results.csv")
    assert matches("out/P1/tables/a.csv", "out/P1", "tables/*.csv")
    assert not matches("out/P1/a.CSV", "out/P1", "*.csv")
    assert not matches("out/tables/a.csv", "out/tables", "tables/*.csv")
