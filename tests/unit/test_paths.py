"""Folders of another machine in a script: found in its text, checked in a job file, part of a job."""

from __future__ import annotations

from pathlib import Path

import pytest

from distributed_fiji.commands.jobfindings import path_doubts
from distributed_fiji.errors import InvalidInput
from distributed_fiji.jobs import parse_job_file
from worker.contract.jobs import Job, decode_message, encode_message
from worker.contract.paths import (
    find_fixed_paths,
    led,
    path_problems,
    suggested_paths,
    warnings_of_paths,
)

MACRO = r"""// C:/in/a/comment/
dir = "C:\\Users\\x\\in\\"; /* and "D:/here" */
saveAs("Results", "/Users/me/out/rows.csv");
nas = "\\\\nas\\plates\\p1"; web = "https://server/D:/x"; bucket = "/home/ubuntu/bucket/x/";
own = "input/a.tif"; sentence = "Path: C:/x"; cloud = "/home/ubuntu/images/"; whole = "/home/ubuntu/bucket";
"""
PYTHON = """# C:/in/a/comment
#@ String (value="C:/default") folder
raw = r'D:\\a\\b'  # 'E:/no'
'''
C:/in/a/docstring
'''
lab = u"/Volumes/lab/x"
"""


def test_a_mac_folder_with_a_slash_too_many_is_one_of_a_mac() -> None:
    found = find_fixed_paths('a = "//Users/me/in/"; b = "//nas/Users/in/";', ".ijm")
    assert suggested_paths(found) == {"/Users/me/in": "input"}


def test_whole_paths_are_found_in_texts_and_not_in_comments() -> None:
    found = [(one.line, one.path) for one in find_fixed_paths(MACRO, ".ijm")]
    assert found == [
        (2, r"C:\Users\x\in" + "\\"),
        (3, "/Users/me/out/rows.csv"),
        (4, r"\\nas\plates\p1"),
        (5, "/home/ubuntu/images/"),
    ]
    found = [(one.line, one.path) for one in find_fixed_paths(PYTHON, ".py")]
    assert found == [(2, "C:/default"), (3, r"D:\a\b"), (7, "/Volumes/lab/x")]


def test_a_warning_says_what_to_write() -> None:
    lines = warnings_of_paths(find_fixed_paths(MACRO, ".ijm"))
    assert lines[0].startswith("line 2: 'C:\\Users\\x\\in\\' is on another machine.")
    assert '"paths": {"C:/Users/x/in": "input"}' in lines[0]
    assert '"paths": {"/Users/me/out": "output"}' in lines[1], "what is saved goes to output/"
    told = [
        line.partition(":")[0] for line in warnings_of_paths(find_fixed_paths(MACRO, ".ijm"), ["c:/users"])
    ]
    assert told == ["line 3", "line 4", "line 5"], "Windows' names have no case"


@pytest.mark.parametrize(
    ("paths", "says"),
    [
        ([], "must be an object"),
        ({"data/plate1": "input"}, "not a full path"),
        ({"/": "input"}, "FIJI itself needs"),
        ({"/home/ubuntu/bucket/": "input"}, "FIJI itself needs"),
        ({"C:/a/../b": "input"}, "'..'"),
        ({"C:/a": "results"}, "must be 'input' or 'output'"),
        ({"C:/a": "input/../../x"}, "must be 'input' or 'output'"),
        ({"C:/a": 3}, "must be 'input' or 'output'"),
        ({"C:/a": "input", "c:\\A\\": "output"}, "are the same folder"),
    ],
)
def test_paths_that_lead_nowhere_are_named(paths: object, says: str) -> None:
    problems = path_problems("paths", paths)
    assert len(problems) == 1 and says in problems[0], problems


def test_folders_are_compared_by_slashes_alone() -> None:
    paths = {
        "C:\\data\\\\plate1\\": "input",
        "\\\\nas\\lab": "output/x",
        "/Users/me/": "input/sub",
        "D:\\": "input",
    }
    assert not path_problems("paths", paths)
    assert led(paths, Path("/w")) == {
        "C:/data/plate1": "/w/input",
        "//nas/lab": "/w/output/x",
        "/Users/me": "/w/input/sub",
        "D:": "/w/input",
    }


def job_file(**parts: object) -> dict[str, object]:
    return {"output_file_location": "out/{Well}", "groups": [{"Well": "A01"}, {"Well": "A02"}], **parts}


def test_paths_of_a_group_go_before_the_shared_ones_and_make_another_job() -> None:
    groups = [{"Well": "A01"}, {"Well": "A02", "paths": {"C:/p": "input/2", "_comment": "x"}}]
    plain = list(parse_job_file(job_file(), "f"))
    jobs = list(parse_job_file(job_file(groups=groups, paths={"C:/p": "input", "D:/o": "output"}), "f"))
    assert [job.paths for job in jobs] == [
        {"C:/p": "input", "D:/o": "output"},
        {"C:/p": "input/2", "D:/o": "output"},
    ]
    assert [job.metadata for job in jobs] == [{"Well": "A01"}, {"Well": "A02"}]
    assert len({job.job_id for job in (*plain, *jobs)}) == 4
    assert [decode_message(encode_message(job)) for job in jobs] == jobs
    assert plain[0].job_id == Job({"Well": "A01"}, "out/A01").job_id
    assert "paths" not in encode_message(plain[0]), "messages without paths stay as they were"


def test_a_parameter_may_be_called_paths() -> None:
    groups = [{"Well": "A01", "paths": "a;b"}]
    (job,) = parse_job_file(job_file(groups=groups), "f")
    assert (job.metadata, job.paths) == ({"Well": "A01", "paths": "a;b"}, {})


def test_wrong_paths_are_refused_all_at_once() -> None:
    groups = [{"Well": "A01", "paths": {"x": "input"}}, {"Well": "A02"}]
    with pytest.raises(InvalidInput) as refused:
        parse_job_file(job_file(groups=groups, paths={"/tmp": "input"}), "f")
    text = str(refused.value)
    assert "groups[1].paths: 'x' is not a full path" in text
    assert "paths: '/tmp' is a folder that FIJI itself needs" in text


def test_a_path_that_some_job_leads_nowhere_is_told() -> None:
    fixed = find_fixed_paths(MACRO, ".ijm")[:1]
    groups = [{"Well": "A01", "paths": {"C:/Users": "input"}}, {"Well": "A02"}]
    assert len(path_doubts(fixed, parse_job_file(job_file(groups=groups), "f"))) == 1
    assert not path_doubts(fixed, parse_job_file(job_file(groups=groups, paths={"C:/": "input"}), "f"))
