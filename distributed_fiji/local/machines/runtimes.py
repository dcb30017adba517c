"""How tasks run: as processes with a local FIJI, or as containers of their image."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from distributed_fiji.errors import DistributedFijiError
from distributed_fiji.local import state
from distributed_fiji.local.machines import taskplan, tasks
from distributed_fiji.local.machines.taskplan import TaskPlan
from distributed_fiji.local.machines.tasks import CannotStart, NotReady, ProcessTask, TaskProcess
from distributed_fiji.local.state import Folders


class Runtime(Protocol):
    """Starts tasks, and ends those that earlier machines of the cloud have left behind."""

    def launch(self, plan: TaskPlan, log: Path) -> TaskProcess:
        """Start a task. Raises CannotStart, or NotReady if it should be tried again."""

    def image_id(self, name: str) -> str:
        """Return the digest of the image that a task will run; '' if it runs none."""

    def sweep(self) -> int:
        """End leftovers; return how many there were."""


def make(folders: Folders, name: str, build_fiji: Callable[[], Path]) -> Runtime:
    """Return the runtime with a name. Raises DistributedFijiError if Docker does not answer."""
    return ContainerRuntime(folders.root) if name == "docker" else ProcessRuntime(folders, build_fiji)


class ContainerRuntime:
    """Runs tasks as containers of their image, in the user's Docker."""

    def __init__(self, root: Path) -> None:
        from distributed_fiji.local.machines import containers

        self._root = root
        self._client = containers.connect()

    def launch(self, plan: TaskPlan, log: Path) -> TaskProcess:
        from distributed_fiji.local.machines.containers import ContainerTask

        return ContainerTask(self._client, self._root, plan, log)

    def image_id(self, name: str) -> str:
        from distributed_fiji.local.machines import containers

        return containers.image_id(self._client, name)

    def sweep(self) -> int:
        from distributed_fiji.local.machines import containers

        return containers.sweep(self._client, self._root)


class ProcessRuntime:
    """Runs tasks as processes, with the FIJI that state.json names when they start.

    If it names none, `build_fiji` builds one in a thread. A task waits for it, as one on AWS does while its
    image is pulled.
    """

    def __init__(self, folders: Folders, build_fiji: Callable[[], Path]) -> None:
        self._folders = folders
        self._build_fiji = build_fiji
        self._builder: threading.Thread | None = None
        self._built: Path | None = None
        self._failure: DistributedFijiError | None = None

    def launch(self, plan: TaskPlan, log: Path) -> TaskProcess:
        if taskplan.own_command(plan):
            raise CannotStart(
                "CannotStartContainerError: the task definition has its own command, but a process can"
                " only run the worker. --runtime docker runs such tasks in containers"
            )
        known = state.read(self._folders)
        runner = Path(known.runner) if known and known.runner else None
        return ProcessTask(plan, log, self._fiji(), runner)

    def image_id(self, name: str) -> str:
        return ""

    def sweep(self) -> int:
        return tasks.sweep(self._folders.scratch)

    def _fiji(self) -> Path:
        known = state.read(self._folders)
        if known and known.fiji:
            return Path(known.fiji)
        if self._built:
            return self._built
        if self._builder is None:
            self._builder = threading.Thread(target=self._build, daemon=True)
            self._builder.start()
        if self._builder.is_alive():
            raise NotReady("ImageJ core is being built")
        return self._outcome()

    def _build(self) -> None:
        try:
            self._built = self._build_fiji()
        except DistributedFijiError as error:
            self._failure = error

    def _outcome(self) -> Path:
        """Return what was built. Raises CannotStart, after which another task may try again."""
        self._builder, failure, self._failure = None, self._failure, None
        if self._built is None:
            raise CannotStart(f"CannotStartContainerError: {failure}")
        return self._built
