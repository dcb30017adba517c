"""Clients of AWS, used by many threads at once."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest

from distributed_fiji.aws import clients

THREADS, TIMES = 8, 10


def classes(client: object) -> set[type[Exception]]:
    """Return the classes NoSuchKey that threads get which ask a fresh client at once."""
    barrier = threading.Barrier(THREADS)

    def one(_: int) -> type[Exception]:
        barrier.wait()
        return client.exceptions.NoSuchKey  # type: ignore[attr-defined]

    with ThreadPoolExecutor(THREADS) as pool:
        return set(pool.map(one, range(THREADS)))


@pytest.fixture(autouse=True)
def keys_and_hasty_threads(monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_threads_that_ask_a_fresh_client_at_once_wait_for_the_same_exceptions() -> None:
    assert [len(classes(clients.connect("us-east-1", None).s3)) for _ in range(TIMES)] == [1] * TIMES


def test_a_client_of_boto3_itself_shows_them_different_ones() -> None:
    """Without this the test above would show nothing."""
    made = (boto3.session.Session().client("s3", region_name="us-east-1") for _ in range(TIMES))

    assert max(len(classes(client)) for client in made) > 1
