"""The page: what is known of a run as one HTML file that asks nobody for anything.

Texts of others reach HTML only as values of the template, which escapes them, without control characters;
and data only as JSON in which no tag can end or begin. The policy in the page's head lets a browser run one
script and use one style sheet, by their hashes, and load nothing at all but thumbnails, where it has any.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from distributed_fiji.jobnames import printable
from distributed_fiji.report.sheet import Sheet
from distributed_fiji.report.spread import Spread
from distributed_fiji.review.groups import Group
from distributed_fiji.state.record import without_secrets
from worker.contract.text import shown

TEMPLATES = Path(__file__).parent / "templates"

#: Groups of failures in the page, jobs of one that are named, characters of a sentence and of a line.
MOST_GROUPS, NAMED, LONGEST, LONGEST_LINE = 50, 3, 600, 300
#: Parameters and values in the page, and characters of one.
MOST_ROWS, LONGEST_VALUE = 60, 300

#: A name, a value and a remark.
Row = tuple[str, str, str]


@dataclass(frozen=True)
class Cause:
    """A group of failures as the page tells it. `commands`: what to run."""

    key: str
    what: str
    jobs: int
    given_up: int
    share: float
    sentence: str
    traits: str
    named: tuple[str, ...]
    excerpt: tuple[str, ...]
    cure: str
    commands: tuple[str, ...]


@dataclass(frozen=True)
class Times:
    """When and how long. `phases`, `seconds`: of finished jobs, in seconds; `slowest`: seconds and a name."""

    timeline: Markup
    phases: Mapping[str, Spread]
    seconds: Spread | None
    slowest: Sequence[tuple[float, str]]


@dataclass(frozen=True)
class Needs:
    """What finished jobs needed. `memory`: MB; `next_time`: setting, now, next time, why."""

    memory: Spread | None
    drawn: Markup
    next_time: Sequence[tuple[str, str, str, str]]


@dataclass(frozen=True)
class WhatRan:
    """What was run: names with their values, and a paragraph for the methods."""

    made_with: Sequence[tuple[str, Sequence[str]]]
    parameters: Sequence[tuple[str, Sequence[str]]]
    settings: Sequence[tuple[str, Sequence[str]]]
    whose_settings: str
    methods: str


@dataclass(frozen=True)
class Page:
    """All that the page says. `thumbnails`, `tables`: a sentence on each; `program`, `logs`:
    what to type.
    """

    app: str
    made: str
    verdict: str
    is_good: bool
    counts: Sequence[Row]
    costs: Sequence[Row]
    causes: Sequence[Cause]
    causes_left_out: int
    sheet: Sheet | None
    thumbnails: str
    tables: str
    times: Times
    needs: Needs
    what: WhatRan
    program: str
    logs: str
    notes: Sequence[str] = ()


def cause_of(group: Group, names: Mapping[str, str], logs: str, retry: str) -> Cause:
    """Return a group of failures as the page tells it. `logs`, `retry`: commands without their jobs."""
    one = group.example
    first = group.jobs[0]
    return Cause(
        key=group.key,
        what=(one.failure or "failed") + (f", line {one.line}" if one.line else ""),
        jobs=len(group.jobs),
        given_up=group.given_up,
        share=group.share,
        sentence=printable(one.sentence)[:LONGEST],
        traits=group.traits[:LONGEST],
        named=tuple(f"{names.get(job) or 'job'} ({job})" for job in group.jobs[:NAMED]),
        excerpt=tuple(line[:LONGEST_LINE] for line in group.excerpt),
        cure=group.cure,
        commands=(f"{logs} {first} --errors", f"{retry} --group {group.key}"),
    )


def clean(value: Any) -> Any:
    """Return a value as a template may show it: text without control characters and without queries of
    addresses, markup of ours as it is.
    """
    return (
        without_secrets(shown(value)) if isinstance(value, str) and not isinstance(value, Markup) else value
    )


def as_data(value: Any) -> Markup:
    """Return JSON that can stand in an element of the page: it holds no character that opens a tag."""
    text = without_secrets(json.dumps(value, separators=(",", ":"), allow_nan=False))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES, encoding="utf-8"),
        autoescape=True,
        finalize=clean,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _part(name: str) -> Markup:
    """Return a script or a style sheet of ours."""
    return Markup((TEMPLATES / name).read_text(encoding="utf-8"))


def policy_for(script: str, style: str, *, has_thumbnails: bool) -> str:
    """Return the page's Content-Security-Policy (W3C, "Content Security Policy Level 3").

    Thumbnails are files beside the page. A page that is a file itself has an origin of its own (W3C, "HTML"),
    with which 'self' need not match: then the scheme does.
    """
    hashes = (b64encode(sha256(text.encode()).digest()).decode() for text in (script, style))
    what = ("script-src", "style-src")
    allowed = "; ".join(f"{name} 'sha256-{one}'" for name, one in zip(what, hashes, strict=True))
    allowed += "; img-src 'self' file:" if has_thumbnails else ""
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def render(page: Page) -> str:
    """Return the page as HTML."""
    script, style = _part("report.js"), _part("report.css")
    template = _environment().get_template("report.html")
    return template.render(
        page=page,
        script=script,
        style=style,
        policy=policy_for(script, style, has_thumbnails=_has_thumbnails(page)),
        data=as_data(_data(page)),
        most_rows=MOST_ROWS,
        longest=LONGEST_VALUE,
    )


def _has_thumbnails(page: Page) -> bool:
    return page.sheet is not None and any("thumbnails" in plate for plate in page.sheet.data["plates"])


def _data(page: Page) -> dict[str, Any]:
    causes = [f"{cause.what}: {printable(cause.sentence)[:LONGEST_VALUE]}" for cause in page.causes]
    sheet = page.sheet.data if page.sheet else None
    return {"logs": page.logs, "causes": causes, "sheet": sheet}
