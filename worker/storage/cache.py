"""Inputs that several jobs may need, kept on local disk and lent to one job at a time.

A lent folder is moved into the job's folder and back afterwards, so the script may write and delete in it,
and nothing is copied. Before it is lent again, each file must be exactly the one that was downloaded, judged
by inode, size, mtime and ctime (which no program can set). Files that differ are removed and downloaded
again; files that were added are removed.
"""

from __future__ import annotations

import logging
import os
import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from worker.errors import ChangedMeanwhile
from worker.host.folders import FolderMark, mark_of, remove_tree
from worker.storage.bulk import Batch
from worker.storage.downloads import Check, Downloads
from worker.storage.s3 import Object

log = logging.getLogger(__name__)

#: When less than this share of the disk is free, unused entries are removed, least recently used first.
LEAST_FREE = 0.2

#: File systems take timestamps from a clock that ticks every 1 to 10 ms (Linux: CONFIG_HZ). A file changed
#: within the same tick as its download could keep the same timestamp.
CLOCK_TICK = 12_000_000

Key = tuple[str, str, tuple[str, ...]]


@dataclass
class Entry:
    """Objects below one prefix, in one folder.

    `objects`: the objects it should hold, by name. `marks`: those it holds, as they were when downloaded.
    `whole`: these are all objects below the prefix.
    """

    bucket: str
    prefix: str
    folder: Path
    whole: bool
    objects: dict[str, Object] = field(default_factory=dict)
    marks: dict[str, FolderMark] = field(default_factory=dict)
    #: When its newest file was downloaded, in ns since 1970.
    newest: int = 0
    users: int = 0
    replaced: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class Loan:
    """A job's use of an entry. The entry stays in the job's folder for as long as the job is in FIJI."""

    def __init__(self, cache: Cache, entry: Entry, place: Path) -> None:
        self._cache = cache
        self._entry = entry
        #: Where it goes, relative to the job's working directory.
        self._place = place
        self._at: tuple[Path, int] | None = None

    def restore(self, check: Check) -> None:
        """Make the entry hold exactly its objects. Raises ChangedMeanwhile if the bucket's have changed."""
        self._cache.restore(self._entry, check)

    def move_into(self, work: Path) -> None:
        """Move the entry's folder into a job's folder, on the same disk."""
        while time.time_ns() - self._entry.newest < CLOCK_TICK:
            time.sleep(CLOCK_TICK / 4e9)
        target = work / self._place
        target.parent.mkdir(parents=True, exist_ok=True)
        inode = self._entry.folder.stat().st_ino
        self._entry.folder.rename(target)
        self._at = target, inode

    def end(self, *, keep: bool = False) -> None:
        """Return the entry. `keep`: leave its folder in the job's, because a link there leads into it."""
        if self._at and (keep or not _moved_back(*self._at, self._entry.folder)):
            self._entry.marks = {}
            self._entry.folder.mkdir(exist_ok=True)
        self._at = None
        self._cache.give_back(self._entry)


