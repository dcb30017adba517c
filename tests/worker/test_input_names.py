"""Which values and patterns name inputs, and what a pattern matches: in no time, as a simple matcher says."""

from __future__ import annotations

import functools
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from worker.contract.inputs import (
    MOUNT,
    Address,
    InvalidAddress,
    address_problems,
    addresses_in,
    is_several,
    read_patterns,
)
from worker.contract.jobs import Value
from worker.contract.patterns import read_glob
from worker.errors import JobFailed
from worker.storage.addresses import names_below, refuse_collisions
from worker.storage.s3 import Object


@functools.cache
def fits(pattern: str, name: str) -> bool:
    """Match one name the simple way: try everything."""
    if not pattern:
        return not name
    if pattern[0] == "*":
        return fits(pattern[1:], name) or (name != "" and fits(pattern, name[1:]))
    return name != "" and pattern[0] in ("?", name[0]) and fits(pattern[1:], name[1:])


def matches(pattern: str, key: str) -> bool:
    """Match a key the simple way, by the words of the docs."""
    parts, names = pattern.split("/"), key.split("/")
    if pattern.endswith("/"):
        parts, names = parts[:-1], names[: len(parts) - 1] if len(names) >= len(parts) else []
    hidden = any(name[:1] == "." and part[:1] in ("*", "?") for part, name in zip(parts, names, strict=False))
    return len(parts) == len(names) and not hidden and all(map(fits, parts, names))


@given(st.text("ab.*?/", max_size=9), st.text("ab./", max_size=9))
@example("a/", "a/")
@example("**", "")
@example("*?*/", "ab/b/a")
@example("a*ab", "aab")
def test_a_pattern_matches_what_a_simple_matcher_says(pattern: str, key: str) -> None:
    assert read_glob(pattern).matches(key) == matches(pattern, key)


@pytest.mark.parametrize(
    ("pattern", "key"),
    [
        ("*a*a*a*a*a*a*a*ab", "a" * 250),
        ("*a" * 500 + "b", "a" * 1000),
        ("*?a?" * 250 + "b", "a" * 1000),
        ("*" * 1000 + "b", "a" * 1000),
        ("*/" * 500 + "b", "a/" * 500),
    ],
)
def test_no_pattern_takes_long(pattern: str, key: str) -> None:
    started_at = time.process_time()
    (read,) = read_patterns(pattern, "bucket")

    assert not read.glob.matches(key)
    assert time.process_time() - started_at < 0.5


@pytest.mark.parametrize(
    ("pattern", "key", "folder"),
    [
        ("in/P1/A01_*.tif", "in/P1/A01_s1.tif", "in/P1/"),
        ("in/*/A01.tif", "in/P1/A01.tif", "in/"),
        ("in/", "in/deep/.er.tif", "in/"),
        ("in/a?.tif", "in/a(.tif", "in/"),
        ("in/.*.tif", "in/._A01.tif", "in/"),
        ("dbl//*.tif", "dbl//A01.tif", "dbl//"),
        ("/home/ubuntu/bucket/in//*.tif", "in/A01.tif", "in/"),
        (" S3://bucket//lead/*.tif", "/lead/A01.tif", "/lead/"),
    ],
)
def test_a_pattern_matches_below_its_folder_without_wildcards(pattern: str, key: str, folder: str) -> None:
    first = read_patterns(pattern, "bucket")[0]

    assert first.glob.matches(key) and first.folder == folder and key.startswith(first.prefix)


@pytest.mark.parametrize("key", ["in/deep/er.tif", "in/._A01.tif", "in/.tif", "in/A01.TIF"])
def test_a_star_takes_no_folder_and_no_dot_at_the_beginning(key: str) -> None:
    assert not read_patterns("in/*.tif", "bucket")[0].glob.matches(key)


