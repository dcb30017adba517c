"""What a script asks a person gets the job's answers, value for value, in every language and every FIJI."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from tests import nearfiji
from tests.imagej import Ran, finish
from tests.worker import harness
from tests.worker.dialogs import ANSWERS, SAID, SCRIPTS, read_said
from tests.worker.endings import NEW_IMAGE, SAVED, Ending
from tests.worker.harness import Run, submit
from tests.worker.test_script_endings import run as run_ending
from worker.contract.jobs import Job, Outcome, Value
from worker.fiji import process
from worker.fiji.process import Questions
from worker.host.folders import RunFolder
from worker.verdict.advice import tell


def ask(
    fiji: str, folder: Path, name: str, text: str, questions: Questions, *, xvfb: bool = False, **given: Any
) -> tuple[Ran, RunFolder]:
    """Run a script as the worker does, with two files in its input/, and one of macOS's own."""
    where = RunFolder(folder)
    for made in (where.output, where.input, where.job_file.parent, where.temporary):
        made.mkdir(parents=True)
    for file in ("._a.txt", "a.txt", "b.txt"):
        (where.input / file).write_text("1 2\n3 4\n", encoding="utf-8")
    script = folder / name
    script.write_text(text, encoding="utf-8")
    process.write_job_file(where, str(script), given, questions=questions)
    ran = finish(nearfiji.start(fiji, folder, where.job_file, work=where.work, xvfb=xvfb), folder)
    result = json.loads(where.result_file.read_text("utf-8"))
    return Ran(ran.code, ran.out, ran.err, result), where


def check_all_arrive(fiji: str, folder: Path, script: str, *, xvfb: bool = False) -> None:
    ran, where = ask(fiji, folder, script, SCRIPTS[script], Questions(ANSWERS), xvfb=xvfb)
    assert ran.result.get("ok") and not ran.result["warnings"], ran
    assert read_said((where.output / "said.txt").read_text("utf-8"), str(where.work)) == SAID
    by = {question["name"]: question["by"] for question in ran.result["questions"]}
    assert by["Choose a Directory"] == "input" and by["Where to save it"] == "output"
    assert by["Name"] == "answers" and all(by.values())


@pytest.mark.parametrize("script", ["asks.ijm", "asks.py"])
def test_every_kind_of_answer_arrives(tmp_path: Path, script: str) -> None:
    check_all_arrive("ImageJ core", tmp_path, script)


def test_it_does_with_a_display(tmp_path: Path) -> None:
    check_all_arrive("ImageJ core", tmp_path, "asks.ijm", xvfb=True)


def test_it_does_under_fijis_own_patches(tmp_path: Path) -> None:
    check_all_arrive("Fiji-new", tmp_path, "asks.py")


def test_a_title_that_says_nothing_means_another_folder_in_another_line(tmp_path: Path) -> None:
    text = (
        'for (i = 0; i < 2; i++) from = getDirectory("Choose a Directory");\n'
        'to = getDirectory("Choose a Directory");\n'
        'File.saveString(from + "\\n" + to, "output/said.txt");'
    )
    ran, where = ask("ImageJ core", tmp_path, "same.ijm", text, Questions({}))
    assert ran.result.get("ok"), ran
    assert (where.output / "said.txt").read_text("utf-8").split("\n") == [
        f"{where.input}/",
        f"{where.output}/",
    ]


@pytest.mark.thorough
@pytest.mark.parametrize("xvfb", [False, True], ids=["headless", "Xvfb"])
@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("fiji", nearfiji.FIJIS)
def test_it_does_in_every_language_and_fiji(tmp_path: Path, fiji: str, script: str, xvfb: bool) -> None:
    check_all_arrive(fiji, tmp_path, script, xvfb=xvfb)


PLUS = """
import fiji.util.gui.GenericDialogPlus
def gd = new GenericDialogPlus("Settings")
gd.addDirectoryField("Image folder", "/somewhere")
gd.addFileField("Flat field", "")
gd.addNumericField("Sigma", 2, 1)
gd.showDialog()
new File("output/said.txt").text = [gd.getNextString(), gd.getNextString(), gd.getNextNumber()].join("\\n")
"""


