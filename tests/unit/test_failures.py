"""Failures of one cause are one group, whatever values their sentences have, and causes are never mixed."""

# ruff: noqa: E501
from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import pytest

from distributed_fiji.review.facts import FailedJob
from distributed_fiji.review.fingerprint import fingerprint, masked, own_values
from distributed_fiji.review.groups import CURES, find_group, grouped
from distributed_fiji.review.traits import known_of
from worker.contract.jobs import FailureClass

WORDS = ("nucleus", "Cell count", "DAPI-1", "mask of cells", "Résultats", "blobs")


class Values:
    """Values as they differ from job to job."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.plate = f"P{chance.randrange(1, 60):02}"
        self.well = f"{chance.choice('ABCDEFGHIJKLMNOP')}{chance.randrange(1, 25):02}"
        self.number = chance.randrange(1, 100_000)
        self.real = chance.choice([f"{chance.uniform(-9, 9):.3f}", f"{chance.random():.2e}", "0"])
        self.hex = f"{chance.randrange(16**16):016x}"
        self.word = chance.choice(WORDS)
        self.folder = f"s3://plates-{chance.randrange(9)}/{self.plate}/{self.well}"
        self.path = chance.choice(["/tmp/w/{}/input/", "C:\\Users\\me {}\\", "input/{}/"]).format(
            self.hex[:6]
        )
        self.file = (
            f"{self.path}{self.plate}_{self.well}_s{chance.randrange(1, 9)}.{chance.choice(['tif', 'czi'])}"
        )
        self.some = chance.randrange(1, 8)

    def files(self) -> str:
        names = [
            f"{self.well}_{number}.csv has {self.chance.randrange(99)} bytes" for number in range(self.some)
        ]
        more = f"; and {self.chance.randrange(2, 90)} more" if self.some > 5 else ""
        return "; ".join(names[:5]) + more

    def last(self) -> str:
        said = (f" The last line printed: 'read {self.word} of {self.well}, it's {self.number}'.", "")
        return self.chance.choice(said)


Cause = tuple[FailureClass, int | None, Callable[[Values], str]]

#: Twenty causes as workers and FIJI word them.
CAUSES: list[Cause] = [
    (FailureClass.MACRO_ERROR, 12, lambda v: f'The macro failed in line 12: Undefined variable "{v.word}" in line 12: <x{v.number}>.'),
    (FailureClass.MACRO_ERROR, 12, lambda v: f"The macro failed in line 12: Number expected in line 12: {v.real}."),
    (FailureClass.MACRO_ERROR, 31, lambda v: f'The macro failed in line 31: Undefined variable "{v.word}" in line 31.'),
    (FailureClass.SCRIPT_ERROR, 7, lambda v: f"The script failed in line 7: IndexError: index out of range: {v.number}."),
    (FailureClass.SCRIPT_ERROR, 7, lambda v: f"The script failed in line 7: IOError: (2, 'No such file or directory', '{v.file}')."),
    (FailureClass.SCRIPT_ERROR, None, lambda v: f"FIJI ended before the script did (exit code {v.some}), so its result is unknown. It printed '{v.word} {v.number}'."),
    (FailureClass.SCRIPT_ERROR, 44, lambda v: f"The script failed in line 44: java.lang.NullPointerException: '{v.word}' of {v.path}x.roi is null."),
    (FailureClass.SCRIPT_ERROR, 44, lambda v: f"The script failed in line 44: java.lang.IllegalArgumentException: '{v.word}' of {v.path}x.roi is null."),
    (FailureClass.OUT_OF_MEMORY, None, lambda v: f"FIJI ran out of memory (its heap was {v.number} MB). Use smaller images or fewer at once, raise MEMORY, or lower TASKS_PER_MACHINE."),
    (FailureClass.INPUT_MISSING, None, lambda v: f"{v.folder}_*.tif matches no object. The nearest is {v.folder.lower()}_s1.tif."),
    (FailureClass.INPUT_MISSING, None, lambda v: f"{v.folder}_s1.tif is in Glacier: restore it first, in {v.some} hours."),
    (FailureClass.OUTPUTS_MISSING, None, lambda v: f"The script ended, but left 0; 2 files expected in output/.{v.last()}"),
    (FailureClass.OUTPUTS_MISSING, None, lambda v: f"The script ended, but left {v.some} in output/, of which 0 count; 2 files of 100 bytes or more expected in output/ ({v.files()}).{v.last()}"),
    (FailureClass.TIMED_OUT, None, lambda v: f"The script still ran after {v.some} minutes (JOB_TIMEOUT_MINUTES) and was ended. It had used {v.number} s of processor."),
    (FailureClass.STALLED, None, lambda v: f"FIJI printed nothing for longer than STALL_TIMEOUT_MINUTES and was ended; it may wait for a dialog that nobody can answer. Its last line was '{v.word}'."),
    (FailureClass.PLUGIN_ERROR, 20, lambda v: f"A plugin failed in line 20, and the script continued: TrackMate threw java.lang.OutOfBounds at {v.number}."),
    (FailureClass.PLUGIN_ERROR, 20, lambda v: f"A plugin failed in line 20, and the script continued: Bio-Formats threw loci.formats.FormatException: Unsupported: {v.file}."),
    (FailureClass.NEEDS_ANSWER, 3, lambda v: f'The script asks for "{v.word}", and the job {v.hex} has no answer.'),
    (FailureClass.DOWNLOAD_FAILED, None, lambda v: f"{v.file} could not be downloaded: An error occurred (SlowDown) when calling the GetObject operation, request {v.hex}."),
    (FailureClass.NEVER_ENDED, None, lambda v: f"None of {v.some} attempts finished; the last machine was i-{v.hex}."),
]  # fmt: skip


def failures_of(number: int, count: int, chance: random.Random) -> list[FailedJob]:
    kind, line, words = CAUSES[number]
    made = []
    for _ in range(count):
        v = Values(chance)
        metadata = {"Plate": v.plate, "Well": v.well, "image": f"{v.folder}_s1.tif"}
        made.append(
            FailedJob(f"{number}-{v.hex}", 1, v.number, kind.value, words(v), line, metadata=metadata)
        )
    return made


def test_twenty_causes_of_five_hundred_failures_each_are_about_as_many_groups_and_none_is_mixed() -> None:
    chance = random.Random(22)
    failures = [one for number in range(len(CAUSES)) for one in failures_of(number, 500, chance)]
    chance.shuffle(failures)

    groups = grouped(failures)

    causes = [{job.partition("-")[0] for job in group.jobs} for group in groups]
    assert [len(met) for met in causes] == [1] * len(groups), "a group is mixed"
    parts = Counter(next(iter(met)) for met in causes)
    assert len(parts) == len(CAUSES)
    assert len(groups) <= 1.3 * len(CAUSES), parts


def test_losses_of_machines_are_never_above_real_failures() -> None:
    chance = random.Random(1)

    first, last = grouped(failures_of(19, 1785, chance) + failures_of(8, 7, chance))

    assert (len(first.jobs), first.is_loss) == (7, False)
    assert (len(last.jobs), last.is_loss, round(last.share, 3)) == (1785, True, 0.996)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("left 1 file in /a/b.tif", "left 12 files in C:\\x\\y z.tif"),
        ("'it's here' at 3 %", "'gone' at 99.5%"),
        ("deadbeef of A1", "0a1b2c3d of AF48"),
        ("bad (a1; b2; c3 …).", "bad (a1)."),
        ("after 30 s", "after 2.5 minutes"),
    ],
)
def test_values_are_masked(one: str, other: str) -> None:
    assert masked(one) == masked(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("java.io.IOException", "java.io.EOFException"),
        ("the table is empty", "the image is empty"),
        ("set MEMORY", "set EBS_VOL_SIZE"),
    ],
)
def test_words_are_not(one: str, other: str) -> None:
    assert masked(one) != masked(other)


def test_a_jobs_own_values_are_masked_but_no_parts_of_words() -> None:
    metadata = {"image": "s3://b/My cells.tif", "stain": "alpha tubulin", "n": "no", "x": ["Eins zwei"]}
    values = own_values(metadata)

    assert "My cells.tif" in values and "no" not in values
    assert masked("alpha tubulin of My cells.tif: no cells, alpha tubulins", values) == (
        "‹› of ‹›: no cells, alpha tubulins"
    )


def a_failure(job: str, metadata: dict[str, object], size: int | None = None, machine: str = "") -> FailedJob:
    return FailedJob(job, 1, 5, "script error", "no cells", 3, (), "", metadata, size, machine)


def test_what_jobs_share_against_the_rest_is_said() -> None:
    wells = [(plate, row, column) for plate in range(1, 11) for row in "ABCDEFGH" for column in range(1, 25)]
    hit = [one for one in wells if one[0] == 7 and one[2] in (1, 24)]
    jobs = [
        a_failure(f"{one}", {"Plate": f"P{one[0]:02}", "Well": f"{one[1]}{one[2]}"}, 48_000_000 + number)
        for number, one in enumerate(hit)
    ]
    others = [
        known_of({"Plate": f"P{plate:02}", "Well": f"{row}{column}"}, 4_000_000)
        for plate, row, column in wells
        if (plate, row, column) not in hit
    ]

    (group,) = grouped(jobs, others)

    assert group.traits == "columns 1 and 24, Plate P07, inputs of 48 MB and more"


def test_what_all_jobs_have_or_two_by_chance_is_no_trait() -> None:
    others = [known_of({"Plate": "P1", "Well": f"A{column}"}) for column in range(1, 25)]
    two = [a_failure(str(column), {"Plate": "P9", "Well": f"B{column}"}) for column in (1, 2)]
    many = [a_failure(str(column), {"Plate": "P1", "Well": f"A{column}"}) for column in range(1, 9)]

    assert grouped(two, others)[0].traits == ""
    assert grouped(many, others)[0].traits == "" == grouped(many)[0].traits


def test_a_machine_on_which_all_fail_is_a_trait() -> None:
    jobs = [a_failure(str(n), {"n": n}, None, "i-1 m5.large") for n in range(4)]
    others = [known_of({"n": n}, None, f"i-{n} m5.large") for n in range(10, 20)]

    assert grouped(jobs, others)[0].traits == "machine i-1 m5.large"


def test_a_group_tells_of_its_latest_failure_and_is_found_by_number_and_by_key() -> None:
    console = ("start", "java.lang.Exception: x", "  at a", "", "bye")
    early, late = (
        FailedJob(job, 1, time, "script error", "no cells", 3, console)
        for job, time in (("a", 5.0), ("b", 9.0))
    )

    groups = grouped([late, early], dead=frozenset({"a", "z"}))

    (group,) = groups
    assert (group.first, group.last, group.example.job_id, group.given_up) == (5.0, 9.0, "b", 1)
    assert group.excerpt == ["start", "java.lang.Exception: x"]
    assert find_group(groups, "1") is find_group(groups, group.key) is group
    assert find_group(groups, "2") is None


def test_every_class_of_failures_has_a_cure() -> None:
    assert set(CURES) == set(FailureClass)


def test_a_sentence_made_to_be_slow_is_not() -> None:
    for text in ("a/" * 50_000, "'" * 100_000, "1." * 50_000, "‹›" * 50_000, "x" * 100_000):
        assert fingerprint(FailedJob("j", 1, 0, "", text))
