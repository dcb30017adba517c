"""The embedded cloud: started on first use, kept running between commands, found by its state.json.

Nothing outside `distributed_fiji.local` knows that it talks to an emulator: a program, the AWS CLI or a boto3
client needs only `Cloud.environment()`.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from distributed_fiji.errors import DistributedFijiError, InvalidInput, NothingThere
from distributed_fiji.jsonfiles import is_file
from distributed_fiji.local import doors, processes, servers, state
from distributed_fiji.local.access import Cloud
from distributed_fiji.local.fiji import give_bioformats, imagej_core, own_fiji, runner_for
from distributed_fiji.local.state import CONTROL_PLANE, DATA_PLANE, MACHINES, SERVERS, Folders, Server, State
from distributed_fiji.terminal import shown

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from distributed_fiji.registry import Answer

ROOT = Path(os.environ.get("DISTRIBUTED_FIJI_LOCAL") or servers.CHECKOUT / "local-cloud").absolute()

Report = Callable[[str], None]

#: What is lost when a server ends unexpectedly. Objects in the buckets are files, so they remain. Every
#: command reports it, including `setup`.
LOST = {
    CONTROL_PLANE: "fleets, clusters, services, roles and alarms are lost; `setup` creates what a run needs",
    DATA_PLANE: "queues, jobs in them and logs are lost; `setup` creates queues, `submitJob` sends jobs",
    MACHINES: "its tasks start again",
}
ALL_LOST = "its queues, jobs, fleets, roles and logs are lost; the files in buckets are still in"

#: The machines first end their tasks, which may take time to return a job. The data plane keeps open
#: connections waiting, but all objects are on disk already, so it needs no grace.
STOP_SECONDS = {MACHINES: 60.0, CONTROL_PLANE: 2.0, DATA_PLANE: 1.0}


def find(root: Path = ROOT) -> Cloud | None:
    """Return the cloud in a folder if any of its servers is running."""
    known = state.read(Folders(root))
    if known is None or not any(_process(server) for server in known.servers.values()):
        return None
    return Cloud(root, known)


def start(
    root: Path = ROOT,
    progress: Report = lambda line: None,
    *,
    runtime: str | None = None,
    region: str | None = None,
    fiji: Path | None = None,
    meanwhile: Callable[[], object] = lambda: None,
) -> Cloud:
    """Start the servers of a cloud that are not running, and return it once all of them answer.

    `runtime` ("processes" or "docker") and `region` are stored in state.json; None keeps what is there.
    `fiji` is the FIJI_HOME of tasks that are processes. None means the user's own; if there is none, the
    machines build ImageJ core when a task first needs it. `meanwhile` is called while servers start. Raises
    DistributedFijiError if a server does not start, Docker does not answer, or FIJI's runner cannot be built.
    """
    root = root.resolve()
    with state.locked(root):
        known = state.read(Folders(root)) or State()
        home = fiji or own_fiji(os.environ)
        wanted = replace(
            known,
            runtime=runtime or known.runtime,
            region=region or known.region,
            fiji=str(home) if home else None,
            runner=_runner(home, runtime or known.runtime, progress),
            key=known.key or doors.new_key(),
        )
        state.prepare(Folders(root), wanted.region)
        if wanted.runtime == "docker":
            containers_answer()
        else:
            give_bioformats(os.environ, wanted.fiji, servers.CHECKOUT, progress)
        missing = _missing(known, wanted)
        if not missing:
            state.write(Folders(root), wanted)
            return Cloud(root, wanted)
        _say_what_was_lost(root, known, missing, progress)
        return Cloud(root, _start_missing(Folders(root), wanted, missing, progress, meanwhile))


def check_is_there(root: Path = ROOT) -> None:
    """Raise NothingThere if a cloud has ended or never existed, since a new, empty one would have no run."""
    known = state.read(Folders(root)) or State()
    if any(_process(server) for server in known.servers.values()):
        return
    if not known.servers:
        raise NothingThere("The embedded cloud is not running. `python run.py --local setup` starts it.")
    raise NothingThere(
        f"The embedded cloud has stopped: {ALL_LOST} {shown(Folders(root).buckets)}. `python run.py --local"
        " setup` starts it again; then run `submitJob` again."
    )


def keeps(bucket: str, key: str, root: Path = ROOT) -> bool:
    """Whether a cloud has an object, even while it is not running."""
    return is_file(Folders(root).buckets / bucket / key)


def check(root: Path = ROOT) -> None:
    """Raise NothingThere if a server of a cloud has ended, with what was lost and how to restart it."""
    check_is_there(root)
    known = state.read(Folders(root)) or State()
    ended = [name for name in SERVERS if not (name in known.servers and _process(known.servers[name]))]
    if ended:
        lost = "; ".join(f"its {name} has stopped: {LOST[name]}" for name in ended)
        raise NothingThere(
            f"Part of the embedded cloud has stopped: {lost}. `python run.py --local setup` repairs it."
        )


def prepare_fiji(runtime: str, progress: Report) -> None:
    """Build ImageJ core if tasks are processes and there is no FIJI, using the user's network settings.

    Raises DistributedFijiError if that fails.
    """
    if runtime != "docker" and not own_fiji(os.environ):
        imagej_core(servers.CHECKOUT, progress)


def runtime(wanted: str | None, root: Path = ROOT) -> str:
    """Return how a cloud's tasks run: as requested now, or as its state says."""
    return wanted or (state.read(Folders(root.resolve())) or State()).runtime


