"""Numbers that add up to what was submitted, and maps of plates that fit into a terminal."""

from __future__ import annotations

import random

import pytest

from distributed_fiji.aws.queues import Counts
from distributed_fiji.aws.tasks import Task
from distributed_fiji.monitor.lastwords import interrupted_submissions
from distributed_fiji.monitor.snapshot import Jobs, Machine, Snapshot, Unfinished
from distributed_fiji.plates import SIZES, row_letters, well_name
from distributed_fiji.review.platemap import Mark, PlateMap
from distributed_fiji.review.standing import lines_of, map_of, marks_of, standing_of

NOW = 10_000.0


def ids(start: int, count: int) -> frozenset[str]:
    return frozenset(f"{number:016x}" for number in range(start, start + count))


def seen(
    jobs: Jobs, queue: tuple[int, int, int], machines: tuple[Machine, ...] = (), work: int = 0
) -> Snapshot:
    tasks = tuple(Task(f"arn{number}", "place", "RUNNING", at_work=True) for number in range(work))
    return Snapshot(NOW, jobs, Counts(*queue), "active", 2, machines, tasks, spent=1.0)


@pytest.mark.parametrize("seed", range(50))
def test_the_numbers_always_add_up_to_what_was_submitted(seed: int) -> None:
    chance = random.Random(seed)
    done, dead, failing, other = (chance.randrange(40) for _ in range(4))
    first = (ids(0, done), ids(done, dead), ids(done + dead, failing), ids(done + dead + failing, other))
    submitted = frozenset[str]().union(*first)
    queue = (chance.randrange(60), chance.randrange(9), chance.randrange(3))
    unfinished = (Unfinished("job.json", len(submitted), 0.0),) if chance.random() < 0.5 else ()
    jobs = Jobs(submitted, first[0], first[1], failing=first[2] | first[1], unfinished=unfinished)

    found = standing_of("App", seen(jobs, queue, work=chance.randrange(9)), 0.0)

    parts = (found.running, found.waiting, found.to_be_tried, found.given_up, found.not_submitted)
    assert found.done + sum(parts) == found.total == len(submitted)
    assert min(parts) >= 0


def test_a_run_is_told_with_its_machines_losses_pace_and_cost() -> None:
    jobs = Jobs(
        ids(0, 200),
        ids(0, 100),
        ids(100, 2),
        failing=ids(102, 3),
        warned=4,
        without_outputs=1,
        written=[NOW - 600 + 6 * number for number in range(100)],
    )
    machines = (
        Machine("i-1", "running", 0, "place", 1, "m5.large", "us-east-1a"),
        Machine("i-2", "running", 0, "", 0, "m5.large", "us-east-1a"),
        Machine("i-3", "terminated", 0, why_ended="Server.SpotInstanceTermination: taken"),
        Machine("i-4", "terminated", 0, why_ended="Client.UserInitiatedShutdown: ended"),
    )

    found = standing_of("App", seen(jobs, (90, 5, 0), machines, work=5), NOW - 3600)
    text = "\n".join(lines_of(found))

    assert "App: 100 of 200 jobs done (4 with warnings, 1 without outputs)" in text
    assert "5 running, 90 waiting, 3 failed and to be tried again, 2 given up, 0 not submitted" in text
    assert "1 m5.large in us-east-1a, at work; 1 m5.large in us-east-1a, starting" in text
    assert "Spot losses: 1 machine taken away" in text
    assert "Pace: about 600 jobs/h, 0:08:10 to 0:12:15 left" in text
    assert "Cost: about $1.00 so far, $1.14 to $1.20 in all at this pace" in text
    assert found.seconds_left is not None and found.seconds_left[0] < 98 * 6 < found.seconds_left[1]


def test_an_interrupted_retry_is_not_called_a_submission() -> None:
    jobs = Jobs(ids(0, 3), unfinished=(Unfinished("redrive", 3, 0.0), Unfinished("job.json", 9, 0.0)))

    first, second = interrupted_submissions(seen(jobs, (0, 0, 0)))

    assert first.startswith("redrive or retry was interrupted before all of its 3 jobs")
    assert second.endswith("run `python run.py submitJob job.json --replace` again to send the rest")


