"""startCluster checks the image before it requests machines: without it they would wait, and bill."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Account, Command, configure
from tests.emulators import free_port
from tests.registries import registry

ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    with registry() as found:
        yield found


@pytest.mark.parametrize("name", ["{host}/lab/fiji:2.0", "{host}/lab/other", ECR + "/fiji:1.0"])
def test_an_image_that_its_registry_lacks_is_refused(
    ready: Command, account: Account, tmp_path: Path, host: str, name: str
) -> None:
    image = name.format(host=host)
    configure(tmp_path, DOCKERHUB_TAG=image)
    before = account.everything()

    ended = ready("startCluster", "fleet.json")

    assert ended.code == 2
    assert f"DOCKERHUB_TAG = {image!r}: its registry does not have this image" in ended.err
    assert "make image-push" in ended.err
    assert account.settled(before) == before


def test_a_registry_that_does_not_answer_is_said_and_stops_nothing(ready: Command, tmp_path: Path) -> None:
    image = f"127.0.0.1:{free_port()}/lab/fiji:1.0"
    configure(tmp_path, DOCKERHUB_TAG=image, MEMORY=1_000_000)

    ended = ready("startCluster", "fleet.json")

    assert f"The image {image} could not be checked" in ended.err
    assert ended.code == 2, "more memory than the machine has, which is looked at after the image"
    assert "MEMORY" in ended.err.partition("could not be checked")[2]
