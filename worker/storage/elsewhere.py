"""Files that a script writes outside of `output/`: beside its inputs, or anywhere in its run's folder.

They are found by comparison with the state before the run: a file counts if it is new or has changed. Java's
temporary folder, and names in the run's home that begin with a dot, are excluded.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from worker.contract.jobs import FailureClass
from worker.errors import JobFailed
from worker.host.folders import RunFolder

#: Inode, bytes and mtime in ns of each file, by its name below the run's folder. Not its ctime, since an
#: input's ctime changes when the cache lends it.
Seen = dict[str, tuple[int, int, int]]

#: The first part of names in the run's home. Scripts save to getDirectory("home") and System's user.home.
HOME = "home"


def look(folder: RunFolder) -> Seen:
    """Return what is in a run's folder, except `output/`, before its script runs."""
    return dict(_files(folder))


def written(folder: RunFolder, before: Seen) -> list[str]:
    """Return the files that a script wrote outside of `output/`, such as `input/side.csv`, sorted."""
    return sorted(name for name, mark in _files(folder) if before.get(name) != mark)


def collect(folder: RunFolder, names: Sequence[str]) -> None:
    """Link the files that `written` found into a folder of their own, under their names. Raises JobFailed.

    The job fails if two files have the same name: one in the script's own folder `home/`, one in its home.
    Links are used because a folder of inputs returns to the cache after the run, which drops added files.
    """
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        sentence = f"{twice[0]} in the working directory and in the home folder would be the same output."
        raise JobFailed(FailureClass.OUTPUTS_REFUSED, sentence)
    try:
        for name in names:
            target = folder.collected / name
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(_path(folder, name), target, follow_symlinks=False)
    except OSError as error:
        sentence = f"A file that the script wrote cannot be kept (COLLECT_ALL): {error}."
        raise JobFailed(FailureClass.OUTPUTS_REFUSED, sentence) from error


def _path(folder: RunFolder, name: str) -> Path:
    first, _, rest = name.partition("/")
    is_home = first == HOME and not (folder.work / name).exists()
    return folder.preferences / rest if is_home else folder.work / name


def _files(folder: RunFolder) -> Iterator[tuple[str, tuple[int, int, int]]]:
    yield from _below(str(folder.work), "", {str(folder.output)})
    hidden = {one.path for one in _entries(str(folder.preferences)) if one.name.startswith(".")}
    yield from _below(str(folder.preferences), f"{HOME}/", hidden)


def _below(inside: str, prefix: str, without: set[str]) -> Iterator[tuple[str, tuple[int, int, int]]]:
    """Uses os.scandir without recursion, since there may be thousands of inputs in deeply nested folders."""
    folders = [(inside, prefix)]
    while folders:
        path, name = folders.pop()
        for one in _entries(path):
            if one.path in without:
                continue
            # Files that have disappeared, or whose paths are too long, are skipped.
            with suppress(OSError):
                if one.is_dir(follow_symlinks=False):
                    folders.append((one.path, f"{name}{one.name}/"))
                else:
                    about = one.stat(follow_symlinks=False)
                    yield f"{name}{one.name}", (about.st_ino, about.st_size, about.st_mtime_ns)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        return []
