"""Several short jobs in one message, and what a message's attributes say. Standard library only.

A bundle's body is `{"jobs":[BODY,…]}`, each BODY as `encode_message` makes it. Each job in it counts alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

#: The most jobs in a bundle, and the most bytes: SQS bills each 64 KB of a message as a request (SQS
#: pricing).
MOST_JOBS, MOST_BYTES = 100, 64 * 1024

#: Attributes of a message: its submission and, where a worker sent on a job of a bundle alone, how many
#: attempts went before, and when the bundle was sent (seconds since 1970).
SUBMISSION, ATTEMPTS, FIRST_SENT = "submission", "attempts", "first_sent"

_BEGIN, _END = '{"jobs":[', "]}"


def bundled(bodies: Iterable[tuple[str, str]], most: int, mark: int = 0) -> Iterator[tuple[str, str]]:
    """Yield jobs, each an id and a body, in bundles of up to `most`, under the id of the first.

    `mark`: bytes of each message's attributes. A job that is alone stays as it is.
    """
    group: list[str] = []
    first, size = "", 0
    for job, body in bodies:
        length = len(body.encode("utf-8")) + 1
        if group and (len(group) == most or size + length > MOST_BYTES):
            yield first, _joined(group)
            group = []
        if not group:
            first, size = job, mark + len(_BEGIN + _END)
        group.append(body)
        size += length
    if group:
        yield first, _joined(group)


def _joined(bodies: list[str]) -> str:
    return _BEGIN + ",".join(bodies) + _END if len(bodies) > 1 else bodies[0]


def bodies_in(body: str) -> list[str]:
    """Return the bodies of a message's jobs, each exactly as it was bundled: one, unless it is a bundle.

    What begins as a bundle and is none is one message that is no job.
    """
    if not body.startswith(_BEGIN):
        return [body]
    found, place, decoder = [], len(_BEGIN), json.JSONDecoder()
    try:
        while True:
            _, end = decoder.raw_decode(body, place)
            found.append(body[place:end])
            if body[end:] == _END:
                return found
            if body[end : end + 1] != ",":
                return [body]
            place = end + 1
    except (ValueError, RecursionError):
        return [body]