@pytest.mark.parametrize(
    "xvfb", [False, pytest.param(True, marks=pytest.mark.thorough)], ids=["headless", "Xvfb"]
)
def test_fijis_larger_dialog_is_answered_too(tmp_path: Path, xvfb: bool) -> None:
    answers = {"Flat field": "input/b.txt", "Sigma": 1.5}
    ran, where = ask("Fiji-new", tmp_path, "plus.groovy", PLUS, Questions(answers), xvfb=xvfb)
    assert ran.result.get("ok"), ran
    said = (where.output / "said.txt").read_text("utf-8").replace(f"{where.work}/", "")
    assert said == "input/\ninput/b.txt\n1.5"


RARER = """
import ij.IJ
import ij.gui.GenericDialog
import ij.io.DirectoryChooser
import ij.io.SaveDialog
["one", "two"].each { IJ.createImage(it, "8-bit", 9, 9, 1).show() }
def gd = new GenericDialog("Rarer")
gd.addTextAreas("a", "b", 5, 20)
gd.addImageChoice("Image", null)
gd.addPreviewCheckbox(null)
gd.addDirectoryField("Masks", "")
gd.addFileField("Flat field", "")
gd.enableYesNoCancel("Do it", "Skip")
gd.showDialog()
def said = [gd.getNextText(), gd.getNextText(), gd.getNextImage().title, gd.getNextBoolean()]
said += [gd.getNextString(), gd.getNextString(), gd.wasOKed(), gd.wasCanceled()]
def save = new SaveDialog("Keep", "result", ".csv")
said << save.directory + save.fileName
2.times { said << new DirectoryChooser("Plate $it of " + new Random().nextInt()).directory }
new File("output/said.txt").text = said.join("\\n")
"""
RARER_ANSWERS = {
    "text1": "c",
    "text2": 'd "e"',
    "Image": "two",
    "Masks": "output/masks",
    "Flat field": "input/b.txt",
    "Rarer": "Skip",
    "Keep": "kept.csv",
    "folder_2": "output/second",
}
RARER_SAID = [
    "c",
    'd "e"',
    "two",
    "false",
    "output/masks/",
    "input/b.txt",
    "false",
    "false",
    "output/kept.csv",
    "input/",
    "output/second/",
]


@pytest.mark.parametrize("xvfb", [False, True], ids=["headless", "Xvfb"])
@pytest.mark.parametrize(
    "fiji", ["ImageJ core", *(pytest.param(name, marks=pytest.mark.thorough) for name in nearfiji.NEAR_FIJIS)]
)
def test_what_scripts_ask_more_rarely_is_answered_too(tmp_path: Path, fiji: str, xvfb: bool) -> None:
    ran, where = ask(fiji, tmp_path, "rarer.groovy", RARER, Questions(RARER_ANSWERS), xvfb=xvfb)
    assert ran.result.get("ok") and not ran.result["warnings"], ran
    said = (where.output / "said.txt").read_text("utf-8").replace(f"{where.work}/", "")
    assert said.split("\n") == RARER_SAID


def test_what_the_sentence_says_to_write_answers_the_script(tmp_path: Path) -> None:
    text = (
        'Dialog.create("Settings");\nDialog.addNumber("Sigma (pixels)", 2);\n'
        'Dialog.addChoice("Method", newArray("Otsu", "Li"));\nDialog.show();\nn = getNumber("Channels", 3);\n'
        f'd = getDir("Images");\no = getDir("Results");\nm = getDirectory("Masks");\n{NEW_IMAGE}\n{SAVED}'
    )
    _, failed = run_ending("ImageJ core", tmp_path / "first", Ending("asks.ijm", text))
    assert failed.line == 4
    written = re.search(r'"answers": ({.*?})\.', failed.sentence)
    assert written, failed
    answers = json.loads(written[1])
    assert answers == {
        "Sigma (pixels)": 2,
        "Method": "Otsu",
        "Channels": 3,
        "Masks": "input",
    }
    ran, done = run_ending("ImageJ core", tmp_path / "then", Ending("asks.ijm", text, answers=answers))
    assert done.outcome is Outcome.DONE, (done, ran)


