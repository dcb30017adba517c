"""What others have written reaches terminal, logs and mails without what a terminal would obey."""

from __future__ import annotations

import io
import json
import logging
import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.live import Live
from rich.table import Table

from distributed_fiji.changes import Change
from distributed_fiji.errors import InvalidInput
from distributed_fiji.terminal import SafeConsole, Terminal
from worker.contract.text import one_line, shown
from worker.fiji.console import Console
from worker.job.joblog import JsonLines, TextLines

#: What a hostile script, key or tag holds: colors, a title, a link, a clipboard, lines over lines, bidi.
HOSTILE = (
    "\x1b[2J\x1b[1;1Hall done",
    "\x1b]0;title\x07name",
    "\x1b]8;;https://evil.example\x1b\\results\x1b]8;;\x1b\\",
    "\x1b]52;c;cm0gLXJmIH4=\x07",
    "\x9b31mred\x9d0;title\x9c",
    "done\rDONE 24 of 24",
    "one\ntwo\x85three\u2028four\x0bfive",
    "\u202egnp.tif\u202c \u2066x\u2069 \u200f",
    "[link=https://evil.example]click[/link] [red]no[/red]",
    "half \udcff\ud800 of a character \x00\x7f",
)


def unfit(text: str) -> list[str]:
    """Return the characters of a text that a terminal would obey, or no encoding takes."""
    bidi = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    return [
        character
        for character in text
        if (unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} and character not in "\t\n")
        or unicodedata.bidirectional(character) in bidi
        or character in "\u200e\u200f\u061c"
    ]


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters() | st.sampled_from("\x1b[]\\\x07\x9b\x9d;8m\r\n\u202e")))
def test_no_text_keeps_what_a_terminal_would_obey_and_a_line_stays_one(text):
    assert unfit(shown(text)) == []
    assert "\n" not in one_line(text)
    assert shown(shown(text)) == shown(text)


def test_plain_text_of_every_language_stays_as_it_is():
    plain = "Zelle größer 5 µm\t細胞 خلية תא 🔬 é"
    assert shown(plain) == one_line(plain) == plain
    assert shown("two\nlines") == "two\nlines"


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_is_shown_of_it_reaches_no_terminal(text):
    out, err = (
        SafeConsole(file=io.StringIO(), force_terminal=True, color_system=None, width=200) for _ in "ab"
    )
    terminal = Terminal(out, err)
    terminal.say(text)
    terminal.note(text)
    terminal.warn(text)
    terminal.fail(str(InvalidInput(text, [text, text])))
    terminal.changes([Change("queue", text, "kept", text)])
    with Live(console=err, auto_refresh=False) as live:
        table = Table(text, title=text)
        table.add_row(text)
        live.update(table, refresh=True)

    said = out.file.getvalue() + err.file.getvalue()
    for own in ("\x1b[?25l", "\x1b[?25h", "\x1b[2K", "\x1b[1A", "\r"):
        said = said.replace(own, "")
    assert unfit(said) == []
    assert "evil.example" not in said or "[link=" in said


def test_a_line_that_others_wrote_stays_one_line():
    out = SafeConsole(file=io.StringIO(), width=200)
    Terminal(out, out).warn(HOSTILE[6])
    assert out.file.getvalue() == "Warning: one two three four five\n"


@pytest.mark.parametrize("form", [JsonLines(), TextLines("%(asctime)s %(levelname)s %(message)s")])
@pytest.mark.parametrize("text", HOSTILE)
def test_the_workers_log_keeps_a_line_for_each_message(form, text):
    said = form.format(logging.LogRecord("worker", logging.INFO, "", 1, "job %s", (text,), None))

    assert unfit(said) == []
    assert "\n" not in said
    if isinstance(form, JsonLines):
        assert json.loads(said)["message"].startswith("job")


def test_fijis_console_is_clean_in_its_file_and_in_its_lines(tmp_path: Path):
    read, write = os.pipe()
    console = Console(os.fdopen(read, "rb"), tmp_path / "console.log")
    streamed: list[str] = []
    console.stream_to(streamed.append)
    for text in HOSTILE:
        os.write(
            write, text.encode("utf-8", "surrogateescape" if "\udcff" not in text else "replace") + b"\r\n"
        )
    os.close(write)
    console.finish(10)

    lines = (tmp_path / "console.log").read_text(encoding="utf-8")
    assert unfit(lines) == []
    assert unfit("".join(streamed)) == []
    assert "results" in streamed
    assert list(console.tail) == streamed
