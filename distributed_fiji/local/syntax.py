"""Whether a script can be parsed by ImageJ core's parsers for its language. Nothing in it is run.

Only available if ImageJ core was built on this machine. Results are cached next to it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from distributed_fiji.wholefiles import replacing

PARSER = Path(__file__).with_suffix(".groovy")
HOME = Path(__file__).resolve().parents[2] / ".imagej-core"
LANGUAGES = (".ijm", ".py", ".groovy", ".bsh")
SECONDS = 60


class Fault(NamedTuple):
    """What a parser objects to. `is_sure`: the script cannot run; otherwise it fails when it gets there."""

    is_sure: bool
    line: str
    what: str


def find_faults(text: str, ending: str, home: Path = HOME) -> list[Fault]:
    """Return what is wrong with a script's syntax; nothing if there is no parser for it here."""
    launcher = home / "ImageJ-linux64"
    if ending not in LANGUAGES or not text.strip() or not (home / "stamp").exists():
        return []
    name = hashlib.sha256(f"{PARSER.read_text(encoding='utf-8')}\0{ending}\0{text}".encode()).hexdigest()
    known = home.with_name(f"{home.name}-parsed") / name
    said = known.read_text(encoding="utf-8") if known.exists() else _parse(text, ending, launcher)
    if "PARSED" not in said.splitlines():
        return []
    _remember(known, said)
    lines = [line.split("\t") for line in said.splitlines()]
    return [Fault(line[1] == "stop", line[2], line[3]) for line in lines if line[0] == "FOUND"]


def _remember(known: Path, said: str) -> None:
    """Store what the parser said, completely or not at all. It is fine if the runtime is not writable."""
    if known.exists():
        return
    with contextlib.suppress(OSError):
        known.parent.mkdir(exist_ok=True)
        with replacing(known) as file:
            file.write(said)


def _parse(text: str, ending: str, launcher: Path) -> str:
    """Return what the parser prints, '' if it cannot be run."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=ending) as file:
        file.write(text)
        file.flush()
        environment = os.environ | {"CHECKED_SCRIPT": file.name, "CHECKED_ENDING": ending}
        command = [str(launcher), "--headless", "--run", str(PARSER)]
        try:
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            return ""
    return done.stdout
