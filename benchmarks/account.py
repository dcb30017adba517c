"""A made-up account with a million jobs: an S3 that lists a thousand names a page, an SQS with dead letters.

`python -m benchmarks.account PORT JOBS SHARE` serves it until it is killed. SHARE of the jobs are done, one
in a hundred is a dead letter after three failed attempts, and what people leave lies between. `/count` says
how many requests there were of each kind, and starts anew.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, quote, unquote, urlsplit

from worker.contract.jobs import Job, encode_message, state_key

APP, BUCKET = "Bench", "bench-bucket"
#: When the queue was created and its jobs were submitted, and when a manifest that counts was written.
CREATED, WRITTEN, OUTDATED = 1_790_000_000, "2026-10-01T12:00:00.000Z", "2026-01-01T12:00:00.000Z"
PAGE = 1000
#: Seconds that a request to S3 takes longer than making its answer does, as from a far machine.
AWAY = 0.02


@dataclass(frozen=True)
class Account:
    """The jobs and what is true of them. `share`: of the jobs that are no dead letters are done."""

    jobs: int
    share: float

    @cached_property
    def dead(self) -> list[Job]:
        return [Job({"Number": number}, "out") for number in range(self.jobs // 100)]

    @cached_property
    def ids(self) -> list[str]:
        """All IDs: those of the dead jobs come first."""
        chance = random.Random(self.jobs)
        rest = self.jobs - len(self.dead)
        return [job.job_id for job in self.dead] + [f"{chance.getrandbits(64):016x}" for _ in range(rest)]

    @property
    def done(self) -> int:
        return int((self.jobs - len(self.dead)) * self.share)

    @property
    def outdated(self) -> int:
        return (self.jobs - len(self.dead) - self.done) // 100

    @property
    def truth(self) -> dict[str, int]:
        """What must be counted."""
        left = self.jobs - self.done - len(self.dead)
        return {
            "done": self.done,
            "dead": len(self.dead),
            "unaccounted": left,
            "outdated": self.outdated,
            "failed_attempts": 3 * len(self.dead) + self.done // 50,
            "failing": len(self.dead),
            "warned": self.done // 100,
        }

    def objects(self) -> Iterator[tuple[str, str]]:
        """Yield key and time of everything in the bucket but the submission."""
        first = len(self.dead)
        done = self.ids[first : first + self.done]
        for job in done:
            yield state_key(APP, "manifests", f"{job}.json"), WRITTEN
        for job in self.ids[first + self.done :][: self.outdated]:
            yield state_key(APP, "manifests", f"{job}.json"), OUTDATED
        for job in self.ids[:first]:
            for attempt in (1, 2, 3):
                yield state_key(APP, "failures", f"{job}/{attempt}.json"), WRITTEN
        for job in done[: self.done // 50]:
            yield state_key(APP, "failures", f"{job}/1.json"), WRITTEN
        for job in done[: self.done // 100]:
            yield state_key(APP, "warnings", f"{job}.json"), WRITTEN
        for number in range(50):
            yield state_key(APP, "manifests", f"a copy ({number}).json"), WRITTEN

    def submission(self) -> bytes:
        document = {
            "submission_id": "20260901T000000Z-0a1b2c3d",
            "job_file": "job.json",
            "queue_created": str(CREATED),
            "submitted_at": CREATED + 10.0,
            "job_ids": self.ids,
            "output_location": "out",
            "complete": True,
            "by_aws": True,
            "app_name": APP,
        }
        return json.dumps(document).encode()


class Bucket:
    """The objects of a bucket: keys in order, and bodies of the few that are read or written."""

    def __init__(self, account: Account) -> None:
        found = sorted(account.objects())
        self.keys = [key for key, _ in found]
        self.times = [written for _, written in found]
        self.bodies: dict[str, bytes] = {}
        self.put(state_key(APP, "submissions", "20260901T000000Z-0a1b2c3d.json"), account.submission())

    def put(self, key: str, body: bytes) -> None:
        place = bisect_left(self.keys, key)
        if not (place < len(self.keys) and self.keys[place] == key):
            self.keys.insert(place, key)
            self.times.insert(place, WRITTEN)
        self.bodies[key] = body

    def page(self, prefix: str, token: str) -> str:
        """Return a page of ListObjectsV2 as S3 writes it."""
        start = int(token) if token else bisect_left(self.keys, prefix)
        keys = self.keys[start : start + PAGE + 1]
        here = [key for key in keys[:PAGE] if key.startswith(prefix)]
        more = len(here) == PAGE and len(keys) > PAGE and keys[PAGE].startswith(prefix)
        listed = "".join(
            f"<Contents><Key>{quote(key)}</Key><LastModified>{written}</LastModified>"
            "<ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><ChecksumAlgorithm>CRC64NVME"
            "</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType><Size>900</Size>"
            "<StorageClass>STANDARD</StorageClass></Contents>"
            for key, written in zip(here, self.times[start : start + len(here)], strict=True)
        )
        following = f"<NextContinuationToken>{start + PAGE}</NextContinuationToken>" if more else ""
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{BUCKET}</Name><Prefix>{quote(prefix)}</Prefix><KeyCount>{len(here)}</KeyCount>"
            f"<MaxKeys>{PAGE}</MaxKeys><EncodingType>url</EncodingType>"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{following}{listed}</ListBucketResult>"
        )


class Queues:
    """A queue that is deep or empty, and its dead letters, hidden while they are read."""

    def __init__(self, account: Account) -> None:
        self._left = account.jobs - account.done - len(account.dead)
        self._bodies = [encode_message(job) for job in account.dead]
        self._visible = deque(range(len(self._bodies)))
        self._hidden: dict[int, float] = {}
        self._lock = threading.Lock()

    def answer(self, action: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Return what SQS would."""
        answers: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "GetQueueUrl": self._url,
            "CreateQueue": self._url,
            "GetQueueAttributes": self._attributes,
            "ListQueueTags": lambda _: {"Tags": {"distributed-fiji:app": APP}},
            "ReceiveMessage": self._receive,
            "ChangeMessageVisibilityBatch": self._show_again,
        }
        with self._lock:
            return answers[action](asked) if action in answers else {}

    def _url(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"QueueUrl": f"http://127.0.0.1/1/{asked['QueueName']}"}

    def _attributes(self, asked: dict[str, Any]) -> dict[str, Any]:
        is_dead = "Dead" in asked["QueueUrl"]
        visible, hidden = (len(self._visible), len(self._hidden)) if is_dead else (self._left, 0)
        found = {
            "ApproximateNumberOfMessages": visible,
            "ApproximateNumberOfMessagesNotVisible": hidden,
            "CreatedTimestamp": CREATED,
        }
        return {"Attributes": {name: str(value) for name, value in found.items()}}

    def _receive(self, asked: dict[str, Any]) -> dict[str, Any]:
        now = time.monotonic()
        for number in [number for number, until in self._hidden.items() if until <= now]:
            del self._hidden[number]
            self._visible.append(number)
        messages: list[dict[str, Any]] = []
        while self._visible and len(messages) < 10:
            number = self._visible.popleft()
            self._hidden[number] = now + asked["VisibilityTimeout"]
            messages.append(
                {
                    "MessageId": str(number),
                    "ReceiptHandle": str(number),
                    "Body": self._bodies[number],
                    "Attributes": {
                        "SentTimestamp": str((CREATED + 20) * 1000),
                        "ApproximateReceiveCount": "3",
                    },
                }
            )
        return {"Messages": messages}

    def _show_again(self, asked: dict[str, Any]) -> dict[str, Any]:
        for entry in asked["Entries"]:
            if self._hidden.pop(int(entry["ReceiptHandle"]), None) is not None:
                self._visible.append(int(entry["ReceiptHandle"]))
        return {"Successful": [{"Id": entry["Id"]} for entry in asked["Entries"]], "Failed": []}