ASKED_IN_TURN = """
said = "";
for (i = 0; i < 3; i++) said = said + getNumber("Channel", 1) + getString("Stain", "") + " ";
Dialog.create("Twice");
Dialog.addNumber("Size", 0);
Dialog.addNumber("Size", 0);
Dialog.show();
first = Dialog.getNumber();
said = said + first + " " + Dialog.getNumber();
File.saveString(said, "output/said.txt");
"""


def test_a_list_answers_the_same_question_in_turn(tmp_path: Path) -> None:
    answers = {"Channel": [3, 1, 2], "stain": "x", "Size": [4, 5]}
    ran, where = ask("ImageJ core", tmp_path, "turns.ijm", ASKED_IN_TURN, Questions(answers))
    assert ran.result.get("ok"), ran
    assert (where.output / "said.txt").read_text("utf-8").strip() == "3x 1x 2x 4 5.0"


SHOWN_AGAIN = """
import ij.gui.GenericDialog
def gd = new GenericDialog("Settings")
gd.addNumericField("Sigma", 2, 1)
def said = [1, 2].collect { gd.showDialog(); gd.getNextNumber() }
new File("output/said.txt").text = said.join(" ")
"""


def test_a_dialog_that_is_shown_again_asks_again_and_both_answers_are_told(tmp_path: Path) -> None:
    ran, where = ask("ImageJ core", tmp_path, "again.groovy", SHOWN_AGAIN, Questions({"Sigma": [3, 4]}))
    assert ran.result.get("ok"), ran
    assert (where.output / "said.txt").read_text("utf-8") == "3.0 4.0"
    assert [(one["answer"], one["times"]) for one in ran.result["questions"]] == [(3, 1), (4, 1)]


ALIKE = """
Dialog.create("Alike");
Dialog.addNumber("Sigma (pixels)", 1);
Dialog.addNumber("Sigma (um)", 1);
Dialog.show();
"""


def test_a_short_name_that_could_mean_two_fields_means_neither(tmp_path: Path) -> None:
    ran, _ = ask("ImageJ core", tmp_path, "alike.ijm", ALIKE, Questions({"sigma": 2, "Sigma (um)": 3}))
    assert ran.result["kind"] == "question"
    assert ran.result["input_files"] == ["a.txt", "b.txt"]
    by = {question["name"]: question["by"] for question in ran.result["questions"]}
    assert by == {"Sigma (pixels)": None, "Sigma (um)": "answers"}


COMMAND = """
newImage("a", "8-bit ramp", 64, 64, 1);
run("Gaussian Blur...", "sigma=2");
run("Gaussian Blur...");
"""


def test_a_command_without_its_options_asks_and_one_with_them_does_not(tmp_path: Path) -> None:
    ran, _ = ask("ImageJ core", tmp_path, "blur.ijm", COMMAND, Questions(), sigma_radius=3)
    assert ran.result.get("ok"), ran
    (question,) = ran.result["questions"]
    assert (question["line"], question["answer"], question["by"]) == (4, 3, "metadata")


IMAGE_PARAMETER = (
    "#@ ImagePlus imp\nopen('output/title.txt', 'w').write('%s %d' % (imp.getTitle(), imp.getWidth()))"
)


