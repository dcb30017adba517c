"""S6: scripts, keys and messages with terminal control sequences, through real workers to logs and screen."""

from __future__ import annotations

import io
import json
import random
from typing import Any

from distributed_fiji.changes import Change
from distributed_fiji.commands.view import View
from distributed_fiji.errors import InvalidInput
from distributed_fiji.terminal import SafeConsole, Terminal
from tests.faults.audit import audit
from tests.faults.ground import Ground, finish
from tests.faults.report import Report
from tests.unit.test_text import unfit
from tests.worker import harness
from tests.worker.harness import a_job, submit

PIECES = (
    *(
        "\x1b[2J",
        "\x1b[31m",
        "\x1b]0;title\x07",
        "\x1b]8;;https://evil.example\x1b\\",
        "\x1b]52;c;aWQ=\x07",
        "\x1bc",
    ),
    *("\r", "\b\b\b", "\x07", "\x0b", "\x0c", "\x7f", "\x85", "\x9b1m", "\x9d0;t\x9c", "\u2028", "\u2029"),
    *(
        "\u202e",
        "\u2066",
        "\u2069",
        "\u200f",
        "\u061c",
        "[link=https://evil.example]",
        "[red]",
        "%s",
        "done",
        " ",
        "é",
    ),
)


def a_text(chance: random.Random) -> str:
    """Return a text that a script may print, or that may be part of a key."""
    return "".join(chance.choice(PIECES) for _ in range(chance.randrange(1, 12)))


def hostile_texts(ground: Ground, *, texts: int, jobs: int, workers: int) -> Report:
    """Show texts in every way that any is shown, and let scripts print them in real workers."""
    report, chance = Report(), ground.chance("S6")
    _on_the_screen(report, chance, texts)
    _through_workers(ground, report, chance, jobs=jobs, workers=workers)
    return report


def _on_the_screen(report: Report, chance: random.Random, texts: int) -> None:
    for _ in range(texts):
        text = a_text(chance)
        ways: dict[str, Any] = {
            "say": lambda terminal, text=text: terminal.say(text),
            "note": lambda terminal, text=text: terminal.note(text),
            "warn": lambda terminal, text=text: terminal.warn(text),
            "tell": lambda terminal, text=text: View(terminal.err, "App").tell(text),
            "fail": lambda terminal, text=text: terminal.fail(str(InvalidInput(text, [text]))),
            "table": lambda terminal, text=text: terminal.changes([Change("queue", text, "kept", text)]),
        }
        for way, show in ways.items():
            file = io.StringIO()
            console = SafeConsole(file=file, width=10_000)
            show(Terminal(console, console))
            report.injected["shown"] += 1
            said = file.getvalue()
            report.expect(not unfit(said), f"{way} {text!r} shows {said!r}")
            lines = {"fail": 2, "table": 2}.get(way, 1)
            report.expect(said.count("\n") == lines, f"{way} {text!r} is not one line: {said!r}")


def _through_workers(
    ground: Ground, report: Report, chance: random.Random, *, jobs: int, workers: int
) -> None:
    with ground.run("shown", retries=1) as run:
        sent = [
            a_job(
                number, say=a_text(chance), fail="script_error", message=a_text(chance), Well=a_text(chance)
            )
            for number in range(jobs)
        ]
        run.cloud.logs.create_log_group(logGroupName=run.app_name)
        submit(run, sent)
        for number in range(workers):
            harness.start_worker(
                run, LOG_FORMAT="json" if number % 2 else "text", LOG_GROUP_NAME=run.app_name
            )
        finish(run, 60 + 5 * jobs)
        audit(run, sent, report)
        report.injected["printed"] += jobs
        for worker in run.workers:
            said = worker.log.read_text(encoding="utf-8")
            report.expect(not unfit(said), f"a worker's log has {unfit(said)[:5]}")
        for line in _lines(run):
            report.expect(not unfit(line) and "\n" not in line, f"a log stream has {line!r}")
        for key in harness.keys(run, ""):
            if "/failures/" in key:
                body = run.cloud.s3.get_object(Bucket=run.bucket, Key=key)["Body"].read()
                tail = "\n".join(json.loads(body)["console"])
                report.expect(not unfit(tail), f"{key} has {tail!r}")
            if key.endswith(".log"):
                body = run.cloud.s3.get_object(Bucket=run.bucket, Key=key)["Body"].read()
                report.expect(not unfit(body.decode()), f"{key} has {body!r}")


def _lines(run: harness.Run) -> list[str]:
    pages = run.cloud.logs.get_paginator("filter_log_events").paginate(logGroupName=run.app_name)
    return [event["message"] for page in pages for event in page["events"]]