class Cache:
    """The entries of one worker. All methods may be called from any thread."""

    def __init__(self, root: Path, downloads: Downloads) -> None:
        self._root = root
        self._downloads = downloads
        # Least recently used first.
        self._entries: dict[Key, Entry] = {}
        self._lock = threading.Lock()

    def bring(self, batch: Batch, objects: Mapping[str, Object], place: Path, check: Check) -> Loan:
        """Lend a job a folder that holds exactly these objects, by their names in the batch.

        The batch's own folder is not used. `place`: where the folder will go in the job's. An entry that
        other jobs use is not touched: if its objects differ, a new folder is made. Raises what a download
        raises.
        """
        key = batch.bucket, batch.prefix, () if batch.whole else tuple(sorted(objects))
        entry = self._take(key, batch)
        try:
            if entry.objects != objects:
                entry = self._renew(key, entry, objects)
            if entry.users == 1 and entry.marks.keys() != objects.keys():
                self.restore(entry, check)
        except BaseException:
            self.give_back(entry)
            raise
        return Loan(self, entry, place)

    def restore(self, entry: Entry, check: Check) -> None:
        """Make an entry that is not lent hold exactly its objects, each as it was downloaded."""
        with entry.lock:
            try:
                kept = _keep_only(entry.folder, entry.marks)
            except OSError as error:
                log.warning("the inputs in %s are downloaded again: %s", entry.folder, error)
                self._start_anew(entry)
                kept = set()
            entry.marks = {name: entry.marks[name] for name in kept}
            missing = {name: item for name, item in entry.objects.items() if name not in kept}
            if not missing:
                return
            try:
                self._fetch(entry, missing, check)
            except ChangedMeanwhile:
                raise
            except BaseException:
                # A thread that is still downloading must not interfere with the next attempt.
                self._start_anew(entry)
                raise

    def give_back(self, entry: Entry) -> None:
        """End a job's use of an entry. A replaced entry is removed once nobody uses it."""
        with self._lock:
            entry.users -= 1
            if entry.replaced and not entry.users:
                remove_tree(entry.folder)

    def free_share(self) -> float:
        """Return the share of the disk that is free, 0 to 1."""
        disk = shutil.disk_usage(self._root)
        return disk.free / disk.total

    def make_room(self, least_free: float = LEAST_FREE) -> None:
        """Remove unused entries until `least_free` (0 to 1) of the disk is free."""
        with self._lock:
            for key, entry in list(self._entries.items()):
                if self.free_share() >= least_free and least_free < 1:
                    return
                if not entry.users:
                    del self._entries[key]
                    remove_tree(entry.folder)

    def _fetch(self, entry: Entry, missing: Mapping[str, Object], check: Check) -> None:
        whole = entry.whole and len(missing) == len(entry.objects)
        batch = Batch(entry.bucket, entry.prefix, entry.folder, list(missing), whole)
        self._downloads.fetch(batch, missing, check)
        entry.marks |= {name: mark_of((entry.folder / name).lstat()) for name in missing}
        entry.newest = time.time_ns()
        if whole:
            # Objects that appeared in the bucket after the listing are not inputs of this job.
            _keep_only(entry.folder, entry.marks)

    def _start_anew(self, entry: Entry) -> None:
        old, entry.folder = entry.folder, self._new_folder()
        entry.marks = {}
        remove_tree(old)

    def _take(self, key: Key, batch: Batch) -> Entry:
        with self._lock:
            entry = self._entries.pop(key, None) or self._new(batch.bucket, batch.prefix, batch.whole)
            self._entries[key] = entry
            entry.users += 1
            return entry

    def _renew(self, key: Key, entry: Entry, objects: Mapping[str, Object]) -> Entry:
        """Return an entry for these objects: this one, or a new one if others use it."""
        with self._lock:
            if entry.users > 1:
                entry.replaced = True
                entry.users -= 1
                entry = self._entries[key] = self._new(entry.bucket, entry.prefix, entry.whole)
                entry.users += 1
            entry.marks = {
                name: mark for name, mark in entry.marks.items() if objects.get(name) == entry.objects[name]
            }
            entry.objects = dict(objects)
            return entry

    def _new(self, bucket: str, prefix: str, whole: bool) -> Entry:
        return Entry(bucket, prefix, self._new_folder(), whole)

    def _new_folder(self) -> Path:
        return Path(tempfile.mkdtemp(prefix="input-", dir=self._root))


def _keep_only(folder: Path, marks: Mapping[str, FolderMark]) -> set[str]:
    """Remove everything from a folder except files with these marks and their folders; return their names."""
    leading = {str(parent) for name in marks for parent in PurePosixPath(name).parents}
    kept: set[str] = set()

    def look(inside: str, prefix: str) -> None:
        _open_up(Path(inside))
        with os.scandir(inside) as found:
            for one in found:
                name = prefix + one.name
                if one.is_dir(follow_symlinks=False):
                    if name in leading:
                        look(one.path, f"{name}/")
                    else:
                        _remove_all(Path(one.path))
                elif marks.get(name) == mark_of(one.stat(follow_symlinks=False)):
                    kept.add(name)
                else:
                    Path(one.path).unlink()

    look(str(folder), "")
    return kept


def _remove_all(folder: Path) -> None:
    """Remove a folder that no other job may see. Raises OSError if it cannot be removed."""
    remove_tree(folder)
    if os.path.lexists(folder):
        raise OSError(f"{folder} cannot be removed")


def _open_up(folder: Path) -> None:
    """Restore the permissions that a script may have taken away."""
    if stat.S_IMODE(folder.lstat().st_mode) != stat.S_IRWXU:
        folder.chmod(stat.S_IRWXU)


def _moved_back(place: Path, inode: int, folder: Path) -> bool:
    """Move a lent folder back. Return False if it is gone or cannot be moved."""
    try:
        found = place.stat(follow_symlinks=False)
        if not stat.S_ISDIR(found.st_mode) or found.st_ino != inode:
            return False
        for one in (place.parent, place):
            with suppress(OSError):
                one.chmod(stat.S_IRWXU)
        place.rename(folder)
    except OSError:
        return False
    return True
