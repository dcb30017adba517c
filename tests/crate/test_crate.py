"""The crate that `report` writes is valid, by a validator that is not ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.test_report import HOSTILE, crate

HERE = Path(__file__).parent

#: The terms that our crates use, as RO-Crate 1.1 has them in its context: https://w3id.org/ro/crate/1.1/context,
#: version 1.1.3, compared with it term by term.
SCHEMA = """
CreateAction CreativeWork Dataset PropertyValue SoftwareApplication about actionStatus datePublished
description encodingFormat endTime error hasPart identifier instrument license mentions name object result
softwareRequirements softwareVersion startTime url value version
"""
TERMS = {term: f"http://schema.org/{term}" for term in SCHEMA.split()} | {
    "File": "http://schema.org/MediaObject",
    "conformsTo": "http://purl.org/dc/terms/conformsTo",
}


def terms_of(document: dict[str, Any]) -> set[str]:
    names = {name for entity in document["@graph"] for name in entity if not name.startswith("@")}
    return names | {entity["@type"] for entity in document["@graph"]}


@pytest.fixture(scope="module")
def validator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an environment that has the validator; skip where it cannot be had."""
    folder = tmp_path_factory.mktemp("validator")
    python = folder / "bin" / "python"
    uv = [sys.executable, "-m", "uv"]
    for command in (
        [*uv, "venv", "--quiet", "--python", sys.executable, str(folder)],
        [*uv, "pip", "install", "--quiet", "--python", str(python), "-r", str(HERE / "requirements.txt")],
    ):
        made = subprocess.run(command, capture_output=True, text=True)
        if made.returncode and os.environ.get("CI"):
            pytest.fail(f"CI needs more than it has: {made.stderr}")
        if made.returncode:
            pytest.skip(f"the validator cannot be installed: {made.stderr.strip().splitlines()[-1]}")
    return python


def found_in(document: dict[str, Any], python: Path, folder: Path) -> list[tuple[str, str, str]]:
    """Return severity, check and message of everything that the validator finds."""
    made = folder / "crate"
    made.mkdir(exist_ok=True)
    (made / "ro-crate-metadata.json").write_text(json.dumps(document), encoding="utf-8")
    for name in ("report.html", "wells.csv"):
        (made / name).write_text("x")
    context = folder / "context.json"
    context.write_text(json.dumps({"@context": TERMS}))
    command = [str(python), str(HERE / "validate.py"), str(made), str(context), str(folder)]
    subprocess.run(command, capture_output=True, text=True, check=True)
    return [tuple(one) for one in json.loads((folder / "found.json").read_text())]


@pytest.mark.parametrize("text", ["x", HOSTILE], ids=["calm", "hostile"])
def test_the_crate_is_valid(validator: Path, tmp_path: Path, text: str) -> None:
    document = crate(text, script=f"s3://b/{text}.ijm", output_locations=())
    assert terms_of(document) <= TERMS.keys()

    assert [one for one in found_in(document, validator, tmp_path) if one[0] == "REQUIRED"] == []


def test_a_crate_that_is_not_valid_is_found(validator: Path, tmp_path: Path) -> None:
    """Without this, the test above could pass because nothing is looked at."""
    document = crate("x", script="s3://b/x.ijm", output_locations=())
    root = next(one for one in document["@graph"] if one["@id"] == "./")
    del root["datePublished"]
    for one in document["@graph"]:
        one.pop("instrument", None)

    required = [one for one in found_in(document, validator, tmp_path) if one[0] == "REQUIRED"]

    assert any("datePublished" in message for _, _, message in required), required
    assert any(check.startswith("process-run-crate") for _, check, _ in required), required
