"""The list of plugins, as the build of the image reads it: what is not pinned, or not as pinned, ends it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]

#: Takes FIJI's place: an updater that brings one file, of whatever is in `offered`.
UPDATER = """#!/bin/sh
home=$(dirname "$0")
case "$*" in *" update") mkdir -p "$home/plugins" && cp "$home/offered" "$home/plugins/Site_.jar" ;; esac
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder like FIJI's, with an updater."""
    made = tmp_path / "Fiji.app"
    (made / "jars").mkdir(parents=True)
    (made / "offered").write_bytes(b"version 1")
    launcher = made / "ImageJ-linux64"
    launcher.write_text(UPDATER)
    launcher.chmod(0o755)
    return made


def put_in(home: Path, *lines: str) -> tuple[int, str]:
    """Put what a list says into a FIJI; return exit code and what was said."""
    listed = home.parent / "plugins.txt"
    listed.write_text("\n".join(["# a comment", *lines]) + "\n")
    program = CHECKOUT / "worker" / "image" / "plugins.py"
    command = [sys.executable, str(program), str(listed), str(home)]
    environ = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    return done.returncode, done.stdout + done.stderr


def test_a_jar_beside_the_list_comes_in_where_it_has_its_checksum(home: Path) -> None:
    (home.parent / "My_.jar").write_bytes(b"mine")
    digest = hashlib.sha256(b"mine").hexdigest()

    assert put_in(home, f"jar plugins My_.jar {digest}") == (0, "plugins: My_.jar is in plugins/\n")
    assert (home / "plugins" / "My_.jar").read_bytes() == b"mine"


def test_a_jar_with_another_checksum_is_refused(home: Path) -> None:
    (home.parent / "My_.jar").write_bytes(b"somebody else's")
    digest = hashlib.sha256(b"somebody else's").hexdigest()

    code, said = put_in(home, f"jar plugins My_.jar {'0' * 64}")

    assert code == 1
    assert f"My_.jar has the SHA256 {digest}" in said
    assert not (home / "plugins").exists()


def test_every_line_that_cannot_be_read_is_named(home: Path) -> None:
    code, said = put_in(home, "jar plugins My_.jar", "jar lib x.jar " + "0" * 64, "site Only-A-Name")

    assert code == 1
    for line in ("line 2: jar plugins My_.jar", "line 3: jar lib x.jar", "line 4: site Only-A-Name"):
        assert line in said


def test_an_update_site_tells_what_pins_it_and_is_refused_once_it_brings_something_else(home: Path) -> None:
    code, said = put_in(home, "site Lab https://sites.example/Lab/")
    pin = said.strip().rsplit(" ", 1)[-1]
    assert (code, len(pin)) == (0, 64)
    (home / "plugins" / "Site_.jar").unlink()

    assert put_in(home, f"site Lab https://sites.example/Lab/ {pin}")[0] == 0
    (home / "offered").write_bytes(b"version 2")
    code, said = put_in(home, f"site Lab https://sites.example/Lab/ {pin}")

    assert code == 1
    assert "the update site Lab brings other files today" in said
    assert "plugins/Site_.jar" in said


def test_imagej_core_has_no_updater(home: Path) -> None:
    (home / "versions.json").write_text("{}")

    code, said = put_in(home, "site Lab https://sites.example/Lab/")

    assert code == 1
    assert "use `jar` lines" in said