def test_keys_that_begin_with_a_slash_or_a_space_are_tried_last_and_first() -> None:
    assert [pattern.key for pattern in read_patterns("/lead/*", "b")] == ["lead/*", "/lead/*"]
    assert [pattern.key for pattern in read_patterns(" a/* ", "b")] == [" a/* ", "a/*"]
    assert [pattern.key for pattern in read_patterns("a//b/*", "b")] == ["a//b/*", "a/b/*"]
    assert [pattern.key for pattern in read_patterns("a//b/", "b")] == ["a//b/", "a/b/"]


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("s3://other/a/b.tif", Address("other", "a/b.tif")),
        (" S3://other/a/b.tif", Address("other", "a/b.tif")),
        ("s3://other//lead/x", Address("other", "/lead/x")),
        ("s3://b/A01=1,2@3$4.tif", Address("b", "A01=1,2@3$4.tif")),
        ("s3://b/backup/home/ubuntu/bucket/x", Address("b", "backup/home/ubuntu/bucket/x")),
        (f"{MOUNT}p/q/", Address("source", "p/q/")),
        (f"  {MOUNT}p/", Address("source", "p/")),
        (f"{MOUNT}a//b/./c.tif", Address("source", "a/b/c.tif", ("a//b/./c.tif",))),
        ("//home/ubuntu/bucket//lead/", Address("source", "lead/", ("/lead/",))),
    ],
)
def test_a_value_that_names_an_input_is_read(value: str, address: Address) -> None:
    assert addresses_in(value, "source") == [address] and not is_several(value)


@pytest.mark.parametrize(
    "value", ["A01", 7, True, "/home/ubuntu/x", "s3", "S3: third series", "plate/A01.tif", "a, b", [1, "x"]]
)
def test_other_values_are_no_inputs(value: Value) -> None:
    assert addresses_in(value, "source") is None


@pytest.mark.parametrize(
    "value",
    [
        "s3://bucket",
        "s3://bucket/",
        "s3://",
        "s3:///plate/A01.tif",
        MOUNT,
        MOUNT[:-1],
        "s3://b/../c",
        f"{MOUNT}../etc",
        f"input={MOUNT}plate/ sigma=2",
        f"results in {MOUNT}plate/",
        "[s3://b/x]",
        "s3://b/x;s3://b/y",
        f"s3://b/x {MOUNT}y",
        f"x,{MOUNT}y",
        f"file://{MOUNT}y",
        "s3:/b/x",
        "s3a://b/x",
        "arn:aws:s3:::b/x",
        '"s3://b/x',
        ["s3://b/x", f"a {MOUNT}y"],
    ],
)
def test_what_looks_like_an_input_and_is_none_is_refused_by_name(value: Value) -> None:
    (problem,) = address_problems({"image": value, "well": "A01"}, "source")

    assert problem.startswith("image: ")
    with pytest.raises(InvalidAddress):
        addresses_in(value, "source")


def test_several_inputs_are_read_as_scijava_reads_files() -> None:
    two = [Address("b", "1.tif"), Address("source", "2.tif")]
    for value in (
        f"s3://b/1.tif,{MOUNT}2.tif",
        f's3://b/1.tif, "{MOUNT}2.tif"',
        ["s3://b/1.tif", f"{MOUNT}2.tif"],
    ):
        assert addresses_in(value, "source") == two and is_several(value)
    assert addresses_in('"s3://b/a,b.tif","s3://b/c.tif"', "source") == [
        Address("b", "a,b.tif"),
        Address("b", "c.tif"),
    ]
    assert addresses_in(["s3://b/1.tif", 7], "source") == [Address("b", "1.tif"), 7]


@pytest.mark.parametrize("key", ["in/../../etc/passwd", "in/a/..", "in/a/.", f"in/{'x' * 300}", "in/a\0"])
def test_a_key_that_is_no_path_below_a_folder_is_refused(key: str) -> None:
    with pytest.raises(JobFailed, match="is not a valid file path"):
        names_below("in/", [Object(key, 1, '"e"')])


def test_a_key_is_read_as_a_path_unless_another_is_the_same_file() -> None:
    items = [Object(key, 1, '"e"') for key in ("in//a/./b", "in/c", "in/", "in/d/")]
    assert {name: item.key for name, item in names_below("in/", items).items()} == {
        "a/b": "in//a/./b",
        "c": "in/c",
    }
    with pytest.raises(JobFailed, match="same file"):
        names_below("in/", [*items, Object("in/a/b", 1, '"e"')])


def test_a_file_that_is_a_folder_too_is_refused() -> None:
    refuse_collisions(["a/b", "a/c"])
    with pytest.raises(JobFailed, match="'a' is both a file and a folder"):
        refuse_collisions(["a", "a/b", "c/d"])
