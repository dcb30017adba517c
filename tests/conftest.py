"""Tests cannot reach a developer's AWS account. Missing services skip tests here, and fail them in CI."""

from __future__ import annotations

import functools
import gc
import json
import os
import re
import shutil
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.client import ClientCreator
from botocore.loaders import create_loader

from tests.contract import calls
from tests.contract.calls import notebook
from tests.contract.made import MADE
from tests.policy import trail
from tests.policy.judging import Trails, refused
from tests.tiers import is_slow, order

PASSED = pytest.StashKey[bool]()

#: Variables that would lead a test to a real account.
AWS_VARIABLES = [name for name in os.environ if name.startswith("AWS_") and name != "AWS_CA_BUNDLE"]


#: Reports that were there before the tests.
REPORTS = pytest.StashKey[set[Path]]()


def reports() -> set[Path]:
    """Return the reports of runs that `monitor` left in files/."""
    return set((Path(__file__).resolve().parents[1] / "files").glob("*Report"))


def pytest_sessionstart(session: pytest.Session) -> None:
    session.config.stash[REPORTS] = reports()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Remove the reports of tests' runs, when all processes have ended."""
    if not hasattr(session.config, "workerinput"):
        for folder in reports() - session.config.stash[REPORTS]:
            shutil.rmtree(folder)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark slow tests, and run the longest files first. TEST_ORDER=SEED shuffles the files."""
    for item in items:
        if is_slow(item.nodeid) and not item.get_closest_marker("thorough"):
            item.add_marker(pytest.mark.slow)
    files = order((item.nodeid.partition("::")[0] for item in items), os.environ.get("TEST_ORDER", ""))
    places = {file: number for number, file in enumerate(files)}
    items.sort(key=lambda item: places[item.nodeid.partition("::")[0]])


def pytest_collection_finish() -> None:
    """Make the garbage collector ignore what lives to the end: modules and tests."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def models_are_read_once() -> None:
    """Share what this process's sessions read of AWS's models, as the calls of one command do.

    Each test makes its own sessions. EC2's model alone takes a tenth of a second, and half of a client's
    creation is that of its methods, which depend on the service alone.
    """
    botocore.session.create_loader = functools.cache(create_loader)
    create = ClientCreator._create_methods
    made: dict[str, dict[str, Any]] = {}

    def create_once(creator: Any, model: Any) -> dict[str, Any]:
        if model.service_name not in made:
            made[model.service_name] = create(creator, model)
        return dict(made[model.service_name])

    ClientCreator._create_methods = create_once


@pytest.fixture(autouse=True, scope="session")
def ctrl_c_works() -> Iterator[None]:
    """Make commands interruptible even if a shell started this session in the background.

    Such a shell makes SIGINT ignored (POSIX, 2.11 "Signals and Error Handling"), and children inherit that.
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
    """Make all workers and janitors of this session record their calls to AWS."""
    folder = tmp_path_factory.mktemp("trail")
    trail.lay(folder)
    trail.watch(trail.acting.line)
    calls.watch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(trail.SITE, str(folder))
        yield Trails(folder)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Let fixtures see whether their test ran to its end."""
    report = yield
    if report.when == "call":
        item.stash[PASSED] = report.passed
    return report


@pytest.fixture(autouse=True)
def requests_are_aws(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test whose product code makes requests that AWS would refuse, or not the expected ones.

    tests/contract/made.py lists the requests that each test must make. This is the outermost fixture: other
    processes' requests are recorded before it ends.
    """
    notebook.take()
    yield
    made, wrong = notebook.take()
    asked = {":".join(operation) for operation in made}
    folder = os.environ.get("CONTRACT_NOTES")
    if folder and not request.node.get_closest_marker("thorough"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        with Path(folder, f"{os.getpid()}.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"test": request.node.nodeid, "made": sorted(asked)}) + "\n")
    assert wrong == set(), "AWS would refuse it"
    if request.node.stash.get(PASSED, False):
        # Things that an account needs only once, such as AWS's own roles, may come from an earlier test.
        missing = set(MADE.get(request.node.nodeid, ())) - {":".join(one) for one in notebook.ever}
        assert missing == set(), "it makes these requests no longer: see tests/contract/record.py"


@pytest.fixture(autouse=True)
def roles_suffice(requests_are_aws: None, trails: Trails, request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test whose workers or janitors did something that their roles do not allow."""
    yield
    marker = request.node.get_closest_marker("beyond_role")
    expected = set(marker.args) if marker else set()
    news = list(trails.news())
    for one in news:
        for call in one.calls:
            notebook.note_others(call.service, call.operation, dict(call.parameters))
    wrong = {need for one in news for need in refused(one)}
    wrong = {(app, need) for app, need in wrong if not expected & set(re.split("[:/]", need.resource))}
    assert wrong == set(), "not allowed by the role, with the app's name"
