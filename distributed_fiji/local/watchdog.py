"""End a server whose cloud is gone: its folder was deleted, or state.json names another process."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

from distributed_fiji.local import state
from distributed_fiji.local.state import Folders

LOOK_SECONDS = 5.0


def guard(root: Path, name: str) -> None:
    """End this process with SIGTERM once it is no longer a server of that cloud; checked in a thread."""
    threading.Thread(target=_guard, args=(Folders(root), name), daemon=True).start()


def _guard(folders: Folders, name: str) -> None:
    while True:
        time.sleep(LOOK_SECONDS)
        if not belongs(folders, name, os.getpid()):
            os.kill(os.getpid(), signal.SIGTERM)


def belongs(folders: Folders, name: str, pid: int) -> bool:
    """Return whether a process is a server of a cloud: its folder exists, and state.json names no other."""
    known = state.read(folders)
    if known is None:
        return folders.root.is_dir()
    server = known.servers.get(name)
    return server is not None and server.identity is not None and server.identity.pid == pid