def _runner(fiji: Path | None, runtime: str, progress: Report) -> str | None:
    """Return our runner's jar for tasks that run as processes of a FIJI that lacks it."""
    made = runner_for(fiji, servers.CHECKOUT, progress) if fiji and runtime != "docker" else None
    return str(made) if made else None


def containers_answer() -> None:
    """Raise DistributedFijiError if Docker does not answer: better here than in the machines' log."""
    from distributed_fiji.local.machines import containers

    containers.connect().close()


def ask_image(name: str) -> Answer:
    """Return whether the local Docker has an image, since containers run from there. Processes need none."""
    from distributed_fiji.registry import Answer

    found = find()
    if found is None or found.state.runtime != "docker":
        return Answer("there")
    from distributed_fiji.local.machines import containers

    with contextlib.closing(containers.connect()) as client:
        digest = containers.image_id(client, name)
    return Answer("there", digest) if digest else Answer("missing", detail=containers.how_to_get(name))


def _missing(known: State, wanted: State) -> list[str]:
    """Return the servers to start: those that do not answer, and the machines if their runtime changes."""
    missing = [name for name in SERVERS if not (known.key and _answers(name, known))]
    if wanted.runtime != known.runtime and MACHINES not in missing:
        processes.end(_identities(known, [MACHINES]), STOP_SECONDS[MACHINES])
        missing.append(MACHINES)
    return missing


def _answers(name: str, known: State) -> bool:
    server = known.servers.get(name)
    return server is not None and _process(server) and servers.healthy(name, server, known.key)


def _process(server: Server) -> bool:
    return server.identity is not None and server.identity.process() is not None


def _say_what_was_lost(root: Path, known: State, missing: list[str], progress: Report) -> None:
    if len(missing) == len(SERVERS):
        lost = f" again: {ALL_LOST} {shown(Folders(root).buckets)}" if known.servers else ""
        progress(f"Starting the embedded cloud{lost}")
        return
    for name in missing:
        progress(f"The embedded cloud's {name} had stopped; {LOST[name]}")


def _start_missing(
    folders: Folders, wanted: State, missing: list[str], progress: Report, meanwhile: Callable[[], object]
) -> State:
    processes.end(_identities(wanted, missing), STOP_SECONDS[DATA_PLANE])
    ready = replace(wanted, servers=dict(wanted.servers))
    pending = list(missing)
    while pending:
        for name in pending:
            ready.servers[name] = Server(_port(ready, name, progress))
        for name in pending:
            ready.servers[name] = servers.start(name, folders, ready)
        state.write(folders, ready)
        meanwhile()
        pending = [name for name in pending if not servers.wait_until_ready(name, folders, ready)]
    return ready


def _port(wanted: State, name: str, progress: Report) -> int:
    """Return the port a server had before, so that exported variables remain valid; else a free one."""
    server = wanted.servers.get(name)
    if server is None:
        return servers.free_port()
    if servers.taken(server.port):
        progress(
            f"Port {server.port} of the {name} is now in use by another program: variables you"
            " exported earlier are stale"
        )
        return servers.free_port()
    return server.port


def _identities(known: State, names: list[str]) -> list[processes.Identity]:
    found = [known.servers[name].identity for name in names if name in known.servers]
    return [identity for identity in found if identity]


def stop(root: Path = ROOT) -> bool:
    """Stop a cloud's machines with their tasks, then its servers. The buckets' files remain.

    Return whether anything was running.
    """
    root = root.resolve()
    with state.locked(root):
        return _stop(Folders(root))


def _stop(folders: Folders) -> bool:
    from distributed_fiji.local.machines import runtimes

    known = state.read(folders)
    if known is None:
        return False
    ran = any(_process(server) for server in known.servers.values())
    for name in (MACHINES, CONTROL_PLANE, DATA_PLANE):
        processes.end(_identities(known, [name]), STOP_SECONDS[name])
    if ran:
        with contextlib.suppress(DistributedFijiError):
            runtimes.make(folders, known.runtime, lambda: folders.root).sweep()
    resting = {name: Server(server.port) for name, server in known.servers.items()}
    state.write(folders, replace(known, servers=resting))
    return ran


def reset(root: Path = ROOT) -> None:
    """Stop a cloud and delete everything in its folder, including the buckets' files."""
    root = root.resolve()
    with state.locked(root):
        state.check_folder(root)
        _stop(Folders(root))
        if root.is_dir():
            shutil.rmtree(root)


def check_buckets(s3: S3Client, names: set[str], *, may_make: bool) -> None:
    """Raise InvalidInput if a cloud lacks buckets, since a mistyped name must not become a bucket.

    `may_make`: create them if there is no bucket at all, as on a cloud's first use.
    """
    there = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    missing = sorted(names - there)
    if may_make and not there:
        for name in missing:
            s3.create_bucket(Bucket=name)
        return
    if missing:
        raise InvalidInput(
            "The embedded cloud does not have this bucket", [_missing_bucket(it, there) for it in missing]
        )


def _missing_bucket(name: str, there: set[str]) -> str:
    near = difflib.get_close_matches(name, there, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? Otherwise " if near else ""
    return f"{name!r}: {hint}`python run.py local bucket {name}` creates it"


def ensure_bucket(s3: S3Client, name: str) -> bool:
    """Create a bucket unless it exists. Return whether it was created. `s3`: a client of the cloud."""
    if any(bucket["Name"] == name for bucket in s3.list_buckets()["Buckets"]):
        return False
    s3.create_bucket(Bucket=name)
    return True
