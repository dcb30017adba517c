"""One embedded cloud for a module's tests, started by another process that has something to hide."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from distributed_fiji.local import cloud as clouds
from distributed_fiji.local.access import Cloud
from tests.local.support import Deployment

CHECKOUT = Path(__file__).resolve().parents[2]

#: What a user's environment may contain, and no task may see.
SECRETS = {
    "CANARY": "canary-3f1c",
    "AWS_SECRET_ACCESS_KEY": "canary-secret-key",
    "AWS_SESSION_TOKEN": "canary-token",
    "AWS_PROFILE": "canary-profile",
}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    root = tmp_path_factory.mktemp("cloud") / "local-cloud"
    start = "import sys, pathlib, distributed_fiji.local.cloud as c; c.start(pathlib.Path(sys.argv[1]))"
    command = [sys.executable, "-c", start, str(root)]
    subprocess.run(command, cwd=CHECKOUT, env={**os.environ, **SECRETS}, check=True)
    found = clouds.find(root)
    assert found is not None
    yield found
    clouds.stop(root)


@pytest.fixture
def deploy(cloud: Cloud) -> Iterator[Any]:
    made: list[Deployment] = []

    def make(*args: Any, **kwargs: Any) -> Deployment:
        made.append(Deployment(cloud, *args, **kwargs))
        return made[-1]

    yield make
    for deployment in made:
        deployment.remove()