def test_without_enough_jobs_nothing_is_said_of_pace_and_time() -> None:
    found = standing_of("App", seen(Jobs(ids(0, 9), ids(0, 4), written=[NOW - 1] * 4), (5, 0, 0)), NOW - 60)

    assert (found.pace, found.seconds_left, found.expected) == (None, None, None)
    assert "Pace" not in "\n".join(lines_of(found))


def a_map(
    plates: int, size: int, marks: dict[str, Mark], width: int = 80, *, ascii_only: bool = False
) -> list[str]:
    rows, columns = SIZES[size]
    wells = [
        (f"{plate}{row}-{column}", f"P{plate}", (row, column))
        for plate in range(1, plates + 1)
        for row in range(1, rows + 1)
        for column in range(1, columns + 1)
    ]
    found = PlateMap.of(wells)
    assert found is not None and found.size == size
    return ["".join(text for text, _ in line) for line in found.lines(marks, width, ascii_only=ascii_only)]


@pytest.mark.parametrize("size", [96, 384, 1536])
def test_a_plate_fits_into_80_columns_with_a_character_for_each_well(size: int) -> None:
    rows, columns = SIZES[size]
    lines = a_map(1, size, {"11-1": Mark.DONE, f"1{rows}-{columns}": Mark.GIVEN_UP})

    assert max(map(len, lines[:-1])) <= 80
    label = len(row_letters(rows)) + 1
    assert lines[2][label:] == "●" + "·" * (columns - 1)
    assert lines[rows + 1] == row_letters(rows).ljust(label) + "·" * (columns - 1) + "✖"
    assert lines[-1].startswith(f"● 1 done  · {size - 2} running or waiting  ✖ 1 given up")


def test_several_plates_stand_side_by_side_as_far_as_there_is_room() -> None:
    lines = a_map(5, 384, {})

    assert [line.split() for line in lines[:-1:18]] == [["P1", "P2"], ["P3", "P4"], ["P5"]]
    assert max(map(len, lines[:-1])) <= 80
    assert len(a_map(30, 96, {})) == len(a_map(24, 96, {})) + 1
    assert a_map(30, 96, {})[-2] == "and 6 more plates"


def test_shapes_tell_the_marks_apart_in_ascii_too() -> None:
    assert len({mark.sign(ascii_only=True) for mark in Mark}) == len(
        {mark.sign(ascii_only=False) for mark in Mark}
    )
    assert "".join(a_map(1, 96, {"11-1": Mark.FAILED}, ascii_only=True)).isascii()


def test_a_well_is_as_the_worst_of_its_jobs_and_wells_without_jobs_are_blank() -> None:
    names = {
        "a": "Plate=P1 Well=A01 Site=1",
        "b": "Plate=P1 Well=A1 Site=2",
        "c": "Plate=P1 Well=B12",
        "d": "x=1",
    }
    jobs = Jobs(
        frozenset(names), frozenset("ac"), frozenset(), failing=frozenset("b"), to_check=frozenset("c")
    )

    plates = map_of(names)

    assert plates is not None and plates.size == 96
    lines = ["".join(text for text, _ in line) for line in plates.lines(marks_of(jobs), 80)]
    assert lines[2:4] == ["A ▲" + " " * 11, "B " + " " * 11 + "◆"]
    assert lines[-1].startswith("◆ 1 done, worth checking  ▲ 1 failed")


def test_jobs_without_wells_or_with_wells_of_no_plate_have_no_map() -> None:
    assert map_of({"a": "image=x"}) is None
    assert map_of({"a": f"Well={well_name((40, 60))}"}) is None


def test_of_a_submission_in_bundles_that_was_interrupted_nobody_says_how_many_were_sent() -> None:
    """Ten messages may be a thousand jobs: what is not in the queue's count was sent all the same."""
    jobs = Jobs(ids(0, 100), unfinished=(Unfinished("job.json", 100, 0.0),), bundled=True)
    look = seen(jobs, (8, 2, 0), work=2)

    found = standing_of("App", look, 0.0)

    assert (found.running, found.waiting, found.not_submitted) == (2, 98, 0)
    assert "after some of the 100 jobs" in interrupted_submissions(look)[0]
