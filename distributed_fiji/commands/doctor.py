"""`doctor`: walk from the keys to the first job, and name the first broken link. Nothing is changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from distributed_fiji.aws.clients import KEYS_ADVICE, AwsError, Clients
from distributed_fiji.commands.commandline import Context
from distributed_fiji.doctor.chain import Judged, find_broken, is_open, refused, walk
from distributed_fiji.doctor.gather import gather
from distributed_fiji.errors import FAILED, NotConnected
from distributed_fiji.state.record import Run, from_document
from distributed_fiji.state.statefiles import find_state
from distributed_fiji.terminal import Terminal
from worker.contract.jobs import state_key

#: How each state is shown, on terminals with and without Unicode.
MARKS = {"holds": "✓", "broken": "✗", "unknown": "?", "waiting": "…", "not reached": "·"}
PLAIN_MARKS = {"holds": "+", "broken": "x", "unknown": "?", "waiting": "~", "not reached": "-"}


def examine(context: Context, given: Path | None) -> list[Judged]:
    """Return the judged chain of a run. Raises InvalidInput if no run is meant."""
    try:
        run, clients = context.open_run(given)
    except NotConnected as error:
        return refused("; ".join(error.problems).removesuffix(f": {KEYS_ADVICE}"), KEYS_ADVICE)
    if not run.run_id:
        run = find_uploaded(run, clients) or run
    settings = context.settings_of(run.app_name)
    queue = settings.SQS_QUEUE_NAME if settings else run.queue_name
    return walk(gather(run, clients, context.clock.now(), queue if queue != run.queue_name else ""))


def find_uploaded(run: Run, clients: Clients) -> Run | None:
    """Return the app's last run if another computer started it; None if there is none, or it may not be read.

    `run`: what config.py says of the app.
    """
    key = state_key(run.app_name, "run.json")
    try:
        found = find_state(clients.s3, run.bucket, key, from_document)
    except AwsError:
        return None
    same = found and (found.app_name, found.region, found.local) == (run.app_name, run.region, run.local)
    return found if same else None


def exit_code(judged: Sequence[Judged]) -> int:
    """Return 0 if no link is broken and what was seen suffices to say so."""
    return FAILED if find_broken(judged) or is_open(judged) else 0


def show(judged: Sequence[Judged], terminal: Terminal, *, as_json: bool) -> None:
    """Print a line for each link, then the broken one with its evidence and what to do; or JSON."""
    if as_json:
        terminal.say(json.dumps([record_of(one) for one in judged], ensure_ascii=False))
        return
    unicode = (terminal.out.encoding or "").lower().startswith("utf")
    for line in lines_of(judged, MARKS if unicode else PLAIN_MARKS):
        terminal.say(line)


def record_of(one: Judged) -> dict[str, object]:
    """Return a link for a program."""
    found = one.judgement
    return {
        "link": one.link,
        "state": found.state,
        "cause": found.cause,
        "found": found.found,
        "evidence": list(found.evidence),
        "next": found.cure,
    }


def lines_of(judged: Sequence[Judged], marks: dict[str, str]) -> Iterator[str]:
    """Yield the lines that are shown."""
    for link, judgement in judged:
        evidence = judgement.evidence if judgement.state in ("unknown", "waiting") else ()
        found = "; ".join((judgement.found, *evidence)) or judgement.state
        yield f"{marks[judgement.state]} {link:<12} {found}"
    yield ""
    if one := find_broken(judged):
        yield f"Broken: {one.link} ({one.judgement.cause}). {one.judgement.found}."
        yield from (f"  {line}" for line in one.judgement.evidence)
        yield f"  Next: {one.judgement.cure}."
        return
    yield summary(judged)


def summary(judged: Sequence[Judged]) -> str:
    """Return the last line if no link is broken."""
    if is_open(judged):
        return "No link is known to be broken, but some could not be seen: the missing permissions are above."
    late = next((one for one in judged if one.judgement.state == "waiting"), None)
    if late:
        return f"Nothing is broken so far. Not reached yet: {late.link}. Run doctor again in some minutes."
    return "Nothing is broken."
