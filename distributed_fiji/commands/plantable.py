"""The calls that a dry run noted, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from distributed_fiji.aws.dryrun import Intended
from worker.contract.text import one_line

#: What operations do, by the beginnings of their names.
VERBS = {
    "create": ("Create", "Register", "Request", "Subscribe"),
    "delete": ("Delete", "Remove", "Terminate", "Cancel", "Deregister", "Stop", "Detach"),
    "send": ("Send", "Publish"),
    "receive": ("Receive",),
}


def verb_of(call: Intended) -> str:
    """Return what a call does: create, change, delete, send or receive."""
    return next((verb for verb, starts in VERBS.items() if call.operation.startswith(starts)), "change")


def merged(calls: Sequence[Intended]) -> list[Intended]:
    """Return the calls, with consecutive ones combined that differ only in their counts."""
    found: list[Intended] = []
    for call in calls:
        if found and replace(found[-1], count=call.count) == call:
            found[-1] = replace(call, count=found[-1].count + call.count)
        else:
            found.append(call)
    return found


def show_plan(lines: Sequence[str], calls: Sequence[Intended], console: Console, *, as_json: bool) -> None:
    """Print what a command would do: its remarks, and a row for each call."""
    together = merged(calls)
    if as_json:
        rows = [asdict(call) | {"does": verb_of(call)} for call in together]
        document = json.dumps({"summary": list(lines), "calls": rows})
        console.print(document, markup=False, soft_wrap=True)
        return
    for line in lines:
        console.print(escape(one_line(line)))
    table = Table("does", "service", "call", "name", "count", box=None, pad_edge=False)
    for call in together:
        count = f"{call.count:,}" if call.count > 1 else ""
        table.add_row(verb_of(call), call.service, call.operation, escape(one_line(call.name)), count)
    console.print(table if together else "Nothing would be changed.")
