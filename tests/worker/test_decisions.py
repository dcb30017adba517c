"""What the worker decides, without a process or a server: settings, plans, fates, commands, names."""

from __future__ import annotations

import json
import shlex
import time
from pathlib import Path
from typing import Any

import pytest
import urllib3.exceptions
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from worker.aws.logstream import LogStream
from worker.aws.queue import Counts
from worker.contract.flags import InvalidFlags, read_flags
from worker.contract.jobs import Outcome
from worker.contract.patterns import common_start
from worker.errors import SettingsError
from worker.host.folders import PREFIX, Scratch
from worker.host.memory import container_memory_mb, heap_mb, standby_fits
from worker.job.ahead import (
    fits_its_lease,
    is_still_deep,
    longest_run,
    may_take_ahead,
    others_may_wait,
    should_give_back,
)
from worker.job.attempts import Fate, Plan, Settlement, plan_attempt, settlement
from worker.settings import read_settings
from worker.storage.outputs import counting, find_outputs
from worker.storage.s3 import retried

NEEDED = {
    "APP_NAME": "app",
    "SQS_QUEUE_URL": "https://queue",
    "AWS_BUCKET": "bucket",
    "AWS_REGION": "us-east-1",
    "SCRIPT_DOWNLOAD_URL": "s3://bucket/script.py",
    "FIJI_HOME": "/opt/fiji",
}


def test_everything_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as raised:
        read_settings({})

    for name in NEEDED:
        assert f"{name} is missing" in raised.value.problems


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EXPECTED_NUMBER_FILES", "many"),
        ("EXPECTED_NUMBER_FILES", "-1"),
        ("MIN_FILE_SIZE_BYTES", "1.5"),
        ("DOWNLOAD_FILES", "perhaps"),
        ("FIJI_RUNNER", "magic"),
        ("FIJI_RUNNER", "direct"),
        ("SQS_MESSAGE_VISIBILITY", "50000"),
        ("SQS_MESSAGE_VISIBILITY", "nan"),
        ("JOB_TIMEOUT_MINUTES", "720"),
        ("SCRIPT_DOWNLOAD_URL", "ftp://somewhere"),
        ("HEARTBEAT_SECONDS", "0"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read_settings({**NEEDED, name: value})


def test_a_heartbeat_that_does_not_fit_the_visibility_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"HEARTBEAT_SECONDS .* must be at most a third"):
        read_settings({**NEEDED, "SQS_MESSAGE_VISIBILITY": "180", "HEARTBEAT_SECONDS": "90"})

    settings = read_settings({**NEEDED, "SQS_MESSAGE_VISIBILITY": "180", "HEARTBEAT_SECONDS": "60"})
    assert settings.source_bucket == settings.destination_bucket == "bucket"
    assert settings.download_files


def outcome(name: Outcome, attempt: int = 1, given_up: bool = False) -> Settlement:
    return settlement(
        name, receives=attempt, failures=attempt, job_retries=5, backoff_seconds=30, given_up=given_up
    )


def test_every_outcome_has_its_fate() -> None:
    assert {name.value: outcome(name).fate for name in Outcome} == {
        "DONE": Fate.DELETE,
        "SKIPPED": Fate.DELETE,
        "FAILED": Fate.RELEASE,
        "TIMED_OUT": Fate.RELEASE,
        "STALLED": Fate.RELEASE,
        "REJECTED": Fate.RELEASE,
        "INTERRUPTED": Fate.RELEASE,
        "LEASE_LOST": Fate.NOTHING,
    }


def test_failed_jobs_back_off_and_all_others_return_at_once() -> None:
    assert [outcome(Outcome.FAILED, attempt).delay_seconds for attempt in (1, 2, 3, 4)] == [30, 60, 120, 240]
    assert outcome(Outcome.FAILED, 5).delay_seconds == 0
    assert outcome(Outcome.FAILED, 2, given_up=True).delay_seconds == 0
    assert outcome(Outcome.FAILED, 7, given_up=True).delay_seconds == 0
    assert outcome(Outcome.REJECTED, 7).delay_seconds == 0
    assert outcome(Outcome.INTERRUPTED, 3).delay_seconds == 0
    late = settlement(Outcome.FAILED, receives=9, failures=9, job_retries=20, backoff_seconds=30)
    assert late.delay_seconds == 900


