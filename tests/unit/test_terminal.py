"""What the user reads: commands as they were called, paths as one would type them, each in one piece."""

from __future__ import annotations

from pathlib import Path

import pytest

import run
from distributed_fiji.changes import Change
from distributed_fiji.commands.commandline import Context
from distributed_fiji.terminal import Terminal, shown, typed


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal whose streams are piped, though the shell has said how narrow its window is."""
    monkeypatch.setenv("COLUMNS", "20")
    return Terminal()


def test_what_is_piped_is_never_wrapped(terminal: Terminal, capsys: pytest.CaptureFixture[str]) -> None:
    path = "/folder with spaces/" + "long/" * 60

    terminal.say(path)
    terminal.changes([Change("script", path, "created", path)])
    terminal.note(f"Next: {path}")
    terminal.warn(path)
    terminal.fail(path)

    said = capsys.readouterr()
    assert [line.count(path) for line in said.out.splitlines()] == [1, 0, 2]
    assert [line.count(path) for line in said.err.splitlines()] == [1, 1, 1]


@pytest.mark.parametrize(
    ("options", "text", "words"),
    [
        ({}, "python run.py setup", "python run.py setup"),
        ({}, "python run.py --local setup", "python run.py --local setup"),
        ({"local": True}, "python run.py setup", "python run.py --local setup"),
        ({"local": True}, "python run.py --local setup", "python run.py --local setup"),
        ({"local": True}, "python run.py local bucket b", "python run.py local bucket b"),
        ({"config": "my.py"}, "python run.py --local setup", "python run.py --local --config my.py setup"),
        ({"config": "a b.py"}, "python run.py setup", "python run.py --config 'a b.py' setup"),
        ({"config": "my.py"}, "see config.py", "see my.py"),
    ],
)
def test_an_advised_command_has_the_options_of_the_one_that_was_called(
    terminal: Terminal, capsys: pytest.CaptureFixture[str], options: dict[str, object], text: str, words: str
) -> None:
    context = Context(terminal)
    for name, value in options.items():
        context.choose(name, Path(str(value)) if name == "config" else value)

    terminal.note(text)

    assert capsys.readouterr().err == f"{words}\n"


def test_a_command_is_named_as_it_can_be_called_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = str(run.CHECKOUT / "run.py")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(run.CHECKOUT)
    assert run.called_as(program) == "python run.py"
    monkeypatch.chdir(tmp_path)
    assert run.called_as(program) == f"python {program}"
    monkeypatch.setenv("PATH", str(run.CHECKOUT))
    assert run.called_as(program) == "run.py"


@pytest.mark.parametrize("text", ["python run.py {} setup", "python run.py local {}"])
def test_advice_names_the_command_as_it_was_called(
    terminal: Terminal, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    terminal.program = "python ../run.py"

    terminal.note(text)

    assert capsys.readouterr().err == f"{text.replace('run.py', '../run.py')}\n"


def test_a_path_in_a_command_is_quoted_where_a_shell_needs_it() -> None:
    here = Path.cwd()

    assert typed(here / "my" / "job.json") == "my/job.json"
    assert typed(here / "my images" / "job.json") == "'my images/job.json'"
    assert shown(here / "my images" / "job.json") == Path("my images/job.json")
