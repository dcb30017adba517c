"""Ids of findings are stable, and each has a line in the page on troubleshooting."""

from __future__ import annotations

import re
from pathlib import Path

from distributed_fiji.findings import KINDS, Finding, worst_first

PAGE = Path(__file__).resolve().parents[2] / "docs" / "troubleshooting.md"


def test_each_kind_of_finding_has_a_line_in_the_page() -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## What check finds")[2].partition("\n## ")[0]

    assert re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE) == list(KINDS)


def test_findings_are_listed_worst_first_and_once() -> None:
    one = Finding("memory", "warn", "MEMORY", "a")
    two = Finding("image", "unknown", "DOCKERHUB_TAG", "b")
    three = Finding("bucket", "stop", "AWS_BUCKET", "c")

    assert worst_first([two, one, three, one]) == [three, one, two]
    assert one.document()["next"] == KINDS["memory"][1]