def test_receives_that_ended_without_a_failure_cost_a_job_none_of_its_attempts() -> None:
    # Given back twice before FIJI began, a job fails for the first time at its third receive.
    first = settlement(Outcome.FAILED, receives=3, failures=1, job_retries=2, backoff_seconds=30)
    assert first == Settlement(Fate.RELEASE, 30)
    assert not plan_attempt([], "s", 50, attempt=6, job_retries=1).given_up
    assert plan_attempt([record("disk full")], "s", 50, attempt=2, job_retries=1).given_up


def test_a_queue_that_never_gives_up_keeps_no_worker_busy() -> None:
    assert outcome(Outcome.REJECTED, 50).delay_seconds == 900
    assert outcome(Outcome.FAILED, 2_000, given_up=True).delay_seconds == 900


def record(failure: str, script: str = "s", time_seconds: float = 100) -> dict[str, Any]:
    return {"class": failure, "script_sha256": script, "time_seconds": time_seconds, "sentence": "as it was"}


def plan(records: list[dict[str, Any]], script: str = "s", sent_at: float = 50, attempt: int = 3) -> Plan:
    return plan_attempt(records, script, sent_at, attempt=attempt, job_retries=5)


def test_a_script_error_is_tried_twice_and_an_upload_failure_as_often_as_the_queue_allows() -> None:
    twice = [record("script error")] * 2
    assert not plan(twice[:1]).given_up
    assert "script error 2 times" in plan(twice).given_up
    assert not plan(twice, script="another script").given_up
    assert not plan(twice, sent_at=200).given_up
    for failure in ("upload failed", "download failed", "disk full", "FIJI did not start"):
        assert not plan([record(failure)] * 4).given_up


def test_out_of_memory_is_tried_again_with_the_whole_memory_once() -> None:
    assert plan([record("out of memory")]).whole_memory
    assert "out of memory" in plan([record("out of memory")] * 2).given_up


def test_after_its_last_attempt_a_job_is_only_explained() -> None:
    assert not plan([], attempt=10).given_up
    assert "None of 10 attempts" in plan([], attempt=11).given_up
    assert plan([], attempt=11).unexplained
    told = plan([record("upload failed")], attempt=11)
    assert "as it was" in told.given_up
    assert not told.unexplained


def test_a_job_is_taken_ahead_only_while_others_find_one_too() -> None:
    alone, with_four_others = 1, 5
    assert may_take_ahead(Counts(visible=1, in_flight=alone), held_here=1)
    assert not may_take_ahead(Counts(visible=0, in_flight=alone), held_here=1)
    assert may_take_ahead(Counts(visible=5, in_flight=with_four_others), held_here=1)
    assert not may_take_ahead(Counts(visible=4, in_flight=with_four_others), held_here=1)


def test_others_may_wait_once_the_queue_was_empty() -> None:
    assert others_may_wait(3.0, after_an_empty_poll=False)
    assert others_may_wait(0.02, after_an_empty_poll=True)
    assert not others_may_wait(0.02, after_an_empty_poll=False)


def test_a_job_taken_ahead_goes_back_once_when_the_queue_has_run_dry() -> None:
    dry, filled = Counts(0, 4), Counts(3, 4)
    assert should_give_back(dry, attempt=1, waited_seconds=60)
    assert not should_give_back(dry, attempt=2, waited_seconds=60)
    assert not should_give_back(dry, attempt=1, waited_seconds=1)
    assert not should_give_back(filled, attempt=1, waited_seconds=60)


