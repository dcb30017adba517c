"""What the user sees: results on stdout; progress, warnings and waiting on stderr, plain lines elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from distributed_fiji.changes import Change

#: Columns of tables where no terminal says how many it has: wide enough to cut no name.
COLUMNS_ELSEWHERE = 240

#: How texts name the command; what stands after it may already say which cloud is meant.
COMMAND = re.compile(r"python run\.py (?!--local|local )")


def shown(path: Path) -> Path:
    """Return a path as one would type it here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, soft_wrap=True, highlight=False)
    if not console.is_terminal:
        console.width = COLUMNS_ELSEWHERE
    return console


class Terminal:
    """Two streams: `out` for results, `err` for everything else.

    `command`: how the user called run.py, options included; texts that name a next command are shown so.
    """

    command = "python run.py"

    def __init__(self, out: Console | None = None, err: Console | None = None) -> None:
        self.out = out or _console(stderr=False)
        self.err = err or _console(stderr=True)

    def _text(self, text: str) -> str:
        return escape(COMMAND.sub(f"{self.command} ", text))

    def say(self, text: str) -> None:
        """Print a result."""
        self.out.print(self._text(text))

    def note(self, text: str) -> None:
        """Print a line of progress."""
        self.err.print(self._text(text))

    def warn(self, text: str) -> None:
        """Print a warning."""
        self.err.print(f"[yellow]Warning:[/yellow] {self._text(text)}")

    def fail(self, text: str) -> None:
        """Print why a command ends."""
        self.err.print(f"[red]Error:[/red] {self._text(text)}")

    def changes(self, changes: list[Change]) -> None:
        """Print a table of what was created, changed and kept."""
        table = Table("what", "name", "", "detail", box=None, pad_edge=False)
        colours = {"created": "green", "changed": "yellow", "kept": "dim"}
        for change in changes:
            did = f"[{colours[change.did]}]{change.did}[/]"
            table.add_row(change.kind, escape(change.name), did, escape(change.detail))
        self.out.print(table)

    @contextmanager
    def counting(self, title: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a progress bar on a terminal, a line per tenth elsewhere; yields what counts on."""
        if self.err.is_terminal:
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
