"""What a failure's sentence advises, where no plugin is at hand to try it with."""

from __future__ import annotations

from typing import Any

import pytest

from worker.contract.jobs import FailureClass
from worker.fiji.process import Ending
from worker.image.plugins import UpdateSite, read_list
from worker.storage.outputs import Found
from worker.verdict.advice import tell
from worker.verdict.plugins import SITES, line_of
from worker.verdict.verdict import Expected, FijiRun, judge


def test_each_known_update_site_is_a_line_that_the_image_can_read() -> None:
    for _, sites in SITES:
        for site in sites:
            assert read_list(line_of(site)) == [UpdateSite(site.name.replace(" ", "_"), site.address, "")]


@pytest.mark.parametrize(
    ("message", "statement", "words"),
    [
        ('Unrecognized command: "3D Manager"', "", "update site 3D ImageJ Suite brings it"),
        (
            'Unrecognized command: "Analyze Skeleton (2D/3D)"',
            "",
            "FIJI includes it, ImageJ core does not",
        ),
        ('Unrecognized command: "Anything"', "", "spelled as in FIJI's menu"),
        (
            "ImportError: No module named sc",
            "from sc.fiji.analyzeSkeleton import X",
            "no sc.fiji.analyzeSkeleton",
        ),
        ("ImportError: cannot import name BF", "from loci.plugins import BF", "FIJI includes it"),
        ("ImportError: No module named image_utils", "import image_utils", "of your own"),
        ("ImportError: No module named Printing_Plugin", "import Printing_Plugin", "spelled as in FIJI"),
        ("unable to resolve class inra.ijpb.label.LabelImages", "", "update site IJPB-plugins"),
        (
            "Could not load class de.csbdresden.stardist.StarDist2D",
            "",
            "update sites StarDist and CSBDeep bring it",
        ),
    ],
)
def test_what_a_fiji_lacks_is_named_with_the_place_to_get_it(
    message: str, statement: str, words: str
) -> None:
    told = tell(
        {"kind": "script_error", "message": message, "statement": statement}, headless=True, is_core=True
    )

    assert words in f"{told.what}. {told.advice}"


@pytest.mark.parametrize("headless", [True, False])
def test_the_bio_formats_importer_is_told_as_what_it_is(headless: bool) -> None:
    trace = (
        "java.lang.VerifyError: Bad type … 'ij/gui/GenericDialog' is not assignable to 'java/awt/Container'"
    )
    message = f'"Bio-Formats Importer" threw {trace}'

    told = tell(
        {"kind": "plugin_error", "message": message, "trace": trace}, headless=headless, is_core=False
    )

    assert told.failure is FailureClass.NEEDS_DISPLAY
    assert "Ext.openImagePlus" in told.advice
    assert ("DISPLAY_MODE" in told.advice) is headless


ASKED: dict[str, Any] = {
    "kind": "question",
    "message": "The script asks what the job does not answer.",
    "statement": 'p = File.openDialog("Which ROIs");',
    "line": 2,
    "input_files": ["a.tif", "rois.zip"],
    "warnings": [
        {"text": 'No question asked for the answer "ROI"; did you mean "Which ROIs"?', "line": None},
        {"text": "Something else.", "line": 1},
    ],
    "questions": [
        {"kind": "file", "dialog": "", "name": "Which ROIs", "by": None, "met": True},
        {"kind": "number", "dialog": "", "name": "n", "default": 3.0, "by": None, "met": False},
        {"kind": "number", "dialog": "", "name": "m", "default": 3.0, "by": "answers", "met": False},
    ],
}


def test_a_question_without_an_answer_is_told_with_what_is_at_hand_and_what_to_write() -> None:
    told = tell(ASKED, headless=True, is_core=True)

    assert told.failure is FailureClass.NEEDS_ANSWER
    assert told.what == 'File.openDialog asks for "Which ROIs" (a file), but nobody can answer in a job'
    assert told.advice == (
        "Write into the job file, for all jobs or in a group:"
        ' "answers": {"Which ROIs": "input/a.tif", "n": 3}. Later it asks for "n" (a number).'
        " input/ contains a.tif, rois.zip."
        ' No question asked for the answer "ROI"; did you mean "Which ROIs"?'
        " UNANSWERED = 'defaults' uses the dialogs' default values."
    )


def a_run(*warnings: dict[str, Any], headless: bool = True, **result: Any) -> FijiRun:
    """Return a run that ended, with what the runner reported of it."""
    document = {"ok": True, **result, "warnings": list(warnings)}
    return FijiRun(Ending.BY_ITSELF, 0, 1.0, 500, True, document, [], [], headless=headless)


def test_outputs_that_are_missing_are_told_with_the_error_and_not_with_an_answer_too_many() -> None:
    unused = {"text": 'No question asked for the answer "sigma".', "line": None}
    threw = {"text": '"Image Sequence..." threw java.lang.Exception', "line": 3, "fails": True}
    died = {"text": 'The thread "a" died', "line": 4, "fails": True}

    def said(*warnings: dict[str, Any]) -> str:
        return judge(a_run(*warnings), Found([], []), Expected(1, 1, "")).sentence

    assert 'What went wrong in line 3: "Image Sequence..." threw' in said(unused, threw)
    assert 'What went wrong in line 4: The thread "a" died.' in said(unused, died)
    assert "sigma" not in said(unused, threw)
    assert said(unused).endswith(' No question asked for the answer "sigma".')
    assert "went wrong" not in said(unused)


def test_a_script_that_fails_after_a_window_did_not_come_needs_a_display() -> None:
    threw = {"text": '"To ROI Manager" threw java.awt.HeadlessException', "line": 10, "fails": True}
    failed = {"ok": False, "kind": "script_error", "message": "AttributeError: 'NoneType' …", "line": 12}

    verdict = judge(a_run(threw, **failed), Found([], []), Expected(1, 1, ""))
    assert verdict.failure is FailureClass.NEEDS_DISPLAY
    assert "DISPLAY_MODE = 'xvfb'" in verdict.sentence and '"To ROI Manager" threw' in verdict.sentence
    with_display = judge(a_run(threw, headless=False, **failed), Found([], []), Expected(1, 1, ""))
    assert with_display.failure is FailureClass.SCRIPT_ERROR
