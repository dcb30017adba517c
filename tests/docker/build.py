"""Build the images for the Docker tests: with make, as a user does, or ahead: `python -m tests.docker.build`.

Docker's older builder makes the image, and BuildKit its variant, so that every run tests both.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]

#: Each checkout's images have their own tag, since two checkouts may be tested at the same time.
IMAGE = f"distributed-fiji/worker:test-{hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:8]}"
VARIANT = f"{IMAGE}-s3fs"

#: What a user's environment may contain during a build; none of it may get anywhere.
CANARIES = {
    "AWS_ACCESS_KEY_ID": "AKIACANARY7Q2",
    "AWS_SECRET_ACCESS_KEY": "canary-secret-51b7c0",
    "AWS_SESSION_TOKEN": "canary-token-8e44d1",
    "GITHUB_TOKEN": "canary-github-09ac3f",
}

#: Containers use the host's network if they have none of their own.
BUILD_FLAGS = "--network host"

#: Where Debian and Ubuntu keep additional certificates that this machine trusts.
MACHINE_CERTIFICATES = Path("/usr/local/share/ca-certificates")


def build_image() -> str:
    """Build the image with ImageJ core, using Docker's older builder; return its name."""
    return _build(IMAGE, "docker", DOCKER_BUILDKIT="0")


def build_variant() -> str:
    """Build the variant for DOWNLOAD_FILES = False with BuildKit; return its name. Raises LookupError."""
    return _build(VARIANT, buildkit_client(), "S3FS=1", DOCKER_BUILDKIT="1")


def buildkit_client() -> str:
    """Return a Docker client that builds with BuildKit: one with buildx, or one before 23.0, with its own.

    Raises LookupError if there is none.
    """
    found = [str(Path(folder, "docker")) for folder in os.get_exec_path() if Path(folder, "docker").is_file()]
    for client in found:
        if _run([client, "buildx", "version"]).returncode == 0:
            return client
        if _run([client, "version", "--format", "{{.Client.Version}}"]).stdout < "23":
            return client
    raise LookupError(f"no Docker client builds with BuildKit: {', '.join(found)}")


def _build(name: str, client: str, *variables: str, **environment: str) -> str:
    """Build one image, with canaries in the environment. Anything unchanged comes from Docker's cache.

    Only one build runs at a time on this machine. Raises RuntimeError with the end of the build's output.
    """
    trust_what_the_machine_trusts()
    command = ["make", "-C", "worker", "core", f"NAME={name}", f"DOCKER={client}", *variables]
    command += [f"CORE_NAME={name}-imagej-core", f"BUILD_FLAGS={BUILD_FLAGS}"]
    with (Path(tempfile.gettempdir()) / "distributed-fiji-image.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = _run(command, {**os.environ, **CANARIES, **environment})
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout[-4000:]}")
    return name


def trust_what_the_machine_trusts() -> None:
    """Put this machine's own certificates into worker/certs, as users behind a TLS-inspecting proxy must."""
    for certificate in MACHINE_CERTIFICATES.glob("*.crt"):
        shutil.copy(certificate, CHECKOUT / "worker" / "certs")


def _run(command: list[str], environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=CHECKOUT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )


def main() -> int:
    """Build both and report how long it took; return the exit code."""
    for build in (build_image, build_variant):
        started_at = time.monotonic()
        try:
            name = build()
        except (RuntimeError, LookupError) as error:
            print(error, file=sys.stderr)
            return 1
        print(f"{name} is built: {time.monotonic() - started_at:.0f} s", file=sys.stderr, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
