"""Job files: the original's format and ours, every problem found before the first message goes."""

from __future__ import annotations

import json
import random
import tracemalloc
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from distributed_fiji.aws.queues import batches, mark_bytes
from distributed_fiji.commands.submit import submission_id
from distributed_fiji.errors import InvalidInput
from distributed_fiji.jobs import MARK_BYTES, parse_job_file, read_job_file
from distributed_fiji.jsonfiles import LARGE, has_key
from distributed_fiji.sharedlocations import Locations, find_shared
from worker.contract.jobs import MAX_MESSAGE_BYTES, Job, decode_message, encode_message

CHECKOUT = Path(__file__).parents[2]

#: As the original's example: comments, strings, a path under the mounted bucket.
ORIGINAL = {
    "_comment1": "Path of the output_file_location is relative to the root of your S3 bucket",
    "output_file_location": "projects/output/",
    "shared_metadata": {"input_file_location": "/home/ubuntu/bucket/projects/input", "rows": "2"},
    "_comment3": "The following groups are tasks",
    "groups": [{"Well": "A1", "Plate": "Plate_1"}, {"Well": "A2", "Plate": "Plate_1"}],
}


def a_job_file(**parts: Any) -> dict[str, Any]:
    return {"output_file_location": "out", "shared_metadata": {}, "groups": [{"Well": "A1"}], **parts}


def problems(document: object) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        parse_job_file(document, "job.json")
    assert caught.value.exit_code == 2
    return caught.value.problems


def test_a_job_file_of_the_original_gives_its_messages() -> None:
    jobs = list(parse_job_file(ORIGINAL, "job.json"))

    first = json.loads(encode_message(jobs[0]))
    assert first["Metadata"] == {"Well": "A1", "Plate": "Plate_1"}
    assert first["output_file_location"] == "projects/output/"
    assert first["shared_metadata"] == ORIGINAL["shared_metadata"]
    assert len({job.job_id for job in jobs}) == 2


@pytest.mark.parametrize("name", ["files/exampleJob.json", "files/demo/job.json"])
def test_the_job_files_that_come_with_the_project_are_valid(name: str) -> None:
    jobs = read_job_file(CHECKOUT / name)

    assert jobs.job_ids
    assert not jobs.duplicates
    assert not jobs.warnings


def test_braces_in_location_and_inputs_are_filled_with_each_groups_metadata() -> None:
    document = a_job_file(
        output_file_location="out/{Plate}/{Well}",
        inputs=["in/{Plate}/{Well}_*.tif"],
        shared_metadata={"Plate": 7},
        groups=[{"Well": "A1"}, {"Well": "A2", "Plate": 8}],
    )

    first, second = parse_job_file(document, "job.json")

    assert (first.output_file_location, first.inputs) == ("out/7/A1", ("in/7/A1_*.tif",))
    assert (second.output_file_location, second.inputs) == ("out/8/A2", ("in/8/A2_*.tif",))


def test_values_of_every_kind_keep_their_type_on_the_way() -> None:
    group = {
        "text": 'a "b", \n ü 🔬',
        "whole": 7,
        "real": 7.5,
        "yes": True,
        "date": "2024-01-02",
        "padded": "007",
    }

    (job,) = parse_job_file(a_job_file(groups=[group]), "job.json")

    assert decode_message(encode_message(job)).metadata == group


def test_a_group_that_stands_twice_is_one_job_and_is_named() -> None:
    file = parse_job_file(a_job_file(groups=[{"a": 1}, {"b": 1}, {"a": 1}]), "job.json")

    assert file.duplicates == ((1, 3),)
    assert [job.metadata for job in file] == [{"a": 1}, {"b": 1}]


def test_every_problem_of_a_file_is_named_at_once() -> None:
    found = "\n".join(
        problems(
            {
                "output_file_location": "s3://bucket/out",
                "shared_metadata": {"two words": 1},
                "inputs": ["in/{Plat}/*.tif", "../x"],
                "groups": [{"Well": None}, {"Well": {}}, "A3"],
            }
        )
    )

    for words in ("leave out s3://", "'two words'", "groups[1].Well", "groups[2].Well", "groups[3]", "'..'"):
        assert words in found


