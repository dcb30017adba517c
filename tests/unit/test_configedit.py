"""`rehearse --apply`: a config.py gets the values named, and every other byte stays."""

from __future__ import annotations

import ast
import random
import stat
from pathlib import Path
from typing import Any

import pytest

from distributed_fiji.commands.configedit import apply_settings, edited
from distributed_fiji.errors import InvalidInput
from distributed_fiji.settings import load_settings

VALUES: dict[str, Any] = {
    "MEMORY": 2048,
    "TASKS_PER_MACHINE": 4,
    "MACHINE_TYPE": ["m5.2xlarge", "m5a.2xlarge"],
    "SQS_MESSAGE_VISIBILITY": 120,
    "JOB_TIMEOUT_MINUTES": 15,
    "EXPECTED_NUMBER_FILES": 3,
    "EBS_VOL_SIZE": 44,
}

#: What may stand where a value does, and what around it stays.
WRITTEN = ("{}", "({})", "(\n    {}  # Größe µm\n)", "{} # MB; 4 × 1024", "{}  ", '{}; NOTE = "é = MEMORY"')
OLD = {
    "MEMORY": ("4096", "4*1024", "BASE +  96", "int('4096')"),
    "MACHINE_TYPE": ('["m5.xlarge"]', "'m5.xlarge'", '[\n  "m5.xlarge",  # first\n  "r5.xlarge",\n]'),
}
OTHERS = (
    "# MEMORY = 1 is not enough für µm\n",
    "\n",
    '"""Settings.\n\nMEMORY = 5\n"""\n',
    "BASE = 4000\n",
    "SQS_QUEUE_NAME = APP_NAME + 'Queue'\n",
    "def MEMORY_of(x):\n    MEMORY = x\n    return MEMORY\n",
    "HEARTBEAT_SECONDS =\t20\n",
    "\x0c\n",
)


def made(seed: int) -> tuple[bytes, bytes, set[str]]:
    """Return a config.py, what it must become, and the names that it sets."""
    rng = random.Random(seed)
    before = "APP_NAME = 'Größe'.replace('öß', 'os')\nBASE = 4000\nNOTE = ''\n"
    encoding = rng.choice(["utf-8", "utf-8", "utf-8-sig", "latin-1"])
    old = new = ("# -*- coding: latin-1 -*-\n" if encoding == "latin-1" else "") + before
    names = [name for name in VALUES if rng.random() < 0.8]
    twice = [rng.choice(names)] if names and rng.random() < 0.3 else []
    for number, name in enumerate([*twice, *rng.sample(names, len(names))]):
        other = "".join(rng.choices(OTHERS, k=rng.randint(0, 3)))
        start = other + name + rng.choice([" = ", "=", "  =  ", ": object = "])
        around, value = rng.choice(WRITTEN), rng.choice(OLD.get(name, ("30", "3 * 10")))
        is_last = number >= len(twice)
        old += start + around.format(value) + "\n"
        new += start + around.format(repr(VALUES[name]) if is_last else value) + "\n"
    if rng.random() < 0.3:
        old, new = old.rstrip("\n"), new.rstrip("\n") + ("" if len(names) == len(VALUES) else "\n")
    new += "".join(f"{name} = {value!r}\n" for name, value in VALUES.items() if name not in names)
    ending = rng.choice(["\n", "\n", "\r\n", "\r"])
    old, new = (text.replace("\n", ending) for text in (old, new))
    return old.encode(encoding), new.encode(encoding), set(names)


def assignments(content: bytes) -> list[str]:
    """Return a file's statements, with the last that sets one of the values as its name."""
    statements = ast.parse(content).body
    said = [ast.dump(one) for one in statements]
    for name in VALUES:
        own = [
            place
            for place, one in enumerate(statements)
            if name in ast.unparse(one).split("=")[0].split(":")[0].split()
        ]
        if own:
            said[own[-1]] = name
    return said


def test_two_hundred_configs_differ_in_the_named_values_alone() -> None:
    for seed in range(200):
        old, new, names = made(seed)
        got = edited(old, VALUES)

        assert got == new, seed
        assert assignments(got)[: len(assignments(old))] == assignments(old), seed
        added = assignments(got)[len(assignments(old)) :]
        assert set(added) == VALUES.keys() - names, seed
        namespace: dict[str, Any] = {}
        exec(compile(got, "config.py", "exec"), namespace)
        assert {name: namespace[name] for name in VALUES} == VALUES, seed


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.py"
    path.write_text(
        "APP_NAME = 'Nuclei'\nAWS_BUCKET = 'my-bucket'\nSCRIPT_DOWNLOAD_URL = 'a.ijm'\nMEMORY = 4096\n"
    )
    return path


def test_a_config_keeps_its_place_and_its_rights(config: Path) -> None:
    config.chmod(0o640)
    link = config.with_name("link.py")
    link.symlink_to(config)

    apply_settings(link, VALUES)

    assert link.is_symlink() and stat.S_IMODE(config.stat().st_mode) == 0o640
    settings, warnings = load_settings(config)
    assert {name: getattr(settings, name) for name in VALUES} == VALUES and warnings == []
    assert set(config.parent.iterdir()) == {config, link}


@pytest.mark.parametrize("line", ["MEMORY += 1\n", "if True:\n    MEMORY = 5000\n", "MEMORY, X = 5000, 1\n"])
def test_a_value_that_would_not_hold_is_named_and_nothing_is_written(config: Path, line: str) -> None:
    config.write_text(config.read_text("utf-8") + line, encoding="utf-8")
    before = config.read_bytes()

    with pytest.raises(InvalidInput, match="MEMORY is set in a way that cannot be changed here"):
        apply_settings(config, VALUES)

    assert config.read_bytes() == before and [*config.parent.iterdir()] == [config]