def test_a_deep_queue_is_not_asked_again_until_it_may_have_come_to_its_end() -> None:
    deep = Counts(visible=1_000, in_flight=10)
    assert is_still_deep(deep, taken_since=5, seconds=30)
    assert not is_still_deep(deep, taken_since=5, seconds=400)
    assert not is_still_deep(deep, taken_since=25, seconds=30)
    assert not is_still_deep(Counts(visible=3, in_flight=1), taken_since=0, seconds=1)


def test_the_container_tells_how_much_memory_there_is(tmp_path: Path) -> None:
    assert container_memory_mb(2048, tmp_path) == 2048
    (tmp_path / "memory.max").write_text(str(1024 * 2**20), encoding="ascii")
    assert container_memory_mb(2048, tmp_path) == 1024
    (tmp_path / "memory.max").write_text("max", encoding="ascii")
    assert container_memory_mb(2048, tmp_path) == 2048


def test_the_heap_leaves_room_for_what_is_beside_it() -> None:
    assert heap_mb(4000, whole=False, standby=False) == 3000
    assert heap_mb(4000, whole=True, standby=False) == 3700
    assert heap_mb(2000, whole=False, standby=True) == 1400
    assert heap_mb(2000, whole=False, standby=True, display=True) == 1240
    assert heap_mb(2000, whole=True, standby=True, display=True) == 1620
    assert heap_mb(300, whole=False, standby=True) >= 64
    assert standby_fits(4000)
    assert not standby_fits(800)


def test_upload_flags_are_read_as_aws_takes_them() -> None:
    plain = read_flags("--acl bucket-owner-full-control --metadata-directive REPLACE --sse=aws:kms")
    assert plain.arguments == {"ACL": "bucket-owner-full-control", "ServerSideEncryption": "aws:kms"}
    assert plain.guesses_type
    assert not read_flags("--no-guess-mime-type").guesses_type
    both = read_flags("--quiet --grants read=id=1 read=id=3 full=id=2 --request-payer --expires 2030-01-01")
    assert both.arguments == {
        "GrantRead": "id=1, id=3",
        "GrantFullControl": "id=2",
        "RequestPayer": "requester",
        "Expires": "2030-01-01",
    }
    assert read_flags("--sse").arguments == {"ServerSideEncryption": "AES256"}


@pytest.mark.parametrize(
    "text", ["a=b,c-d='one, two'", 'a=b,c-d="one, two"', '{"a": "b", "c-d": "one, two"}']
)
def test_metadata_of_uploads_is_read_in_each_form_that_aws_takes(text: str) -> None:
    assert read_flags(f"--metadata {shlex.quote(text)}").arguments == {
        "Metadata": {"a": "b", "c-d": "one, two"}
    }


@pytest.mark.parametrize("text", ["a", "a=b,c", "{a: b}", '{"a": 1}', "ä=b"])
def test_metadata_that_aws_would_not_take_is_refused(text: str) -> None:
    with pytest.raises(InvalidFlags, match="--metadata"):
        read_flags(f"--metadata {shlex.quote(text)}")


TIFF = b"II*\0\x08\0\0\0" + b"\0" * 60
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR" + b"\0" * 60


def test_images_and_tables_that_do_not_open_do_not_count(tmp_path: Path) -> None:
    files = {
        "good.tif": TIFF,
        "good.png": PNG,
        "good.csv": b"Area,Mean\n1,2\n",
        "any.bin": b"\0\1",
        "empty.tif": b"",
        "cut.tif": TIFF[:8],
        "text.png": b"hello",
        "blank.csv": b"\n",
        "binary.csv": b"a\0b",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)

    found = find_outputs(tmp_path, []).outputs

    assert {output.name for output in found} == set(files)
    assert [output.name for output in counting(found, 1, "")] == [
        "any.bin",
        "good.csv",
        "good.png",
        "good.tif",
    ]
    assert [output.name for output in counting(found, 60, "good")] == ["good.png", "good.tif"]


