"""Store the data plane's objects as plain files, and S3's metadata about them elsewhere.

ministack writes KEY.meta.json next to each object, among the files that people put into their bucket and take
out of it. It also mistakes an object with such a name for one of its own files. Here, these files have their
own folder, with the same paths, so the bucket's folder holds only objects.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

#: What ministack appends to a key.
ENDING = ".meta.json"

#: What is stored about an object, with the values that apply if nothing is known.
UNKNOWN: dict[str, Any] = {
    "content_type": "application/octet-stream",
    "content_encoding": None,
    "metadata": {},
    "preserved_headers": {},
    "storage_class": "STANDARD",
    "checksums": {},
}


def install(s3: Any, objects: Path, facts: Path) -> None:
    """Make ministack's S3 module keep its metadata about objects in `facts`; then load what is on disk.

    `objects`: the folder with ACCOUNT/BUCKET/KEY. Call it before the first request.
    """
    write = s3._atomic_write

    def aside(path: str) -> Path:
        return facts / Path(path).relative_to(os.path.realpath(objects))

    def write_apart(path: str, data: Any, *, text: bool = False) -> None:
        if text and path.endswith(ENDING):
            beside = aside(path)
            beside.parent.mkdir(parents=True, exist_ok=True)
            write(str(beside), data, text=True)
        else:
            write(path, data, text=text)

    def delete(bucket: str, key: str) -> None:
        path = s3._object_disk_path(bucket, key)
        if path is not None:
            Path(path).unlink(missing_ok=True)
            aside(path + ENDING).unlink(missing_ok=True)

    s3._atomic_write = write_apart
    s3._delete_persisted_object = delete
    s3._load_persisted_bucket = lambda account, name, path: load(s3, facts, (account, name), Path(path))
    move_aside(objects, facts)
    s3.S3_PERSIST = True
    s3._load_persisted_data()


def move_aside(objects: Path, facts: Path) -> None:
    """Move the files that an earlier version left next to objects: those of its form that have an object."""
    for path in objects.rglob(f"*{ENDING}"):
        told = read_facts(path)
        if (
            path.with_name(path.name.removesuffix(ENDING)).is_file()
            and {"etag", "last_modified"} <= told.keys()
        ):
            target = facts / path.relative_to(objects)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)


def load(s3: Any, facts: Path, bucket: tuple[str, str], folder: Path) -> None:
    """Register a bucket's objects on disk with the module. `bucket`: account and name."""
    made = {"created": s3.now_iso(), "objects": {}, "region": None}
    there = s3._buckets._data.setdefault(bucket, made)["objects"]
    for path in files_in(folder):
        key = str(path.relative_to(folder))
        told = read_facts(facts.joinpath(*bucket, key + ENDING))
        if told.get("size") != path.stat().st_size:
            told = {}  # somebody else's file is there
        content = {"body": None, "size": path.stat().st_size, "last_modified": s3.now_iso()}
        etag = told.get("etag") or f'"{s3.md5_hash(path.read_bytes())}"'
        there[key] = UNKNOWN | content | told | {"etag": etag, "body": None}


def files_in(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder."""
    return (path for path in folder.rglob("*") if path.is_file())


def read_facts(path: Path) -> dict[str, Any]:
    """Return the stored facts about an object; {} if there are none, or none that are readable."""
    with contextlib.suppress(OSError, ValueError):
        document = json.loads(path.read_bytes())
        if isinstance(document, dict):
            return document
    return {}
