"""No AWS account of a developer is reachable from a test; a missing service skips here and fails in CI."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator

import pytest

from tests.policy import trail
from tests.policy.judging import Trails, refused

#: Variables that would lead a test to somebody's account.
AWS_VARIABLES = [name for name in os.environ if name.startswith("AWS_") and name != "AWS_CA_BUNDLE"]


@pytest.fixture(autouse=True, scope="session")
def ctrl_c_works() -> Iterator[None]:
    """Let commands be interrupted in a session that a shell has started in the background, too.

    Such a shell lets SIGINT be ignored (POSIX, 2.11 "Signals and Error Handling"), and children inherit that.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True, scope="session")
def no_account() -> Iterator[None]:
    """Hide the developer's keys, profiles and endpoints from every test and every process it starts."""
    with pytest.MonkeyPatch.context() as patch:
        for name in AWS_VARIABLES:
            patch.delenv(name)
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield


@pytest.fixture(autouse=True, scope="session")
def trails(tmp_path_factory: pytest.TempPathFactory, no_account: None) -> Iterator[Trails]:
    """Let all workers and janitors of this session write down what they ask of AWS."""
    folder = tmp_path_factory.mktemp("trail")
    trail.lay(folder)
    trail.watch(trail.acting.line)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(trail.SITE, str(folder))
        yield Trails(folder)


@pytest.fixture(autouse=True)
def roles_suffice(trails: Trails, request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test whose workers or janitors did what their roles do not allow."""
    yield
    marker = request.node.get_closest_marker("beyond_role")
    expected = set(marker.args) if marker else set()
    wrong = {need for one in trails.news() for need in refused(one)}
    wrong = {(app, need) for app, need in wrong if not expected & set(re.split("[:/]", need.resource))}
    assert wrong == set(), "not allowed by the role, with the app's name"
