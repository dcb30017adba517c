"""A job is not done if a command, script or macro that its script runs has not done its work.

The script itself goes on: SciJava only cancels a command that lacks a value, only logs what a script in a
menu of FIJI throws, ImageJ only shows what a command throws, and a macro that ends itself ends alone.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests import nearfiji
from tests.nearfiji import Ran
from tests.plugins import commands_jar

DISPLAYS = pytest.mark.parametrize("xvfb", [False, True], ids=["headless", "Xvfb"])

#: Scripts in FIJI's menus.
IN_MENUS = {
    "My_Script.groovy": "#@ String name\n#@ Integer (value=3) count\nprintln name + count\n",
    "My_Thrower.groovy": '#@ String name\nthrow new RuntimeException("no such thing")\n',
    "My_Macro.ijm": '#@ String name\nselectImage("nothing");\n',
    "My_Outer.groovy": """#@ String name
ij.IJ.run("My Script", "name=inner count=1")
throw new RuntimeException("outer fails")
""",
    "My_Exit.ijm": '#@ String name\nexit("No cells found");\n',
}

#: What a macro runs there: how it ends, at which line, and a part of what is said.
COMMANDS = {
    'run("My Script", "name=x count=4");': (None, None, ""),
    'run("My Script");': ("plugin_error", 1, '"My Script" did not run to its end: it has no value for name'),
    'run("My Thrower", "name=x");': ("plugin_error", 1, '"My Thrower" threw java.lang.RuntimeException: no'),
    'run("My Outer", "name=x");': ("plugin_error", 1, '"My Outer" threw java.lang.RuntimeException: outer'),
    'run("Java Thrower", "name=x");': (
        "plugin_error",
        1,
        '"Java Thrower" threw java.lang.IllegalStateException: no such x',
    ),
    'run("Java Canceler", "name=x");': (
        "plugin_error",
        1,
        '"Java Canceler" did not run to its end: no cells in x',
    ),
    'run("My Macro", "name=x");': ("macro_error", 2, '"nothing" not found'),
    'run("My Exit", "name=x");': ("plugin_error", 1, 'ended itself with exit("No cells found")'),
}


@pytest.fixture(scope="module")
def with_menus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A near-FIJI with scripts and commands in its menus."""
    home = nearfiji.copy_of("Fiji-new", tmp_path_factory.mktemp("fiji"))
    menu = home / "scripts" / "Plugins"
    menu.mkdir(parents=True, exist_ok=True)
    for name, text in IN_MENUS.items():
        (menu / name).write_text(text, encoding="utf-8")
    shutil.copy(commands_jar(), home / "jars")
    return home


def ended(ran: Ran) -> tuple[str | None, int | None]:
    assert "went on" in ran.out
    return ran.result.get("kind"), ran.result.get("line")


#: With a display, FIJI asks for the value: a question, as in test_questions.py.
CASES = [
    pytest.param(command, xvfb, id=f"{command}-{'Xvfb' if xvfb else 'headless'}")
    for command, (_, _, said) in COMMANDS.items()
    for xvfb in (False, True)
    if not (xvfb and "no value" in said)
]


@pytest.mark.parametrize(("command", "xvfb"), CASES)
def test_a_command_of_fijis_menus_that_does_not_do_its_work_fails_the_job(
    command: str, xvfb: bool, with_menus: Path, tmp_path: Path
) -> None:
    kind, line, said = COMMANDS[command]
    text = command + '\nprint("went on");'

    ran = nearfiji.run_script("Fiji-new", tmp_path, "calls.ijm", text, xvfb=xvfb, home=with_menus)

    assert ended(ran) == (kind, line), ran.result
    assert said in ran.result["message"]


CATCHES = """
#@ org.scijava.module.ModuleService modules
def thrower = modules.getModules().find { it.getTitle() == "Java Thrower" }
try { modules.run(thrower, true, "name", "x").get() }
catch (java.util.concurrent.ExecutionException expected) { println "went on" }
"""


@DISPLAYS
def test_a_script_may_catch_what_a_command_throws(xvfb: bool, with_menus: Path, tmp_path: Path) -> None:
    ran = nearfiji.run_script("Fiji-new", tmp_path, "catches.groovy", CATCHES, xvfb=xvfb, home=with_menus)

    assert ended(ran) == (None, None), ran.result


CALLS = {
    "runs.ijm": 'runMacro("{macro}");\nprint("went on");',
    "runs.groovy": 'ij.IJ.runMacroFile("{macro}")\nprintln "went on"',
}


@DISPLAYS
@pytest.mark.parametrize("name", CALLS)
def test_a_macro_that_a_script_runs_and_that_ends_itself_fails_the_job(
    name: str, xvfb: bool, tmp_path: Path
) -> None:
    ends = {"No cells found": "plugin_error", "Finished": None}
    for words, kind in ends.items():
        folder = tmp_path / words
        folder.mkdir()
        macro = folder / "called.ijm"
        macro.write_text(f'print("begun");\nexit("{words}");', encoding="utf-8")
        ran = nearfiji.run_script("ImageJ core", folder, name, CALLS[name].format(macro=macro), xvfb=xvfb)
        assert ended(ran) == (kind, 1 if kind else None), ran.result
