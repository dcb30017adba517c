"""Whether a registry has an image: asked over HTTP of a registry that speaks the distribution protocol."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from distributed_fiji.registry import Image, ask, parse_image
from tests.registries import registry


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    with registry() as found:
        yield found


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("lab/fiji:1.0", Image("registry-1.docker.io", "lab/fiji", "1.0")),
        ("debian", Image("registry-1.docker.io", "library/debian", "latest")),
        ("ghcr.io/lab/fiji", Image("ghcr.io", "lab/fiji", "latest")),
        ("localhost:5000/fiji:2", Image("localhost:5000", "fiji", "2")),
        ("lab/fiji:1.0@sha256:ab", Image("registry-1.docker.io", "lab/fiji", "sha256:ab")),
    ],
)
def test_names_are_split_as_docker_does(name: str, image: Image) -> None:
    assert parse_image(name) == image


def test_an_image_that_is_there_is_told_with_its_digest(host: str) -> None:
    answer = ask(f"{host}/lab/fiji:1.0")

    assert (answer.state, answer.digest) == ("there", "sha256:abc")


def test_an_image_that_is_not_there_is_told_from_one_that_cannot_be_asked_for(host: str) -> None:
    assert ask(f"{host}/lab/fiji:2.0").state == "missing"
    assert ask(f"{host}/secret/fiji:1.0").state == "unknown"
    assert ask("127.0.0.1:9/lab/fiji:1.0").state == "unknown"
