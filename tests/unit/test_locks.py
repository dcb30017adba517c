"""What is installed, here, in CI and into the image, is what the lock files name, byte for byte."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.commands import CHECKOUT

LOCKS = {
    "requirements-local.lock": "requirements-local.txt",
    "requirements-dev.lock": "requirements-dev.txt",
    "requirements-uv.lock": "requirements-uv.txt",
    "worker/requirements.lock": "worker/requirements.txt",
    "worker/core-requirements.lock": "worker/core-requirements.txt",
}


def wanted(path: Path) -> list[Requirement]:
    """Return what a requirements file asks for, with what those that it includes do."""
    found: list[Requirement] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            found += wanted(path.parent / line[3:])
        elif line and not line.startswith("#"):
            found.append(Requirement(line))
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


def pinned() -> dict[str, set[str]]:
    """Return the versions of each package in constraints.txt."""
    found: dict[str, set[str]] = {}
    for line in (CHECKOUT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        name, version = line.split(";")[0].split("==")
        found.setdefault(name.strip(), set()).add(version.strip())
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_file_has_what_is_asked_for_in_the_versions_of_constraints(lock: str) -> None:
    found, constraints = locked(CHECKOUT / lock), pinned()

    for asked in wanted(CHECKOUT / LOCKS[lock]):
        versions = found.get(asked.name, [])
        assert versions and all(asked.specifier.contains(one) for one in versions), f"`make lock`: {asked}"
    assert {name: set(versions) - constraints.get(name, set()) for name, versions in found.items()} == {
        name: set() for name in found
    }


def test_constraints_name_nothing_that_is_not_installed() -> None:
    assert pinned().keys() == {name for lock in LOCKS for name in locked(CHECKOUT / lock)}


def test_nothing_is_installed_but_from_lock_files() -> None:
    for path in ("Makefile", "worker/Dockerfile", "worker/core.Dockerfile"):
        text = (CHECKOUT / path).read_text()
        for line in re.findall(r".*\bpip (?:--python \S+ )?install\b(?:.*\\\n)*.*", text):
            assert "--require-hashes" in line, line