def test_a_name_in_braces_that_no_metadata_has_is_named_with_its_group() -> None:
    (line,) = problems(a_job_file(output_file_location="{Wel}"))

    assert line.startswith("groups[1]: {Wel}")


def test_thousands_of_wrong_groups_give_a_short_list() -> None:
    found = problems(a_job_file(groups=[{"Well": None}] * 5000))

    assert len(found) == 21
    assert found[-1] == "and 4980 more like this"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1, 2]", "must be a JSON object"),
        ("{", "not JSON"),
        ('{"output_file_location": "o", "groups": []}', "groups is empty"),
        ('{"output_file_location": "o", "groups": [{"W": 1, "W": 2}]}', "'W' appears twice"),
        ('{"groups": [{"W": 1}]}', "output_file_location is missing"),
        ('{"output_file_location": "o", "groups": [{"W": "' + "x" * 1_100_000 + '"}]}', "the limit is"),
    ],
)
def test_a_file_that_is_no_job_file_says_why(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "job.json").write_text(text)

    with pytest.raises(InvalidInput, match=words):
        read_job_file(tmp_path / "job.json")


def test_the_largest_message_that_is_accepted_fits_into_sqs_with_its_submissions_name() -> None:
    least = len(encode_message(Job({"W": ""}, "o")))

    def document(size: int) -> dict[str, Any]:
        return {"output_file_location": "o", "groups": [{"W": "x" * (size - least)}]}

    mark = mark_bytes(submission_id("jobs.json", (), 1e9))

    assert len(parse_job_file(document(MAX_MESSAGE_BYTES - MARK_BYTES), "jobs.json").job_ids) == 1
    assert "the limit is" in problems(document(MAX_MESSAGE_BYTES - mark + 1))[0]
    assert mark <= MARK_BYTES


@pytest.mark.parametrize("text", ["\x01" * 175_000, '"' * 525_000, "ä" * 525_000, "😀" * 263_000])
@pytest.mark.parametrize("where", ["metadata", "own answers", "shared", "answers", "inputs"])
def test_a_message_that_is_long_only_when_encoded_is_refused(text: str, where: str) -> None:
    group: dict[str, Any] = {"W": text if where == "metadata" else "1"}
    group |= {"answers": {"Name": text}} if where == "own answers" else {}
    parts = {"shared": {"shared_metadata": {"a": text}}, "answers": {"answers": {"Name": text}},
             "inputs": {"inputs": [text]}}  # fmt: skip

    found = problems({"output_file_location": "o", "groups": [group], **parts.get(where, {})})

    assert "the limit is" in found[0]


def test_batches_keep_within_ten_messages_and_what_sqs_takes_at_once() -> None:
    small = [Job({"n": number}, "o") for number in range(25)]
    large = [Job({"n": number, "text": "x" * 400_000}, "o") for number in range(5)]

    assert [len(batch) for batch in batches(small)] == [10, 10, 5]
    assert [len(batch) for batch in batches(large)] == [2, 2, 1]


@pytest.mark.parametrize(
    ("location", "groups", "told"),
    [
        ("out", [{"W": "A1"}, {"W": "A2"}], "groups[1] (W=A1) and groups[2] (W=A2) have the same"),
        ("out/{W}", [{"W": "0"}, {"W": 1}, {"W": 0}], "groups[1] (W=0) and groups[3] (W=0) have the same"),
        (
            "{W}/",
            [{"W": "out/a"}, {"W": "b"}, {"W": "out"}],
            "groups[1] (W=out/a), 'out/a/', is inside that of",
        ),
        ("out/{W}", [{"W": "a1"}, {"W": "A1"}], "only in case or accents"),
        ("out/{W}", [{"W": "\u00e4"}, {"W": "a\u0308"}], "only in case or accents"),
    ],
)
def test_jobs_whose_outputs_can_meet_are_named_in_one_line(
    location: str, groups: list[dict[str, Any]], told: str
) -> None:
    (line,) = parse_job_file(a_job_file(output_file_location=location, groups=groups), "job.json").warnings

    assert told in line
    assert "{Well}" in line


