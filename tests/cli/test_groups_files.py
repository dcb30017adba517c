"""Groups in a JSONL or CSV file beside the job file: every command takes them, and wrong lines are named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from distributed_fiji.jobs import parse_job_file
from tests.cli.conftest import Account, Command
from tests.cli.test_bad_input import refused

WELLS = [{"Plate": "P1", "Well": "A01"}, {"Plate": "P1", "Well": "A02"}, {"Plate": "P 2", "Well": "007"}]
LOCATION = "res/{Plate}/{Well}"
#: The same three groups, as people and programs write them.
FILES = {
    "groups.jsonl": "".join(json.dumps(group) + "\n" for group in WELLS),
    "windows.jsonl": "\ufeff" + "\r\n\r\n".join(json.dumps(group) for group in WELLS),
    "groups.csv": "Plate,Well\nP1,A01\nP1,A02\nP 2,007\n",
    "Excel.CSV": '\ufeffsep=;\r\n"Plate";Well;Note\r\nP1;A01;\r\n;;\r\n\r\nP1; A02 ;\r\n"P 2";007;\r\n',
}


def write(folder: Path, groups: str, content: str | bytes) -> None:
    (folder / groups).write_bytes(content.encode() if isinstance(content, str) else content)
    (folder / "job.json").write_text(json.dumps({"output_file_location": LOCATION, "groups": groups}))


@pytest.mark.parametrize("name", FILES)
def test_a_file_with_groups_gives_the_same_jobs_as_a_list(
    account: Account, ready: Command, tmp_path: Path, name: str
) -> None:
    write(tmp_path, name, FILES[name])

    ended = ready("submitJob", "job.json", "--yes")

    assert ended.code == 0, ended.said
    sqs, url = account.client("sqs"), ended.out.split()[-1]
    found = [
        json.loads(message["Body"])
        for _ in WELLS
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    ]
    listed = parse_job_file({"output_file_location": LOCATION, "groups": WELLS}, "job.json")
    assert sorted(body["job_id"] for body in found) == sorted(listed.job_ids)
    assert sorted(body["Metadata"]["Well"] for body in found) == ["007", "A01", "A02"]


WRONG: dict[str, tuple[str, str | bytes, list[str]]] = {
    "lines of JSON": (
        "g.jsonl",
        '{"Plate": "P", "Well": "A"}\n\n{"Plate": "P"}\n[1]\n{"Well"\n{"Plate": 1, "Plate": 2}\n'
        '{"Plate": {}, "Well": "B"}\n' + "[" * 100_000,
        [
            "g.jsonl[line 3]: {Well} in output_file_location or inputs is not in its metadata",
            "g.jsonl[line 4] must be an object of names and values, not list",
            "g.jsonl[line 5]: it is not JSON",
            "g.jsonl[line 6]: it is not JSON: the key 'Plate' appears twice in one object",
            "g.jsonl[line 7].Plate must be a string, a number, a boolean or a list of these",
            "g.jsonl[line 8]: it is nested too deeply",
        ],
    ),
    "rows of CSV": (
        "g.csv",
        'Plate,Well,1st\nP,"A\n1",\nP,,\nP,B,1,more\n',
        [
            "g.csv[line 1]: column 3 is called '1st': a name has letters, digits and _, no digit first",
            "g.csv[line 4]: {Well} in output_file_location or inputs is not in its metadata",
            "g.csv[line 5]: 'more' stands in no column",
        ],
    ),
    "a quotation mark that stays open": ("g.csv", 'Plate,Well\nP,A\nP,"B\n', ["g.csv[line 2], or what"]),
    "another case": ("g.csv", "plate,well\nP,A\n", ["g.csv[line 2]: {Well}", "did you mean {well}?"]),
    "names alone": ("g.csv", "Plate,Well\n", ["there is no group in this file"]),
    "nothing": ("g.jsonl", "", ["there is no group in this file"]),
    "UTF-16": ("g.csv", FILES["groups.csv"].encode("utf-16"), ["g.csv: it is saved as UTF-16; save it as"]),
    "Latin-1": ("g.csv", "Plate,Well\nP,µ\n".encode("latin-1"), ["g.csv: it is not UTF-8 (line 2)"]),
    "half a character": ("g.jsonl", b'{"Well": "' + b"\xc2", ["g.jsonl: it is not UTF-8 (line 1)"]),
    "no such kind": (
        "g.txt",
        "",
        ["groups: 'g.txt' is not the name of a file that ends with .jsonl or .csv"],
    ),
    "thousands": ("g.csv", "Plate\n" + "P\n" * 5000, ["g.csv[line 21]: {Well}", "and 4980 more like this"]),
}


@pytest.mark.parametrize("what", WRONG)
def test_all_wrong_lines_are_named_and_nothing_is_sent(
    account: Account, ready: Command, tmp_path: Path, what: str
) -> None:
    name, content, words = WRONG[what]
    write(tmp_path, name, content)

    said = " ".join(refused(account, ready, "submitJob", "job.json").err.split())

    assert [one for one in words if one not in said] == [], said


def test_a_file_that_is_missing_or_a_folder_is_named(
    account: Account, ready: Command, tmp_path: Path
) -> None:
    write(tmp_path, "g.csv", "")
    (tmp_path / "g.csv").unlink()
    assert "groups: g.csv: this file does not exist" in refused(account, ready, "submitJob", "job.json").err

    (tmp_path / "g.csv").mkdir()
    assert "groups: g.csv: it is a folder" in refused(account, ready, "submitJob", "job.json").err


def test_a_group_that_stands_twice_is_named_by_its_lines_and_sent_once(
    ready: Command, tmp_path: Path
) -> None:
    write(tmp_path, "g.csv", "Plate;Cell line;Well\nP1;HeLa;A01\n\nP1;U2OS;A01\nP1;HeLa;A01\n")

    ended = ready("submitJob", "job.json", "--yes")

    said = " ".join(ended.err.split())
    assert ended.out.startswith("2 jobs sent to ")
    assert "g.csv[line 2] and g.csv[line 5] are the same job, which is sent once" in said
    assert "g.csv[line 2] (Plate=P1 Cell_line=HeLa Well=A01) and g.csv[line 4]" in said
    assert "g.csv: the column 'Cell line' is called Cell_line" in said


@pytest.mark.parametrize("name", ["groups.jsonl", "groups.csv"])
def test_every_command_that_reads_a_job_file_takes_groups_from_a_file(
    ready: Command, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "beside"
    folder.mkdir()
    write(folder, name, FILES[name])
    job = str(folder / "job.json")

    assert ready("check", job).code == 0
    assert "3 jobs on " in ready("estimate", job, "--minutes-per-job", "5").out
    planned = ready("submitJob", job, "--dry-run", "--why", "007").out
    assert "3 jobs: 0 done already, 3 to run: 3 new" in planned
    assert "Well=007" in planned
    assert ready("submitJob", job, "--yes").code == 0
    assert "Took back 3 jobs" in ready("submitJob", job, "--undo").out
    assert ready("resubmit", job, "--yes").out.startswith("3 jobs sent, ")


def test_make_job_writes_groups_into_a_file_that_submit_job_takes(
    account: Account, ready: Command, tmp_path: Path
) -> None:
    (tmp_path / "jobs").mkdir()

    made = ready(
        "makeJob", "--plate", "Pµ", "--wells", "96", "--to", "jobs/new.json", "--groups-to", "all.jsonl"
    )

    assert made.code == 0, made.said
    assert json.loads((tmp_path / "jobs" / "new.json").read_text())["groups"] == "../all.jsonl"
    lines = (tmp_path / "all.jsonl").read_text(encoding="utf-8").splitlines()
    assert (len(lines), json.loads(lines[95])) == (96, {"Plate": "Pµ", "Well": "H12"})
    again = ["makeJob", "--wells", "96", "--to", "jobs/again.json", "--groups-to"]
    assert "all.jsonl exists; --overwrite" in refused(account, ready, *again, "all.jsonl").err
    assert "the name must end with .jsonl" in refused(account, ready, *again, "all.csv").err
    assert not (tmp_path / "jobs" / "again.json").exists()
    assert ready("submitJob", "jobs/new.json", "--yes").out.startswith("96 jobs sent to ")
