"""`status --wait` and `--watch`, typed in a terminal and stopped like there."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from distributed_fiji.aws.clients import Clients
from distributed_fiji.state.recordfile import write_record
from tests.commands import CHECKOUT
from tests.emulators import CLIENT_ENVIRONMENT
from tests.monitor.builders import ARun, EmulatedSession, a_run
from worker.contract.jobs import Job

WELLS = [Job({"Well": well}, "out") for well in ("A01", "A02")]


@contextmanager
def typed(
    run: ARun, session: EmulatedSession, folder: Path, *words: str
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Type a command about a run in a terminal; return the process, and the terminal's other end."""
    record = folder / "record.json"
    write_record(record, run.record)
    ours, theirs = pty.openpty()
    environment = {
        **os.environ,
        **session.environment,
        **CLIENT_ENVIRONMENT,
        "TERM": "xterm",
        "COLUMNS": "80",
    }
    process = subprocess.Popen(
        [sys.executable, "run.py", "status", str(record), *words],
        cwd=CHECKOUT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    try:
        yield process, ours
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        os.close(ours)


def said(terminal: int, until: str = "") -> str:
    """Return what comes to a terminal until these words have, or until its program has ended."""
    text, deadline = "", time.monotonic() + 60
    while not until or until not in text:
        assert time.monotonic() < deadline, text
        try:
            text += os.read(terminal, 65536).decode()
        except OSError:  # the program is gone
            break
    return text


def test_waiting_ends_with_the_last_job_and_tells_by_its_exit_code_whether_all_are_done(
    clients: Clients, session: EmulatedSession, app: str, tmp_path: Path
) -> None:
    run = a_run(clients, app)
    run.submit(WELLS)

    with typed(run, session, tmp_path, "--wait", "--exit-code") as (process, terminal):
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(5)
        run.work_off()
        run.give_up()
        text = said(terminal)
        assert process.wait(30) == 3

    assert "1 of 2 jobs done" in text
    assert "given up" in text


def test_watching_shows_the_jobs_again_and_again_until_ctrl_c(
    clients: Clients, session: EmulatedSession, app: str, tmp_path: Path
) -> None:
    run = a_run(clients, app)
    run.submit(WELLS)

    with typed(run, session, tmp_path, "--watch") as (process, terminal):
        first = said(terminal, until="0 of 2 jobs done")
        run.work_off()
        second = said(terminal, until="1 of 2 jobs done")
        process.send_signal(signal.SIGINT)
        rest = said(terminal)
        assert process.wait(30) == 130, rest

    assert "Traceback" not in first + second + rest