class Server(BaseHTTPRequestHandler):
    """Answers as S3 and SQS, and counts."""

    protocol_version = "HTTP/1.1"
    bucket: Bucket
    queues: Queues
    asked: ClassVar[Counter[str]] = Counter()

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/count":
            found, Server.asked = dict(Server.asked), Counter()
            self._answer(200, json.dumps(found))
            return
        time.sleep(AWAY)
        key = unquote(parts.path).partition("/")[2].partition("/")[2]
        Server.asked["GET" if key else "LIST"] += 1
        if not key:
            page = self.bucket.page(query.get("prefix", ""), query.get("continuation-token", ""))
            self._answer(200, page)
        elif key in self.bucket.bodies:
            self._answer(200, self.bucket.bodies[key])
        else:
            self._answer(404, "<Error><Code>NoSuchKey</Code><Message>none</Message></Error>")

    def do_PUT(self) -> None:
        Server.asked["PUT"] += 1
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if key := unquote(urlsplit(self.path).path).partition("/")[2].partition("/")[2]:
            self.bucket.put(key, body)
        self._answer(200, "")

    def do_POST(self) -> None:
        time.sleep(AWAY)
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}")
        action = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        Server.asked["SQS"] += 1
        self._answer(200, json.dumps(self.queues.answer(action, asked)))

    def _answer(self, code: int, text: str | bytes) -> None:
        body = text.encode() if isinstance(text, str) else text
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"d41d8cd98f00b204e9800998ecf8427e"')
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def main(port: int, jobs: int, share: float) -> None:
    """Serve an account."""
    account = Account(jobs, share)
    Server.bucket, Server.queues = Bucket(account), Queues(account)
    ThreadingHTTPServer(("127.0.0.1", port), Server).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
