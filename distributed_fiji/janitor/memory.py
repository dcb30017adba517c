"""What the janitor remembers about a run between rounds, kept in the bucket."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from distributed_fiji.monitor.decide import Memory
from distributed_fiji.state.openruns import memory_key
from distributed_fiji.state.record import Run
from distributed_fiji.state.statefiles import find_state
from worker.contract.state import flag, number

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def read_memory(s3: S3Client, run: Run) -> Memory:
    """Return what was remembered at the last look; nothing if it cannot be read."""
    return find_state(s3, run.bucket, memory_key(run), _memory) or Memory()


def _memory(document: dict[str, Any]) -> Memory:
    """Return the memory in a document; fields that an earlier version did not write have their defaults."""
    empty = document.get("empty")
    known: dict[str, Any] = {
        field.name: _like(field.default, document[field.name])
        for field in fields(Memory)
        if field.name in document and field.name not in ("readings", "empty")
    }
    readings = tuple((_time(time), int(_time(left))) for time, left in document.get("readings") or ())
    return Memory(
        readings=readings, empty=(_time(empty[0]), int(_time(empty[1]))) if empty else None, **known
    )


def _like(default: Any, value: Any) -> Any:
    """Return a value with the type of a field's default; None stands for an unknown time."""
    if isinstance(default, bool):
        return flag({"it": value}, "it")
    if default is None:
        return None if value is None else _time(value)
    return type(default)(_time(value))


def _time(value: Any) -> float:
    return number({"a time": value}, "a time")


def write_memory(s3: S3Client, run: Run, memory: Memory) -> None:
    """Store what the next look needs."""
    s3.put_object(Bucket=run.bucket, Key=memory_key(run), Body=json.dumps(asdict(memory)).encode())
