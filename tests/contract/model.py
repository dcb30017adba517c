"""Check a request against botocore's model of its service.

It checks types, and what botocore itself does not: enums, patterns, lengths and sizes. AWS refuses
violations; emulators mostly do not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from botocore.validate import ParamValidator

#: Enums that AWS extends between versions of the model, and whose values users name.
GROWING = {"InstanceType"}


def violations(shape: Any, parameters: dict[str, Any]) -> list[str]:
    """Return which of a request's parameters its input shape does not allow."""
    if shape is None:
        return [] if not parameters else [f"takes no parameters: {sorted(parameters)}"]
    report = ParamValidator().validate(parameters, shape)
    types = [report.generate_report()] if report.has_errors() else []
    return types + list(_walk(shape, parameters, ""))


def _walk(shape: Any, value: Any, path: str) -> Iterator[str]:
    match shape.type_name:
        case "structure":
            for name, inner in value.items() if isinstance(value, dict) else ():
                if name in shape.members:
                    yield from _walk(shape.members[name], inner, f"{path}.{name}")
        case "list":
            yield from _size(shape, len(value), path)
            for number, inner in enumerate(value):
                yield from _walk(shape.member, inner, f"{path}[{number}]")
        case "map":
            yield from _size(shape, len(value), path)
            for name, inner in value.items():
                yield from _walk(shape.key, name, f"{path} key")
                yield from _walk(shape.value, inner, f"{path}.{name}")
        case "string":
            yield from _text(shape, value, path)
        case "integer" | "long" | "float" | "double":
            yield from _size(shape, value, path)


def _text(shape: Any, value: str, path: str) -> Iterator[str]:
    yield from _size(shape, len(value), path)
    if shape.enum and shape.name not in GROWING and value not in shape.enum:
        yield f"{path} = {value!r} is none of {shape.enum}"
    pattern = _pattern(shape.metadata.get("pattern"))
    if pattern and not pattern(value):
        yield f"{path} = {value!r:.200} does not match {shape.metadata['pattern']}"


def _size(shape: Any, size: float, path: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield f"{path} is {size}, {least} at least"
    if most is not None and size > most:
        yield f"{path} is {size}, {most} at most"


@cache
def _pattern(text: str | None) -> Any:
    """Return a test of whether a text matches; None if the model has no pattern that Python can read.

    In the models' older parts, patterns without anchors apply to the whole text.
    """
    if not text:
        return None
    try:
        compiled = re.compile(text, re.DOTALL)
    except re.error:
        return None
    anchored = text.startswith("^") or text.endswith("$")
    return compiled.search if anchored else compiled.fullmatch
