"""Rewrite made.py from the notes of a test run.

    CONTRACT_NOTES=/tmp/notes python -m pytest …
    python -m tests.contract.record /tmp/notes

Each test adds a line to its process's file in that folder. To need few tests, it repeatedly picks the one
that makes most of the remaining requests.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.contract.made import MADE
from tests.contract.static import asked_in, sources

#: Folders whose tests share an account.
SHARING = ("tests/cli/", "tests/e2e/")

HEAD = Path(__file__).with_name("made.py").read_text(encoding="utf-8").partition("MADE: ")[0]


def noted(folder: Path) -> dict[str, set[str]]:
    """Return the requests of each test."""
    found: dict[str, set[str]] = {}
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            found.setdefault(entry["test"], set()).update(entry["made"])
    return found


def chosen(tests: dict[str, set[str]], wanted: set[str]) -> dict[str, tuple[str, ...]]:
    """Return tests that together make all wanted requests, with those that each is listed for."""
    table, left = {}, set(wanted)
    # Tests that share others' results come last: alone, they might make different requests.
    alone = {name: made for name, made in tests.items() if not name.startswith(SHARING)}
    for some in (alone, tests):
        while left and (test := max(sorted(some), key=lambda name: len(some[name] & left), default="")):
            found = some[test] & left
            if not found:
                break
            table[test] = tuple(sorted({*table.get(test, ()), *found}))
            left -= found
    return table


def main(folder: Path) -> None:
    """Write the table."""
    tests = noted(folder)
    for test, made in MADE.items():
        tests.setdefault(test, set()).update(made)
    asked = {
        ":".join(operation)
        for path in sources()
        for group in asked_in(path.read_text(encoding="utf-8"))
        for operation in group
    }
    table = chosen(tests, asked & set().union(*tests.values()))
    lines = [f"    {test!r}: (\n" + "".join(f"        {one!r},\n" for one in made) + "    ),\n"
             for test, made in sorted(table.items())]  # fmt: skip
    text = f"{HEAD}MADE: dict[str, tuple[str, ...]] = {{\n{''.join(lines)}}}\n"
    Path(__file__).with_name("made.py").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
