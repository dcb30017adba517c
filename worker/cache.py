"""Inputs that one job after another may need, kept on local disk and brought up to date before each use.

A folder that a running job reads is never changed: when its objects changed meanwhile, a new one is made.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from worker.bulk import Batch
from worker.jobfolder import remove_tree
from worker.s3 import Object
from worker.transfers import Check, Transfers

#: When less than this share of the disk is free, what no job uses is removed, the longest unused first.
LEAST_FREE = 0.2


@dataclass
class Entry:
    """Objects below one prefix, in one folder; `files`: name -> ETag, bytes, mtime as they were fetched."""

    folder: Path
    files: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    users: int = 0
    replaced: bool = False


class Cache:
    """The entries of one worker. Jobs take entries from one thread at a time, and give them back from any."""

    def __init__(self, root: Path, transfers: Transfers) -> None:
        self._root = root
        self._transfers = transfers
        # In order of their last use.
        self._entries: dict[tuple[str, str], Entry] = {}
        self._lock = threading.Lock()

    def bring(
        self, bucket: str, prefix: str, objects: Mapping[str, Object], check: Check, *, only: str = ""
    ) -> Entry:
        """Return a folder that holds just these objects (by their names below the prefix), taken for a job.

        `only`: the name of the one object that is wanted of the prefix, empty when all of it is.
        """
        key = (bucket, prefix + only)
        entry = self._take(key)
        stale = _stale(entry, objects)
        if stale is None:
            return entry
        if entry.users > 1:
            in_use, entry = entry, self._replace(key, entry)
            self.give_back(in_use)
        try:
            wanted = {name: objects[name] for name in stale}
            whole = not only and len(wanted) == len(objects)
            self._transfers.fetch(Batch(bucket, prefix, entry.folder, list(wanted), whole), wanted, check)
            if whole:
                # What came into the bucket after it was listed is none of this job's inputs.
                _remove_others(entry.folder, set(wanted))
        except BaseException:
            entry.files = {}
            self.give_back(entry)
            raise
        entry.files = {name: _as_fetched(entry.folder / name, item) for name, item in objects.items()}
        return entry

    def give_back(self, entry: Entry) -> None:
        """End a job's use of an entry; one that has been replaced goes when nobody uses it."""
        with self._lock:
            entry.users -= 1
            if entry.replaced and not entry.users:
                remove_tree(entry.folder)

    def free_share(self) -> float:
        """Return which share of the disk is free, 0 to 1."""
        disk = shutil.disk_usage(self._root)
        return disk.free / disk.total

    def make_room(self, least_free: float = LEAST_FREE) -> None:
        """Remove what no job uses until `least_free` (0 to 1) of the disk is free."""
        with self._lock:
            for key, entry in list(self._entries.items()):
                if self.free_share() >= least_free and least_free < 1:
                    return
                if not entry.users:
                    del self._entries[key]
                    remove_tree(entry.folder)

    def _take(self, key: tuple[str, str]) -> Entry:
        with self._lock:
            entry = self._entries.pop(key, None) or self._new()
            self._entries[key] = entry
            entry.users += 1
            return entry

    def _replace(self, key: tuple[str, str], old: Entry) -> Entry:
        with self._lock:
            old.replaced = True
            entry = self._entries[key] = self._new()
            entry.users += 1
            return entry

    def _new(self) -> Entry:
        return Entry(Path(tempfile.mkdtemp(prefix="input-", dir=self._root)))


def _stale(entry: Entry, objects: Mapping[str, Object]) -> set[str] | None:
    """Return the names to fetch again, or None when nothing has changed. Removes what should not be there.

    What a running job reads (`users` counts the one that asks, too) is not looked at on disk, nor changed.
    """
    listed = {name: (item.etag, item.size) for name, item in objects.items()}
    known = {name: (etag, size) for name, (etag, size, _) in entry.files.items()}
    if entry.users > 1:
        return None if listed == known else set(listed)
    stale = {
        name
        for name, item in listed.items()
        if known.get(name) != item or _state(entry.folder / name) != entry.files[name][1:]
    }
    removed = _remove_others(entry.folder, set(listed))
    return stale if stale or removed or listed.keys() != known.keys() else None


def _remove_others(folder: Path, names: set[str]) -> bool:
    removed = False
    for parent, folders, files in os.walk(folder):
        for file in files:
            path = Path(parent, file)
            if str(path.relative_to(folder)) not in names or path.is_symlink():
                path.unlink(missing_ok=True)
                removed = True
        for name in folders:
            if Path(parent, name).is_symlink():
                Path(parent, name).unlink()
                removed = True
    return removed


def _as_fetched(path: Path, item: Object) -> tuple[str, int, int]:
    return (item.etag, *_state(path))


def _state(path: Path) -> tuple[int, int]:
    """Return a file's bytes and mtime in ns; (-1, 0) when it is not there."""
    try:
        found = path.stat(follow_symlinks=False)
    except OSError:
        return -1, 0
    return found.st_size, found.st_mtime_ns
