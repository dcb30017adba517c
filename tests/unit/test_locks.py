"""What is installed, here, in CI and into the image, is what the lock files name, byte for byte."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.commands import CHECKOUT

LOCKS = {
    "requirements-local.lock": "requirements-local.txt",
    "requirements-dev.lock": "requirements-dev.txt",
    "requirements-uv.lock": "requirements-uv.txt",
    "worker/requirements.lock": "worker/requirements.txt",
    "worker/core-requirements.lock": "worker/core-requirements.txt",
}


def wanted(path: Path) -> set[str]:
    """Return the names of the packages that a requirements file asks for, and those that it includes."""
    found: set[str] = set()
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            found |= wanted(path.parent / line[3:])
        elif line and not line.startswith("#"):
            found.add(re.split(r"[\\[<>=~! ;]", line)[0])
    return found


def locked(path: Path) -> dict[str, list[str]]:
    """Return the versions of each package in a lock file; each entry has a hash."""
    found: dict[str, list[str]] = {}
    for entry in re.split(r"\n(?=\S)", path.read_text(encoding="utf-8").strip()):
        match = re.match(r"([\w.-]+)(?:\[[\w,]+\])?==(\S+)", entry)
        assert match, entry
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry), entry
        found.setdefault(match[1], []).append(match[2])
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_each_package_is_locked_to_the_version_of_constraints_and_to_its_hashes(lock: str) -> None:
    found = locked(CHECKOUT / lock)
    pinned = dict[str, set[str]]()
    for line in (CHECKOUT / "constraints.txt").read_text().splitlines():
        if "==" in line:
            name, version = line.split(";")[0].split("==")
            pinned.setdefault(name.strip(), set()).add(version.strip())

    assert wanted(CHECKOUT / LOCKS[lock]) <= found.keys()
    assert {name: set(versions) - pinned[name] for name, versions in found.items() if name in pinned} == {
        name: set() for name in found if name in pinned
    }


def test_nothing_is_installed_but_from_lock_files() -> None:
    for path in ("Makefile", "worker/Dockerfile", "worker/core.Dockerfile"):
        text = (CHECKOUT / path).read_text()
        for line in re.findall(r".*\bpip (?:--python \S+ )?install\b(?:.*\\\n)*.*", text):
            assert "--require-hashes" in line, line