def test_hashes_of_locations_hide_no_two_jobs_that_can_collide() -> None:
    parts = ["a", "A", "b", "\u00e4", "a\u0308", ""]
    for seed in range(300):
        chance = random.Random(seed)
        texts = (
            "/".join(chance.choices(parts, k=chance.randrange(1, 4))) for _ in range(chance.randrange(9))
        )
        located = list(enumerate(texts, 1))
        locations = Locations()
        for _, location in located:
            locations.add(location)

        assert locations.find_shared(partial(list, located)) == find_shared(located), located


def test_jobs_with_folders_of_their_own_are_not_warned_of() -> None:
    groups = [{"W": "A1"}, {"W": "A10"}, {"W": "A1"}, {"W": "A1_b"}]

    jobs = parse_job_file(a_job_file(output_file_location="out/{W}/x", groups=groups), "job.json")

    assert not jobs.warnings
    assert len(jobs.duplicates) == 1


def test_answers_of_a_group_go_before_those_of_all_and_make_another_job() -> None:
    document = a_job_file(
        answers={"_comment": "for all", "Sigma (pixels)": 2, "Method": "Otsu"},
        groups=[{"Well": "A1"}, {"Well": "A2", "answers": {"_comment": "not here", "Method": "Li"}}],
    )

    file = parse_job_file(document, "job.json")
    first, second = file

    assert first.answers == {"Sigma (pixels)": 2, "Method": "Otsu"}
    assert second.answers == {"Sigma (pixels)": 2, "Method": "Li"}
    assert second.metadata == {"Well": "A2"}
    assert [name for _, name in file.names()] == ["Well=A1", "Well=A2"]
    assert decode_message(encode_message(second)) == second
    same_but_other = parse_job_file(a_job_file(answers={"Method": "Li"}), "job.json")
    plain = parse_job_file(a_job_file(), "job.json")
    assert same_but_other.job_ids != plain.job_ids


@pytest.mark.parametrize("name", ["wells.jsonl", "wells.csv"])
def test_groups_of_a_file_are_those_that_were_checked_and_are_not_kept_apart_from_it(
    tmp_path: Path, name: str
) -> None:
    wells = [f"P{number // 384}-W{number % 384}" for number in range(20_000)]
    line = '{"Well": "%s"}\n' if name.endswith("l") else "%s\n"
    (tmp_path / name).write_text(
        ("" if name.endswith("l") else "Well\n") + "".join(line % one for one in wells)
    )
    (tmp_path / "job.json").write_text(json.dumps({"output_file_location": "{Well}", "groups": name}))

    tracemalloc.start()
    file = read_job_file(tmp_path / "job.json")
    (tmp_path / name).write_text("changed")
    parts = [job.metadata["Well"] for job in file.part([7, 19_999])]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    # A list of as many groups takes 10 MB.
    assert peak < 4_000_000
    assert [job.metadata["Well"] for job in file] == wells
    assert parts == [wells[7], wells[-1]]
    assert len(file.job_ids) == len(wells)


def test_a_job_without_answers_is_sent_as_before_there_were_any() -> None:
    (job,) = parse_job_file(a_job_file(), "job.json")

    assert "answers" not in json.loads(encode_message(job))
    assert job.job_id == Job({"Well": "A1"}, "out").job_id == "ba1756ca19d961d5"


def test_wrong_answers_are_all_named() -> None:
    document = a_job_file(
        answers={" ": 1, "Sigma": {"px": 1}, "Method": []},
        groups=[{"Well": "A1", "answers": {"Level": None}}],
    )

    assert problems(document) == [
        "answers: ' ' is not a valid question label",
        "answers['Sigma'] must be a string, a number, a boolean or a list of these, not {'px': 1}",
        "answers['Method'] is an empty list",
        "groups[1].answers['Level'] must be a string, a number, a boolean or a list of these, not None",
    ]
    assert problems(a_job_file(answers=["Sigma"])) == [
        "answers must be an object of questions and answers, not list"
    ]


def test_of_a_large_json_file_only_the_beginning_is_read_to_see_what_it_is(tmp_path: Path) -> None:
    path, filler = tmp_path / "large.json", '", "a": "' + "x" * LARGE
    path.write_text(f'{{"groups": "{filler}')  # not JSON, which only a whole reading would see

    assert has_key(path, "groups")
    assert not has_key(path, "LaunchSpecifications")
    assert not has_key(tmp_path / "missing.json", "groups")
