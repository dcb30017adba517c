"""The worker image against a plain one of the same content: its size, its builds, and how soon it polls.

The plain one is what a Dockerfile becomes that is written down in one go: on top of FIJI's image, everything
copied first, packages with what they recommend. Both are built on ImageJ core's image, which is built before
and not counted, as is the base. Needs Docker; builds from nothing take minutes, so they are measured once.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.common import Target, finish, in_turns, seconds_of, show
from tests.docker.build import BUILD_FLAGS, CHECKOUT, trust_what_the_machine_trusts
from tests.docker.support import App, recorded
from tests.emulators import CLIENT_ENVIRONMENT, ministack

CORE = "distributed-fiji/imagej-core:benchmark"
OURS, PLAIN = "distributed-fiji/worker:benchmark", "distributed-fiji/worker:benchmark-plain"
REBUILDS, STARTS = 3, 7
SIZE, REBUILD, POLL = "size (MB)", "build after a change of the worker (s)", "`docker run` to first poll (s)"

PLAIN_DOCKERFILE = f"""
FROM {CORE}
COPY worker/certs/ /usr/local/share/ca-certificates/
COPY . /opt/app
RUN apt-get update
RUN apt-get install -y ca-certificates python3 python3-pip python3-venv \\
    xvfb xauth libxrender1 libxtst6 libxi6 libfreetype6 fontconfig fonts-dejavu-core
RUN update-ca-certificates
RUN python3 -m venv /opt/venv
RUN /opt/venv/bin/pip install --cert /etc/ssl/certs/ca-certificates.crt -c /opt/app/constraints.txt \\
    -r /opt/app/worker/requirements.txt
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin JAVA_HOME=/opt/fiji/java FIJI_HOME=/opt/fiji/Fiji.app
ENV WORKER_SCRATCH=/tmp
WORKDIR /opt/app
ENTRYPOINT ["python3", "-m", "worker"]
"""


def build_ours(context: Path, *flags: str) -> None:
    """Build the image from a copy of the checkout, labels and all, as `make image` does."""
    base = run("sh", "worker/image/base.sh", "docker").strip()
    variables = [f"NAME={OURS}", f"FIJI_IMAGE={CORE}", f"BASE_IMAGE={base}"]
    variables.append(f"BUILD_FLAGS={' '.join([BUILD_FLAGS, *flags])}")
    run("make", "-C", str(context / "worker"), "build", *variables)


def build_plain(context: Path, *flags: str) -> None:
    """Build the plain image from the same copy."""
    where = ["--file", str(context / "plain"), "--tag", PLAIN, str(context)]
    run("docker", "build", *BUILD_FLAGS.split(), *flags, *where)


def run(*command: str) -> str:
    """Run a program in the checkout and return what it prints. Raises RuntimeError with all it said."""
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}:\n{(done.stdout + done.stderr)[-4000:]}")
    return done.stdout


def copy_of_the_checkout(folder: Path) -> Path:
    """Copy what goes to Docker, and the plain Dockerfile, so that it can be changed; return the folder."""
    trust_what_the_machine_trusts()
    shutil.copytree(CHECKOUT / "worker", folder / "worker", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / "constraints.txt", folder)
    shutil.copy(CHECKOUT / ".dockerignore", folder)
    (folder / "plain").write_text(PLAIN_DOCKERFILE)
    return folder


def rebuild(build: partial[None], context: Path) -> float:
    """Return the seconds of a build after a line of the worker has changed."""
    with (context / "worker" / "job" / "loop.py").open("a") as file:
        file.write(f"# {time.time_ns()}\n")
    return seconds_of(build)


def size_mb(image: str) -> int:
    return round(int(run("docker", "image", "inspect", "--format", "{{.Size}}", image)) / 1e6)


def packed_mb(image: str) -> int:
    """Return what an image takes compressed, as a registry keeps it and a machine pulls it (gzip -1)."""
    return round(int(run("sh", "-c", f"docker save {image} | gzip -1 | wc -c")) / 1e6)


def first_poll(image: str, environment: dict[str, str], requests: bytearray) -> float:
    """Return the seconds from `docker run` until the worker first asks the queue for a job."""
    variables = [word for name, value in environment.items() for word in ("--env", f"{name}={value}")]
    before = len(requests)
    began = time.perf_counter()
    container = run("docker", "run", "--detach", "--network", "host", *variables, image).strip()
    try:
        while b"ReceiveMessage" not in requests[before:]:
            if time.perf_counter() - began > 60:
                raise RuntimeError(f"{image} does not poll: {run('docker', 'logs', container)}")
            time.sleep(0.005)
        return time.perf_counter() - began
    finally:
        run("docker", "rm", "--force", "--volumes", container)


def first_polls(folder: Path) -> dict[str, list[float]]:
    """Return the seconds to the first poll of both images, in turns, the caches of the machine warm."""
    script = folder / "script.ijm"
    script.write_text('File.saveString("done", "output/done.txt");\n')
    with ministack(folder) as endpoint, recorded(endpoint) as (url, requests):
        app = App(url, OURS, script)
        container = app.definition["containerDefinitions"][0]
        environment = {item["name"]: item["value"] for item in container["environment"]}
        environment |= {**CLIENT_ENVIRONMENT, "AWS_ENDPOINT_URL": url}
        ways = {image: partial(first_poll, image, environment, requests) for image in (OURS, PLAIN)}
        in_turns(ways, 1)
        return in_turns(ways, STARTS)


def report(figures: Mapping[str, Mapping[str, float]]) -> list[Target]:
    """Print the table; return the targets."""
    rows = [[what, by[OURS], by[PLAIN], by[OURS] / by[PLAIN]] for what, by in figures.items()]
    show("The worker image with ImageJ core", ["", "ours", "plain", "ours / plain"], rows)
    limits = {SIZE: 0.5, REBUILD: 0.5, POLL: 1.05}
    return [
        Target(f"{what}, ours / plain", figures[what][OURS] / figures[what][PLAIN], at_most=limit)
        for what, limit in limits.items()
    ]


def main() -> list[Target]:
    """Build, measure, print the table; both images stay for the next time's cache."""
    os.environ.setdefault("DOCKER_BUILDKIT", "0")
    with tempfile.TemporaryDirectory() as name:
        context = copy_of_the_checkout(Path(name, "context"))
        core = [f"CORE_NAME={CORE}", f"NAME={OURS}", f"BUILD_FLAGS={BUILD_FLAGS}"]
        run("make", "-C", str(context / "worker"), "core", *core)
        builds = {OURS: partial(build_ours, context), PLAIN: partial(build_plain, context)}
        whole = {image: seconds_of(partial(build, "--no-cache")) for image, build in builds.items()}
        rebuilds = {image: partial(rebuild, build, context) for image, build in builds.items()}
        again = in_turns(rebuilds, REBUILDS)
        polls = first_polls(Path(name))
    return report(
        {
            SIZE: {image: size_mb(image) for image in builds},
            "compressed (MB)": {image: packed_mb(image) for image in builds},
            "build from nothing (s)": whole,
            REBUILD: {image: median(values) for image, values in again.items()},
            POLL: {image: median(values) for image, values in polls.items()},
        }
    )


if __name__ == "__main__":
    sys.exit(finish(main()))
