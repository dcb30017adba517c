"""`run.py makeJob` as a user types it: keys in a bucket, a local folder, a CSV, layouts and plates."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import BUCKET, Account, Command, configure
from tests.cli.test_bad_input import refused


def put(account: Account, *keys: str) -> None:
    """Put objects that begin like TIFF files, which is all that submitJob looks at."""
    for key in keys:
        account.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"II*\0\x08\0\0\0" + bytes(8))


def job_file(folder: Path, name: str = "new.json") -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
    return document


def wells(rows: str, columns: Iterable[int]) -> list[str]:
    return [f"{row}{column:02}" for row in rows for column in columns]


def test_opera_keys_become_a_job_for_each_well_and_are_submitted(
    account: Account, ready: Command, tmp_path: Path
) -> None:
    put(account, "opera/P1/Index.idx.xml", "opera/P1/")
    put(
        account,
        *(
            f"opera/P1/Images/r{row:02}c{column:02}f{site:02}p01-ch{channel}sk1fk1fl1.tiff"
            for row, column in ((1, 1), (1, 2), (2, 1))
            for site in (1, 2)
            for channel in (1, 2)
            if (row, site, channel) != (2, 2, 2)
        ),
    )
    pattern = "r{Row}c{Column}f{Site}p{Plane}-ch{Channel}sk1fk1fl1.tiff"

    made = ready("makeJob", f"s3://{BUCKET}/opera/{{Plate}}/Images/{pattern}", "--to", "new.json")

    assert made.code == 0, made.said
    assert job_file(tmp_path) == {
        "output_file_location": "results/{Plate}/{Row}/{Column}",
        "inputs": [f"s3://{BUCKET}/opera/{{Plate}}/Images/r{{Row}}c{{Column}}f*p*-ch*sk1fk1fl1.tiff"],
        "shared_metadata": {},
        "groups": [
            {"Plate": "P1", "Row": row, "Column": column}
            for row, column in (("01", "01"), ("01", "02"), ("02", "01"))
        ],
    }
    assert (
        "new.json: 3 jobs, one for each Plate, Row, Column; 11 images, in each job together: Site 01, 02;"
        in made.out
    )
    assert "1 key in no job, not of the pattern: opera/P1/Index.idx.xml" in made.err
    assert "most jobs have 4 images, but not P1 02 01 (3)" in made.err
    assert "1 well without images: P1 B02" in made.err
    sent = ready("submitJob", "new.json", "--yes")
    assert sent.out.startswith("3 jobs sent to "), sent.said


def test_imagexpress_keys_of_source_bucket_leave_thumbnails_out(
    account: Account, ready: Command, tmp_path: Path
) -> None:
    for well in wells("BC", (2, 10)):
        for site in (1, 2):
            put(account, f"mx/my_screen/TimePoint_1/my_screen_{well}_s{site}_w1.TIF")
            put(account, f"mx/my_screen/TimePoint_1/my_screen_{well}_s{site}_w1_thumb.TIF")

    made = ready(
        "makeJob", "mx/{Plate}/TimePoint_{T}/{Name}_{Well}_s{Site:d}_w{Channel:d}.TIF", "--per", "Well",
        "--output", "out/{Well}", "--to", "new.json",
    )  # fmt: skip

    assert made.code == 0, made.said
    document = job_file(tmp_path)
    assert document["output_file_location"] == "out/{Well}"
    assert document["inputs"] == ["mx/?????????/TimePoint_?/?????????_{Well}_s?_w?.TIF"]
    assert [group["Well"] for group in document["groups"]] == ["B02", "B10", "C02", "C10"]
    assert "8 keys in no job" in made.err
    assert ready("submitJob", "new.json", "--yes").code == 0


def test_keys_of_any_language_are_taken_letter_by_letter(
    account: Account, ready: Command, tmp_path: Path
) -> None:
    put(account, "über/Plätte 1/A01 µ.tif", "über/Pla\u0308tte 1/A01 µ.tif", "über/細胞{1}/A02 µ.tif")

    made = ready("makeJob", f"s3://{BUCKET}/über/{{Plate}}/{{Well}} µ.tif", "--to", "new.json")

    assert made.code == 0, made.said
    plates = {group["Plate"] for group in job_file(tmp_path)["groups"]}
    assert plates == {"Plätte 1", "Pla\u0308tte 1", "細胞{1}"}
    assert ready("submitJob", "new.json", "--yes").code == 0


NOTHING = {
    "a prefix that is not there": (
        "none/palte1/{Well}.tif",
        ["no key begins with 'none/palte1/'", "the nearest in s3://cli-bucket/none/: 'none/plate1/'"],
    ),
    "another ending": (
        "none/plate1/{Well}.tiff",
        ["1 key below 'none/plate1/', and none fits", "the nearest: 'none/plate1/well_A01.tif'"],
    ),
    "wells of another kind": (
        "none/plate1/{Well}.tif",
        ["{Well} takes one or two letters and a number", "{Well:any} takes any characters"],
    ),
}


@pytest.mark.parametrize("name", NOTHING)
def test_where_nothing_is_found_the_nearest_keys_are_named(
    account: Account, command: Command, name: str
) -> None:
    put(account, "none/plate1/well_A01.tif")
    pattern, words = NOTHING[name]

    ended = refused(account, command, "makeJob", f"s3://{BUCKET}/{pattern}", "--to", "new.json")

    assert f"Nothing is found by s3://{BUCKET}/{pattern}. Nothing was changed:" in ended.err
    for word in words:
        assert word in ended.err
    assert not Path("new.json").exists()


WRONG = {
    "nothing": ([], "name a pattern of keys, --csv, --wells, or --rows and --columns"),
    "a file that exists": (["--wells", "96", "--to", "job.json"], "job.json exists; --overwrite replaces it"),
    "a folder": (["--wells", "96", "--to", "."], "is a folder; name a file"),
    "no folder": (["--wells", "96", "--to", "no/job.json"], "there is no folder no"),
    "no such bucket": (["s3://nobody-has-this/{Well}.tif"], "there is no such bucket"),
    "a bucket of others": (["s3://others-own/{Well}.tif"], "add it to MORE_SOURCE_BUCKETS in config.py"),
    "no bucket": (["s3:///{Well}.tif"], "it names no bucket"),
    "no name": (["plates/A01.tif"], "no name in braces"),
    "a name that the pattern lacks": (
        [f"s3://{BUCKET}/{{Well}}.tif", "--per", "Plate"], "--per Plate: the pattern has Well"
    ),
    "two readings": ([f"s3://{BUCKET}/two/{{A}}_{{B}}.tif"], "{A} is 'a' or 'a_b'"),
    "a well beyond the plate": (["--wells", "96", "--rows", "A-P"], "a plate of 96 wells ends with H12"),
    "rows alone": (["--rows", "A-P"], "--rows and --columns go together"),
    "backwards": (["--rows", "H-A", "--columns", "1"], "'H-A' goes backwards"),
    "no such folder": (["./nowhere/{Well}.tif"], "there is no such folder"),
    "no such CSV": (["--csv", "no.csv"], "no.csv cannot be used"),
    "inputs of a pattern": (["./a/{Well}.tif", "--inputs", "x"], "leave one of them out"),
    "outputs among the runs' state": (
        ["--wells", "96", "--output", "distributed-fiji/{Well}"], "is reserved for the runs' own files"
    ),
    "outputs without a value": (["--wells", "96", "--output", "out/{Plate}"], "is not in its metadata"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_makes_no_job_file_is_said_and_writes_none(
    account: Account, command: Command, tmp_path: Path, name: str
) -> None:
    arguments, words = WRONG[name]
    configure(tmp_path, MORE_SOURCE_BUCKETS=["nobody-has-this"])
    put(account, "two/a_b_c.tif")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    to = [] if "--to" in arguments else ["--to", "new.json"]

    assert words in refused(account, command, "makeJob", *arguments, *to).err
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_existing_file_is_replaced_where_it_may_be(command: Command, tmp_path: Path) -> None:
    made = command("makeJob", "--wells", "384", "--plate", "P1", "--plate", "P2", "--overwrite")

    assert made.code == 0, made.said
    groups = job_file(tmp_path, "job.json")["groups"]
    assert len(groups) == 768
    assert groups[383:385] == [{"Plate": "P1", "Well": "P24"}, {"Plate": "P2", "Well": "A01"}]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "config.py",
        "fleet.json",
        "job.json",
        "script.ijm",
    ]


def test_a_plate_of_1536_wells_goes_on_after_z(account: Account, ready: Command, tmp_path: Path) -> None:
    made = ready(
        "makeJob", "--wells", "1536", "--rows", "Z-AF", "--columns", "47-48", "--inputs", "p/{Well}_*.tif",
        "--to", "new.json",
    )  # fmt: skip

    assert made.code == 0, made.said
    names = [group["Well"] for group in job_file(tmp_path)["groups"]]
    assert names == [
        f"{row}{column}" for row in ("Z", "AA", "AB", "AC", "AD", "AE", "AF") for column in (47, 48)
    ]
    put(account, *(f"p/{name}_1.tif" for name in names))
    assert ready("submitJob", "new.json", "--yes").out.startswith("14 jobs sent to ")


def test_a_local_folder_a_layout_and_the_size_of_the_plate_go_together(
    account: Account, ready: Command, tmp_path: Path
) -> None:
    folder = tmp_path / "screen" / "P1"
    folder.mkdir(parents=True)
    for well in wells("ABC", (1, 2)):
        (folder / f"{well}_s1.tif").touch()
        (folder / f"._{well}_s1.tif").touch()
    # As Excel writes it where numbers have a decimal comma.
    grid = "\ufeffCompound;1;2;3\r\nA;DMSO;äthanol;\r\nB;0,5 µM;x;y\r\n"
    (tmp_path / "grid.csv").write_text(grid, encoding="utf-8", newline="")
    (tmp_path / "long.csv").write_text(
        "Plate,Well,Dose\nP1,a1,5\nP1,A2,7\nP1,B1,7\nP1,B2,7\nP1,C1,7\nP1,C2,0.1\n"
    )

    made = ready(
        "makeJob", "./screen/{Plate}/{Well}_s{Site}.tif", "--layout", "grid.csv", "--layout", "long.csv",
        "--rows", "A-D", "--columns", "1,2", "--uploaded-to", "in", "--to", "new.json",
    )  # fmt: skip

    assert made.code == 0, made.said
    document = job_file(tmp_path)
    assert document["inputs"] == ["in/{Plate}/{Well}_s*.tif"]
    assert document["groups"][1] == {"Plate": "P1", "Well": "A02", "Compound": "äthanol", "Dose": "7"}
    assert document["groups"][5] == {"Plate": "P1", "Well": "C02", "Dose": "0.1"}
    assert f"`aws s3 cp --recursive screen s3://{BUCKET}/in/` uploads them" in made.err
    assert "6 keys in no job" in made.err
    assert "grid.csv says nothing of C01, C02" in made.err
    assert "no job for what grid.csv names: B03" in made.err
    assert "2 wells without images: P1 D01, P1 D02" in made.err
    put(account, *(f"in/P1/{well}_s1.tif" for well in wells("ABC", (1, 2))))
    assert ready("submitJob", "new.json", "--yes").out.startswith("6 jobs sent to ")


def test_a_csv_makes_a_job_of_each_row_or_joins_those_of_a_pattern(
    account: Account, ready: Command, tmp_path: Path
) -> None:
    put(account, "csv/A01.tif", "csv/A02.tif")
    (tmp_path / "rows.csv").write_bytes("\ufeffWell;Cell line\nA1;HeLa\nA2;007\n".encode())

    alone = ready("makeJob", "--csv", "rows.csv", "--inputs", "csv/{Well}.tif", "--to", "new.json")

    assert alone.code == 0, alone.said
    assert job_file(tmp_path)["groups"] == [
        {"Well": "A1", "Cell_line": "HeLa"},
        {"Well": "A2", "Cell_line": "007"},
    ]
    assert "the column 'Cell line' is called Cell_line" in alone.err
    joined = ready("makeJob", f"s3://{BUCKET}/csv/{{Well}}.tif", "--csv", "rows.csv", "--to", "joined.json")
    assert joined.code == 0, joined.said
    assert job_file(tmp_path, "joined.json")["groups"][1] == {"Well": "A02", "Cell_line": "007"}
    assert ready("submitJob", "joined.json", "--yes").code == 0


def test_without_settings_a_job_file_can_be_made_and_no_key_of_source_bucket_is_guessed(
    account: Account, command: Command, tmp_path: Path
) -> None:
    put(account, "free/A01.tif")
    configure(tmp_path, AWS_BUCKET="your-bucket-name")

    assert command("makeJob", f"s3://{BUCKET}/free/{{Well}}.tif", "--to", "new.json").code == 0
    assert "AWS_BUCKET" in refused(account, command, "makeJob", "free/{Well}.tif", "--to", "b.json").err