@pytest.mark.parametrize(
    "fiji", ["ImageJ core", *(pytest.param(name, marks=pytest.mark.thorough) for name in nearfiji.NEAR_FIJIS)]
)
@pytest.mark.parametrize("named", [False, True])
def test_a_file_is_opened_for_an_image_parameter(tmp_path: Path, fiji: str, named: bool) -> None:
    where = RunFolder(tmp_path)
    for made in (where.output, where.input, where.job_file.parent, where.temporary):
        made.mkdir(parents=True)
    # ImageJ reads a text image: two rows of three numbers. The job's one input, or the one that it names.
    for name in ("rows.txt", "more.txt") if named else ("rows.txt",):
        (where.input / name).write_text("1 2 3\n3 4 5\n", encoding="utf-8")
    script = tmp_path / "image.py"
    script.write_text(IMAGE_PARAMETER, encoding="utf-8")
    given = {"imp": str(where.input / "rows.txt")} if named else {}
    process.write_job_file(where, str(script), given)
    ran = finish(nearfiji.start(fiji, tmp_path, where.job_file, work=where.work), tmp_path)
    result = json.loads(where.result_file.read_text("utf-8"))
    assert result["ok"], (result, ran)
    assert (where.output / "title.txt").read_text("utf-8") == "rows.txt 3"


DATASET = "#@ Dataset data\nopen('output/t.txt', 'w').write('%s %d' % (data.getName(), data.dimension(0)))"


@pytest.mark.parametrize("fiji", ["ImageJ core", pytest.param("Fiji-new", marks=pytest.mark.thorough)])
@pytest.mark.parametrize("files", [1, 2])
def test_a_dataset_is_the_one_input_or_the_job_says_how_to_give_a_file(
    tmp_path: Path, fiji: str, files: int
) -> None:
    """FIJI's own imagej-legacy converts the image; ImageJ core has no such type."""
    where = RunFolder(tmp_path)
    for made in (where.output, where.input, where.job_file.parent, where.temporary):
        made.mkdir(parents=True)
    for number in range(files):
        (where.input / f"rows{number}.txt").write_text("1 2 3\n3 4 5\n", encoding="utf-8")
    script = tmp_path / "data.py"
    script.write_text(DATASET, encoding="utf-8")
    process.write_job_file(where, str(script), {})
    ran = finish(nearfiji.start(fiji, tmp_path, where.job_file, work=where.work), tmp_path)
    result = json.loads(where.result_file.read_text("utf-8"))
    if fiji == "Fiji-new" and files == 1:
        assert result["ok"], (result, ran)
        assert (where.output / "t.txt").read_text("utf-8") == "rows0.txt 3"
        return
    told = tell(result, headless=True, is_core=fiji == "ImageJ core")
    assert "#@ Dataset data" in told.what or '"data" (Dataset) has no value' in told.what
    assert "declare `#@ File image`" in told.advice
    assert ("ImageJ core knows fewer types" in told.advice) == (fiji == "ImageJ core")


#: What values people and machines write into dialogs.
NAMES = [
    "a b",
    'say "x"',
    "it's",
    "ä ö ü ß",
    "µm",
    "[x]",
    "k=v",
    "\\",
    "日本語",
    "😀",
    " both ends ",
    "007",
    "",
]
METHODS = ["Otsu", "Li", "Über [x]", 'the "best"', "1.5"]
LABELLED = """
Dialog.create("Settings");
Dialog.addString("Sample name", "none", 20);
Dialog.addNumber("Sigma (pixels)", 2);
Dialog.addSlider("Level", 0, 255, 100);
Dialog.addCheckbox("Dark background", true);
Dialog.addCheckbox("Exclude edges", false);
Dialog.addChoice("Method", newArray("Otsu", "Li", "Über [x]", "the \\"best\\"", "1.5"), "Otsu");
Dialog.show();
said = Dialog.getString() + "\\n" + d2s(Dialog.getNumber(), 9) + "\\n" + d2s(Dialog.getNumber(), 9) + "\\n";
said = said + Dialog.getCheckbox() + "\\n" + Dialog.getCheckbox() + "\\n" + Dialog.getChoice();
File.saveString(said, "output/said.txt");
"""


def a_labelled_job(number: int, random: random.Random) -> tuple[Job, list[Any]]:
    """Return a job of LABELLED and what its script must say; some answers stand in its metadata."""
    name, method = random.choice(NAMES), random.choice(METHODS)
    sigma, level = round(random.uniform(-1e4, 1e4), random.randint(0, 6)), random.randint(0, 255)
    dark, edges = random.random() < 0.5, random.random() < 0.5
    answers: dict[str, Value] = {
        "Sample name": name,
        "Exclude edges": edges,
        "Method": method,
        "Level": level,
    }
    metadata: dict[str, Value] = {"number": number, "dark_background": dark}
    own = random.choice([answers, metadata])
    own["sigma"] = sigma
    said = [name, sigma, float(level), float(dark), float(edges), method]
    return Job(metadata, f"results/{number}", answers=answers), said


