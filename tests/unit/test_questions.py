"""Questions that stand in a script, the names that fit them, and the answers that a message proposes."""

from __future__ import annotations

import pytest

from distributed_fiji.checks.parameters import answer_findings, declared_parameters
from worker.contract.questions import Question, answers_for, find_questions, names_question

MACRO = """
// getNumber("in a comment", 3);
dir = getDirectory("Choose a folder"); home = getDirectory("home");
n = getNumber("How many", 3); s = getString("Name", "a, \\"b\\"");
if (getBoolean("Go on?")) waitForUser("Look", "Draw");
Dialog.create("Settings");
Dialog.addNumber("Sigma (pixels)", 2.5);
Dialog.addNumber("Minimum_size", min, 1, 6, "um");
Dialog.addCheckbox("Dark", true);
Dialog.addChoice("Method", newArray("Otsu", "Li"), "Li");
Dialog.addChoice("Channel", channels);
Dialog.addSlider("Level", 0, 255, 100);
n = getNumber("Channel " + i, 1);
"""

PYTHON = """
# gd.addNumericField("in a comment", 1)
gd = GenericDialog("Mine")
gd.addStringField('Prefix:', 'img')
gd.addChoice("Method", ["Otsu", "Li"], "Otsu")
out = DirectoryChooser("Where to").getDirectory()
file = OpenDialog(u"Flat field", None).getPath()
"""


def test_questions_whose_words_stand_in_a_macro_are_found() -> None:
    assert find_questions(MACRO) == [
        Question("folder", "", "Choose a folder", None, None, 3),
        Question("number", "", "How many", 3.0, None, 4),
        Question("text", "", "Name", 'a, "b"', None, 4),
        Question("confirm", "", "Go on?", True, None, 5),
        Question("wait", "", "Look", True, None, 5),
        Question("number", "Settings", "Sigma (pixels)", 2.5, None, 7),
        Question("number", "Settings", "Minimum size", None, None, 8),
        Question("boolean", "Settings", "Dark", True, None, 9),
        Question("choice", "Settings", "Method", "Otsu", ["Otsu", "Li"], 10),
        Question("choice", "Settings", "Channel", None, None, 11),
        Question("number", "Settings", "Level", None, None, 12),
    ]


def test_they_are_in_a_script_of_another_language() -> None:
    found = [(question.kind, question.label, question.default) for question in find_questions(PYTHON)]
    assert found == [
        ("text", "Prefix:", "img"),
        ("choice", "Method", "Otsu"),
        ("folder", "Where to", None),
        ("file", "Flat field", None),
    ]


@pytest.mark.parametrize("key", ["Sigma (pixels):", "sigma (Pixels)", "sigma_pixels", "sigma", "SIGMA"])
def test_a_key_names_a_question_by_its_label_its_letters_or_its_short_form(key: str) -> None:
    assert names_question(key, "Sigma (pixels):")


@pytest.mark.parametrize("key", ["pixels", "sig", "sigma_um", "", "_"])
def test_what_is_another_name_does_not(key: str) -> None:
    assert not names_question(key, "Sigma (pixels):")


def test_proposed_answers_are_what_the_dialog_shows_for_what_has_none() -> None:
    questions = [question.document() | {"by": None} for question in find_questions(MACRO)]
    questions[1]["by"] = "answers"

    assert answers_for(questions) == {
        "Choose a folder": "output/more",
        "Name": 'a, "b"',
        "Go on?": True,
        "Look": True,
        "Sigma (pixels)": 2.5,
        "Minimum size": 1,
        "Dark": True,
        "Method": "Otsu",
        "Channel": "",
        "Level": 1,
    }


def test_what_stands_in_a_comment_is_no_question() -> None:
    text = 'n = getNumber("Channels", 3);\n/* old:\nwaitForUser("Draw");\n*/ ok = getBoolean("Go on?");'
    assert [(one.label, one.line) for one in find_questions(text)] == [("Channels", 1), ("Go on?", 4)]


def test_a_folder_that_is_read_is_proposed_to_be_the_input() -> None:
    asked = find_questions('getDirectory("Folder of the masks"); getDirectory("Where to save"); getDir("x");')
    proposed = answers_for([question.document() | {"by": None} for question in asked])
    assert list(proposed.values()) == ["input", "output/more", "output/more"]


def test_an_answer_that_nearly_fits_is_asked_about() -> None:
    text = f"#@ String stain\n{MACRO}"
    answers = [(key, 1) for key in ("sigma_pixel", "How many", "stain", "Something else", "argument")]

    found = answer_findings(answers, declared_parameters(text), find_questions(text))

    assert [one.found for one in found] == [
        "the script does not ask 'sigma_pixel'; did you mean 'Sigma (pixels)'?"
    ]


def test_an_answer_of_the_wrong_kind_is_named_with_the_choices() -> None:
    answers = [("How many", "few"), ("dark", "maybe"), ("Method", ["Li", "Huang"]), ("sigma", "2.5")]

    assert [one.found for one in answer_findings(answers, [], find_questions(MACRO))] == [
        "the answer to 'How many', 'few', is not a number",
        "the answer to 'Dark', 'maybe', is neither true nor false",
        "the answer to 'Method', 'Huang', is not one of 'Otsu', 'Li'",
    ]
