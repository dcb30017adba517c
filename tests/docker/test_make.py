"""worker/Makefile as a user calls it: building uploads nothing, and pushing asks no questions."""

from __future__ import annotations

import io
import re
import subprocess
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest

from distributed_fiji import registry
from tests.docker.build import BUILD_FLAGS, CHECKOUT, IMAGE
from tests.registries import Taker, serving


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a target of worker/Makefile with nobody at the keyboard."""
    return subprocess.run(
        ["make", "--no-print-directory", "-C", "worker", *arguments],
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
        check=False,
    )


@pytest.fixture
def small(daemon: Any) -> Iterator[Any]:
    """An image with one file: pushing does the same for a large one."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as content:
        content.addfile(tarfile.TarInfo("file"))
    made = daemon.api.import_image_from_data(archive.getvalue(), repository="distributed-fiji/small")
    image = daemon.images.get("distributed-fiji/small")
    yield image
    daemon.images.remove(image.id, force=True)
    assert made


def test_push_uploads_the_image_and_the_registry_then_has_it(small: Any) -> None:
    with serving(Taker()) as store:
        name = f"{store.host}/lab/worker:1.0"
        small.tag(name)
        done = make("push", f"NAME={name}")
        answer = registry.ask(name)

    assert done.returncode == 0, done.stdout
    assert answer.state == "there"
    assert answer.digest in done.stdout
    assert len(store.blobs) == 2


def test_push_says_what_to_do_where_nobody_has_logged_in(small: Any) -> None:
    with serving(Taker(login=True)) as store:
        name = f"{store.host}/lab/worker:1.0"
        small.tag(name)
        done = make("push", f"NAME={name}")

    assert done.returncode != 0
    assert f"The registry does not take {name}: run `docker login` (docs/image.md)" in done.stdout
    assert store.manifests == {}


def test_push_says_that_there_is_no_image_yet(daemon: Any) -> None:
    done = make("push", "NAME=lab/never-built:1.0")

    assert done.returncode != 0
    assert "There is no image lab/never-built:1.0: run `make image` first." in done.stdout


def test_the_steps_of_building_have_no_upload() -> None:
    # Not `core`: make runs a step that calls make even in a dry run (GNU make manual, "How the MAKE Variable
    # Works").
    building, pushing = (make("--dry-run", target, "NAME=lab/one:1.0").stdout for target in ("build", "push"))

    assert "docker build" in building
    assert " push " not in building
    assert " push " in pushing


def test_building_uploads_nothing(daemon: Any, image: str) -> None:
    with serving(Taker()) as store:
        name = f"{store.host}/lab/worker:1.0"
        done = make("core", f"NAME={name}", f"CORE_NAME={IMAGE}-imagej-core", f"BUILD_FLAGS={BUILD_FLAGS}")
        try:
            assert done.returncode == 0, done.stdout[-4000:]
            assert name in daemon.images.get(image).tags
        finally:
            daemon.images.remove(name)

    assert store.requests == []


def test_the_name_comes_from_the_settings() -> None:
    text = (CHECKOUT / "config.py").read_text(encoding="utf-8")
    settings: dict[str, Any] = {}
    exec(text, settings)

    assert make("name").stdout.strip() == settings["DOCKERHUB_TAG"]


def test_it_lists_its_targets() -> None:
    said = make("help").stdout

    for target in ("build", "core", "test", "push", "shell"):
        assert f"make -C worker {target} " in said


@pytest.mark.thorough
def test_imagej_core_takes_bioformats_into_its_image(daemon: Any, image: str) -> None:
    name = f"{IMAGE}-bioformats"
    variables = [f"NAME={name}", f"CORE_NAME={name}-imagej-core", f"BUILD_FLAGS={BUILD_FLAGS}"]

    done = make("core", "BIOFORMATS=1", *variables)

    assert done.returncode == 0, done.stdout[-4000:]
    assert re.search(r"^held +Bio-Formats ", done.stdout, re.MULTILINE)
    daemon.images.remove(name, force=True)