@pytest.mark.parametrize(
    ("fiji", "jobs"),
    [
        ("ImageJ core", 5),
        pytest.param("ImageJ core", 200, marks=pytest.mark.thorough),
        pytest.param("Fiji-new", 200, marks=pytest.mark.thorough),
    ],
)
def test_jobs_with_other_answers_each_get_them_value_for_value(run: Run, fiji: str, jobs: int) -> None:
    run.cloud.s3.put_object(Bucket=run.bucket, Key="scripts/script.ijm", Body=LABELLED.encode())
    source = random.Random(16)
    expected = [a_labelled_job(number, source) for number in range(jobs)]
    submit(run, [job for job, _ in expected])

    worker = harness.start_worker(
        run,
        SCRIPT_DOWNLOAD_URL=f"s3://{run.bucket}/scripts/script.ijm",
        FIJI_HOME=nearfiji.fiji_home(fiji),
    )
    harness.wait_until_settled(run, 60 + 6 * jobs)
    worker.stop()

    harness.check_done(run, [job for job, _ in expected])
    for job, said in expected:
        name, *numbers, method = (
            harness.content(run, f"results/{job.metadata['number']}/said.txt").decode("utf-8").split("\n")
        )
        assert [name, *map(float, numbers), method] == said
        document = harness.manifest(run, job)
        assert document and document["job"]["answers"] == job.answers
        assert [question["by"] for question in document["questions"]].count(None) == 0
    assert len({job.job_id for job, _ in expected}) == jobs


OPENS = """
masks = getFileList(getDirectory("Choose the masks"));
flat = File.openAsString(File.openDialog("Flat field"));
File.saveString(flat + masks.length, "output/said.txt");
"""


def test_an_answer_may_be_a_file_or_a_folder_in_the_bucket(run: Run) -> None:
    run.cloud.s3.put_object(Bucket=run.bucket, Key="scripts/script.ijm", Body=OPENS.encode())
    for key, text in (("ref/flat field.txt", "flat"), ("masks/a.txt", "a"), ("masks/b.txt", "b")):
        run.cloud.s3.put_object(Bucket=run.bucket, Key=key, Body=text.encode())
    bucket = f"s3://{run.bucket}"
    answers: dict[str, Value] = {
        "Flat field": f"{bucket}/ref/flat field.txt",
        "Choose the masks": f"{bucket}/masks/",
    }
    jobs = [Job({"number": number}, f"results/{number}", answers=answers) for number in (1, 2)]
    lacking = Job({"number": 3}, "results/3", answers={"Flat field": "input/none.txt"})
    submit(run, [*jobs, lacking])

    worker = harness.start_worker(
        run,
        SCRIPT_DOWNLOAD_URL=f"s3://{run.bucket}/scripts/script.ijm",
        FIJI_HOME=nearfiji.fiji_home("ImageJ core"),
    )
    harness.wait_until_settled(run, 90)
    worker.stop()

    harness.check_done(run, jobs)
    for job in jobs:
        assert harness.content(run, f"{job.output_file_location}/said.txt") == b"flat\n2"
        document = harness.manifest(run, job)
        assert document and {one["key"] for one in document["inputs"]} == {
            f"{bucket}/ref/flat field.txt",
            f"{bucket}/masks/a.txt",
            f"{bucket}/masks/b.txt",
        }
    record = harness.failures(run, lacking.job_id)[0]
    assert record["class"] == "needs an answer"
    assert 'getDirectory asks for "Choose the masks" (a folder)' in record["sentence"]
    assert 'set "inputs" in the job file to the images' in record["sentence"]
    assert [question["name"] for question in record["questions"] if question["by"] is None]
