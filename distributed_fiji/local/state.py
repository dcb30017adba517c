"""What a cloud's folder holds, and its state.json: which servers run, where they listen, how tasks run."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from distributed_fiji.errors import InvalidInput
from distributed_fiji.local.processes import Identity

CONTROL_PLANE = "controlplane"
DATA_PLANE = "dataplane"
MACHINES = "machines"
SERVERS = (CONTROL_PLANE, DATA_PLANE, MACHINES)

RUNTIMES = ("processes", "docker")

#: The account of both emulators; moto's own default.
ACCOUNT = "123456789012"
DEFAULT_REGION = "us-east-1"


#: Git ignores everything in a cloud's folder because of this file, by which the folder is also recognized.
MARK, ALL_IGNORED = ".gitignore", b"*\n"


@dataclass(frozen=True)
class Server:
    """A server of the cloud: its port on 127.0.0.1, and its process (None before its first start)."""

    port: int
    identity: Identity | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True)
class State:
    """The contents of state.json.

    `runtime`: how tasks run, as processes or as containers of their image. `fiji`: the FIJI_HOME for
    processes (containers have their image's). `runner`: our runner's jar, if that FIJI lacks it. `key`: the
    secret that opens the servers' doors.
    """

    servers: dict[str, Server] = field(default_factory=dict)
    runtime: str = RUNTIMES[0]
    region: str = DEFAULT_REGION
    fiji: str | None = None
    runner: str | None = None
    key: str = field(default="", repr=False)


@dataclass(frozen=True)
class Folders:
    """The paths below a cloud's root."""

    root: Path

    @property
    def state(self) -> Path:
        return self.root / "state.json"

    @property
    def buckets(self) -> Path:
        """A folder per bucket, with objects as plain files (a link into the data plane's own layout)."""
        return self.root / "s3"

    @property
    def objects(self) -> Path:
        """The data plane's folder. It puts the account's number between this and a bucket."""
        return self.root / "data"

    @property
    def facts(self) -> Path:
        """What the data plane knows about each object besides its bytes."""
        return self.root / "facts"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def scratch(self) -> Path:
        """A folder per running task, for its working directory and temporary files."""
        return self.root / "scratch"

    @property
    def temporary(self) -> Path:
        return self.root / "tmp"

    @property
    def aws(self) -> Path:
        """Configuration and credentials files that contain nothing of the user's."""
        return self.root / "aws"


def prepare(folders: Folders, region: str) -> None:
    """Create a cloud's folders for its owner alone, with a file that makes git ignore them."""
    make_private(folders.root)
    (folders.root / MARK).write_bytes(ALL_IGNORED)
    for folder in (folders.facts, folders.logs, folders.scratch, folders.temporary, folders.aws):
        folder.mkdir(parents=True, exist_ok=True)
    (folders.objects / ACCOUNT).mkdir(parents=True, exist_ok=True)
    if not folders.buckets.is_symlink():
        folders.buckets.symlink_to(Path("data") / ACCOUNT)
    (folders.aws / "config").write_text(f"[default]\nregion = {region}\n", encoding="utf-8")
    (folders.aws / "credentials").write_text("", encoding="utf-8")


def make_private(root: Path) -> None:
    """Create a folder that only its owner can enter. Raises InvalidInput for one that is not for a cloud."""
    check_folder(root)
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    if root.stat().st_uid != os.geteuid():
        raise _not_for_a_cloud(root, "it belongs to another user")
    root.chmod(0o700)


def check_folder(root: Path) -> None:
    """Raise InvalidInput if a folder has other things in it: it would be closed, and `reset` deletes it."""
    if not root.exists():
        return
    if not root.is_dir():
        raise _not_for_a_cloud(root, "it is not a folder")
    mark = root / MARK
    ours = Folders(root).state.exists() or (mark.is_file() and mark.read_bytes() == ALL_IGNORED)
    if not ours and any(root.iterdir()):
        raise _not_for_a_cloud(root, "it contains files that are not the embedded cloud's")


def _not_for_a_cloud(root: Path, why: str) -> InvalidInput:
    where = "set DISTRIBUTED_FIJI_LOCAL to another folder"
    return InvalidInput(f"{root} cannot be used", [f"{why}; {where}, which must be empty or not exist yet"])


def read(folders: Folders) -> State | None:
    """Return what state.json says; None if there is no cloud, or its file is unreadable."""
    try:
        document = json.loads(folders.state.read_text(encoding="utf-8"))
        servers = {
            name: Server(entry["port"], Identity(**entry["identity"]) if entry["identity"] else None)
            for name, entry in document["servers"].items()
        }
        return State(
            servers,
            document["runtime"],
            document["region"],
            document["fiji"],
            document.get("runner"),
            document.get("key", ""),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write(folders: Folders, state: State) -> None:
    """Write state.json atomically, for its owner alone: to another file, which is then renamed."""
    beside = folders.state.with_suffix(".new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, (json.dumps(asdict(state), indent=2) + "\n").encode())
    finally:
        os.close(descriptor)
    beside.replace(folders.state)


@contextlib.contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold a cloud's lock: only one command at a time starts, stops or repairs it; others wait.

    The lock file is next to the root, so that `reset` may delete the root while holding it.
    """
    root.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(root.parent / f".{root.name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