def test_transient_errors_are_tried_again_and_others_are_not() -> None:
    cut_off = urllib3.exceptions.ProtocolError("Response ended prematurely")
    answers = iter([ConnectionError("reset"), cut_off, ResponseParserError("no XML"), None])
    pauses: list[float] = []

    def flaky() -> str:
        if error := next(answers):
            raise error
        return "there"

    assert retried(flaky, lambda: None, sleep=pauses.append, chance=lambda: 1.0) == "there"
    assert sum(pauses) == pytest.approx(1 + 2 + 4, abs=0.7)
    with pytest.raises(ValueError, match="Expecting value"):
        retried(lambda: json.loads("no"), lambda: None)


def test_the_common_beginning_of_keys_is_found() -> None:
    assert common_start(["a/b1", "a/b2", "a/bc/d"]) == "a/b"
    assert common_start(["one"]) == "one"


def test_a_scratch_is_swept_when_its_worker_is_dead_and_not_before(tmp_path: Path) -> None:
    living = Scratch(tmp_path)
    dead, half_removed = tmp_path / f"{PREFIX}dead", tmp_path / f"{PREFIX}half"
    for folder in (dead, half_removed):
        (folder / "runs" / "run-1").mkdir(parents=True)
    (dead / "lock").touch()

    following = Scratch(tmp_path)

    assert sorted(tmp_path.iterdir()) == sorted([living.root, following.root])
    living.remove()
    following.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_job_that_would_outlast_its_message_is_not_begun() -> None:
    hour = 3600.0

    assert fits_its_lease(1 * hour, 10 * hour)
    assert not fits_its_lease(2 * hour, 10 * hour)
    assert not fits_its_lease(11.6 * hour, 0)
    # Without a time-out a job is ended before SQS gives its message to another worker.
    assert longest_run(0, 1 * hour) == 10.5 * hour
    assert longest_run(600, 1 * hour) == 600


def test_a_job_that_prints_without_end_fills_no_log_group() -> None:
    client = Sent()
    lines = LogStream(client, "group", "task")
    sink = lines.sink("job", 1, "s3://bucket/job/1.log", most_bytes=1000)

    for number in range(500):
        sink(f"line {number} of a script that prints in a loop")
    lines.close(5)

    sent = [event["message"] for events in client.events for event in events]
    assert 10 < len(sent) < 20
    more = "More than 1000 bytes: the rest is in s3://bucket/job/1.log when the job has ended."
    assert sent[-1] == f"job/1 {more}"
    assert sum(len(line) + 26 for line in sent[:-1]) <= 1000


def test_lines_of_all_jobs_go_to_one_stream_in_the_order_of_their_times_once_it_can_be_created() -> None:
    client: Any = Sent(refused=2)
    times = iter((1.0, 3.0, 2.0))
    lines = LogStream(client, "group", "task", now=lambda: next(times), flush=0.2, again=0.05)
    one, other = lines.sink("one", 1, "s3://b/1.log"), lines.sink("other", 2, "s3://b/2.log")

    one("a")
    other("b")
    one("")
    give_up = time.monotonic() + 10
    while not client.events and time.monotonic() < give_up:
        time.sleep(0.01)
    lines.close(5)

    assert client.created == ["task"]
    (events,) = client.events
    assert [event["message"] for event in events] == ["one/1 a", "one/1 ", "other/2 b"]


class Sent:
    """Keeps what is sent to CloudWatch Logs. `refused`: calls that create no stream."""

    def __init__(self, refused: int = 0) -> None:
        self.events: list[list[dict[str, str]]] = []
        self.created: list[str] = []
        self.refused = refused

    def create_log_stream(self, *, logStreamName: str, **_: str) -> None:
        """Make a stream."""
        if self.refused:
            self.refused -= 1
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, "CreateLogStream")
        self.created.append(logStreamName)

    def put_log_events(self, *, logEvents: list[dict[str, str]], **_: str) -> None:
        self.events.append(logEvents)
