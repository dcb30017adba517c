"""What the user sees: results on stdout, the rest on stderr; plain lines if that is not a terminal."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment
from rich.table import Table

from distributed_fiji.changes import Change
from worker.contract.text import one_line
from worker.contract.text import shown as fit

#: Columns if no terminal says how many it has: enough that no name and no path is cut or wrapped.
COLUMNS_ELSEWHERE = 10_000

#: How texts name the settings file, alone and not as a part of another name.
CONFIG = re.compile(r"(?<![\w./-])config\.py\b")

#: How texts name the program, and how an option changes a command for the embedded cloud.
PROGRAM, LOCAL = "python run.py", " --local"

#: How texts name a command: only for the embedded cloud, or for any; `local` takes none of the options.
COMMAND = re.compile(r"python run\.py(?: (?P<is_local>--local))? (?P<group>local )?")


def shown(path: Path) -> Path:
    """Return a path as you would type it here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def typed(path: Path) -> str:
    """Return a path as it appears in a command that you would type here, quoted if a shell needs it."""
    return shlex.quote(str(shown(path)))


class SafeConsole(Console):
    """Removes terminal control codes from others' texts. Everything that is shown passes through here.

    Everything that rich shows, nested or live, is rendered here. Links are removed too: we use none.
    """

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """Render, with each text as it may be shown."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                style = segment.style
                linked = style is not None and style.link is not None
                yield Segment(fit(segment.text), style.update_link(None) if style and linked else style)


def _console(*, stderr: bool) -> Console:
    console = SafeConsole(stderr=stderr, soft_wrap=True, highlight=False)
    if not console.is_terminal:
        console.width = COLUMNS_ELSEWHERE
    return console


class Terminal:
    """Two streams: `out` for results, `err` for everything else.

    `program`, `options`: how the user called run.py. Texts that name a next command show it the same way.
    `config`: the file used as config.py. Texts that name config.py name this one.
    """

    program = PROGRAM
    options = ""
    config = "config.py"

    #: In a dry run, only warnings, errors and the plan are shown.
    quiet = False

    def __init__(self, out: Console | None = None, err: Console | None = None) -> None:
        self.out = out or _console(stderr=False)
        self.err = err or _console(stderr=True)

    def named(self, text: str) -> str:
        """Return a text with commands and config.py named as the user called them."""
        named = CONFIG.sub(lambda _: self.config, text) if self.config != "config.py" else text
        return COMMAND.sub(self._command, named)

    def _text(self, text: str) -> str:
        return escape(self.named(text))

    def _command(self, found: re.Match[str]) -> str:
        """Return the command as the user called it, for the embedded cloud if a text says so."""
        if found["group"]:
            return f"{self.program} {found['group']}"
        is_local = found["is_local"] and LOCAL not in self.options
        return f"{self.program}{LOCAL if is_local else ''}{self.options} "

    def command(self) -> str:
        """Return how run.py is called here, with the options that every command needs."""
        return f"{self.program}{self.options}"

    def say(self, text: str) -> None:
        """Print a result, on one line."""
        if self.quiet:
            return
        self.out.print(self._text(one_line(text)))

    def note(self, *lines: str) -> None:
        """Print lines of progress."""
        for line in () if self.quiet else lines:
            self.err.print(self._text(one_line(line)))

    def warn(self, text: str) -> None:
        """Print a warning, on one line."""
        self.err.print(f"[yellow]Warning:[/yellow] {self._text(one_line(text))}")

    def fail(self, text: str) -> None:
        """Print why a command ends; an error may have one line per problem."""
        self.err.print(f"[red]Error:[/red] {self._text(text)}")

    def changes(self, changes: list[Change]) -> None:
        """Print a table of what was created, changed and kept."""
        if self.quiet:
            return
        table = Table("what", "name", "", "detail", box=None, pad_edge=False)
        colors = {"created": "green", "changed": "yellow", "kept": "dim"}
        for change in changes:
            did = f"[{colors[change.did]}]{change.did}[/]"
            table.add_row(change.kind, escape(one_line(change.name)), did, escape(one_line(change.detail)))
        self.out.print(table)

    @contextmanager
    def counting(self, title: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a progress bar on a terminal, a line per tenth elsewhere. Yields what advances the count."""
        if self.err.is_terminal and not self.quiet:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
            )
            with Progress(*columns, console=self.err) as progress:
                task = progress.add_task(title, total=total)
                yield lambda count: progress.advance(task, count)
            return
        done = 0

        def count_on(count: int) -> None:
            nonlocal done
            before, done = done * 10 // max(total, 1), done + count
            if done * 10 // max(total, 1) > before:
                self.note(f"{title}: {done} of {total}")

        yield count_on
