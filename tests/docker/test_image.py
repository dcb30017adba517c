"""What the image contains, and what it does not."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest

import worker
from tests.docker.build import CANARIES, CHECKOUT
from tests.docker.support import output_of

LAUNCHER = "/opt/fiji/Fiji.app/ImageJ-linux64"


def run(daemon: Any, image: str, *command: str, entrypoint: list[str] | None = None) -> str:
    """Run a program in a container as restricted as a task's, and return what it prints."""
    return output_of(daemon, image, *command, entrypoint=entrypoint, read_only=True)


def test_it_tells_its_versions_and_its_labels_say_the_same(daemon: Any, image: str) -> None:
    said = dict(line.split(" ", 1) for line in run(daemon, image, "--version").splitlines())
    labels = daemon.images.get(image).labels

    assert said["worker"] == worker.VERSION
    assert {"imagej", "java"} <= set(said)
    for name, version in said.items():
        assert labels[f"org.distributed-fiji.{name}"] == version


def test_it_runs_as_a_user_without_rights_and_can_write_in_its_volumes_alone(daemon: Any, image: str) -> None:
    script = (
        "id -u; for place in /scratch /tmp /opt/fiji/Fiji.app /opt/worker /home/ubuntu/bucket /etc; do"
        " touch $place/probe 2>/dev/null && echo $place; done; true"
    )
    said = run(daemon, image, "-c", script, entrypoint=["sh"]).split()

    assert said == ["1000", "/scratch", "/tmp"]


def test_the_worker_is_the_first_process_without_a_shell_around_it(daemon: Any, image: str) -> None:
    assert daemon.images.get(image).attrs["Config"]["Entrypoint"] == ["python3", "-m", "worker"]


def test_it_holds_no_tools_for_building(daemon: Any, image: str) -> None:
    programs = "gcc cc make javac pip git s3fs curl aws python3"
    found = run(
        daemon, image, "-c", f"for name in {programs}; do command -v $name; done; true", entrypoint=["sh"]
    )

    assert found.split() == ["/opt/venv/bin/aws", "/opt/venv/bin/python3"]


def test_an_environment_that_is_wrong_is_named_whole(daemon: Any, image: str) -> None:
    container = daemon.containers.run(image, detach=True, read_only=True, network_mode="none")
    try:
        assert container.wait(timeout=30)["StatusCode"] == 2
        said = container.logs().decode()
    finally:
        container.remove(force=True, v=True)

    for name in ("APP_NAME", "SQS_QUEUE_URL", "AWS_BUCKET", "SCRIPT_DOWNLOAD_URL"):
        assert f"{name} is missing" in said


def test_its_class_archive_fits_its_java(daemon: Any, core_image: str) -> None:
    """With AOTMode=on, Java ends with an error if the archive cannot be used."""
    said = run(
        daemon,
        core_image,
        "-c",
        f"echo 'print(21*2);' > /tmp/a.ijm && {LAUNCHER} -XX:AOTMode=on --headless --run /tmp/a.ijm",
        entrypoint=["sh"],
    )

    assert "42" in said


def test_it_has_a_display_for_scripts_that_open_windows(daemon: Any, core_image: str) -> None:
    """ImageJ core itself has no windows; its Java and Groovy do."""
    script = 'f = new java.awt.Frame("window"); f.setSize(90, 50); f.visible = true; println f.showing'
    command = (
        f"echo '{script}' > /tmp/window.groovy && xvfb-run -a {LAUNCHER} -Djava.awt.headless=false"
        " --run /tmp/window.groovy"
    )

    assert "true" in run(daemon, core_image, "-c", command, entrypoint=["sh"])


@pytest.mark.parametrize(
    ("layout", "environment"),
    [
        ("mkdir -p /opt/jvm && mv /opt/fiji/java /opt/jvm/17", {"JAVA_HOME": "/opt/jvm/17"}),
        ("mv /opt/fiji/java /usr/lib/jdk && ln -s /usr/lib/jdk/bin/java /usr/bin/java", {"JAVA_HOME": ""}),
        ("rm $F/java && mkdir -p $F/java/linux-amd64 && mv /opt/fiji/java $F/java/linux-amd64/zulu8", {}),
    ],
    ids=["JAVA_HOME", "PATH", "FIJI's own"],
)
def test_the_java_of_any_fiji_image_is_found_and_runs_beside_fiji(
    daemon: Any, core_image: str, layout: str, environment: dict[str, str]
) -> None:
    said = output_of(
        daemon,
        core_image,
        "-c",
        f"{layout} && sh /image/gather-java.sh && /opt/fiji/java/bin/java -version",
        entrypoint=["sh"],
        user="0",
        environment={"F": "/opt/fiji/Fiji.app", **environment},
        volumes={str(CHECKOUT / "worker" / "image"): {"bind": "/image", "mode": "ro"}},
    )

    assert "Runtime Environment" in said


def test_no_secret_of_whoever_builds_it_is_in_any_layer(daemon: Any, image: str) -> None:
    secrets = [value.encode() for value in CANARIES.values()]
    ours = worker.__doc__.encode()
    history = str(daemon.images.get(image).history()).encode()
    found = set()

    for block in saved_bytes(daemon, image):
        found |= {value for value in [*secrets, ours] if value in block}
    assert found == {ours}
    assert not [value for value in secrets if value in history]


class Stream(io.RawIOBase):
    """Chunks of bytes as a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._left = self._left or next(self._chunks, b"")
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count


def saved_bytes(daemon: Any, image: str) -> Iterator[bytes]:
    """Yield everything that `docker save` writes of an image, layers unpacked, in overlapping blocks."""
    stream = io.BufferedReader(Stream(daemon.images.get(image).save(chunk_size=1 << 20)), 1 << 20)
    with tarfile.open(fileobj=stream, mode="r|") as saved:
        for member in saved:
            file = saved.extractfile(member)
            if file is None:
                continue
            content = io.BufferedReader(file)  # type: ignore[type-var]
            packed = content.peek(2)[:2] == b"\x1f\x8b"
            unpacked: Any = gzip.GzipFile(fileobj=content) if packed else content
            end = b""
            while block := unpacked.read(1 << 22):
                yield end + block
                end = block[-100:]
