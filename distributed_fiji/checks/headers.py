"""What a script declares with `#@`, read as SciJava does (scijava-common 2.99, ParameterScriptProcessor).

Pure.

SciJava ignores a line that it cannot split, and refuses the whole script if it cannot parse attributes.
Attributes with operators are left to SciJava: nothing is reported about such a parameter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

from distributed_fiji.checks.attributes import Broken, Unsure, read_attributes

#: Java's integer types with their bits, and all numeric types.
WHOLE = {"byte": 8, "short": 16, "int": 32, "long": 64}
NUMBERS = frozenset({*WHOLE, "float", "double", "BigInteger", "BigDecimal", "Number"})
#: The default values of types that always have a value.
EMPTY = {**dict.fromkeys((*WHOLE, "float", "double"), 0), "boolean": False, "char": "\0"}
#: Types of values, by SciJava's names for them; services, images and so on are others.
TYPES = {
    **{name: name for name in (*WHOLE, "float", "double", "boolean", "char")},
    **{"Byte": "byte", "Short": "short", "Integer": "int", "Long": "long", "Float": "float"},
    **{"Double": "double", "Boolean": "boolean", "Character": "char", "string": "String"},
    **{name: name for name in ("String", "File", "BigInteger", "BigDecimal", "Number", "Object", "Date")},
}
PACKAGE = re.compile(r"java\.(?:lang|io|math|util)\.(?=[A-Z])")

#: Before the first line that contains a word, `// @String name` may declare a parameter too.
OLD = re.compile(r"[^\w]*[^\w#]@", re.ASCII)


@dataclass(frozen=True)
class Parameter:
    """An input that a script declares. `type`: one of TYPES, with [] for arrays; '' for any other.

    `written`: the type as in the script. `unsure`: its attributes were not understood, so nothing can be said
    about its values.
    """

    name: str
    type: str
    written: str = ""
    required: bool = True
    default: Any = None
    choices: tuple[Any, ...] = ()
    minimum: Any = None
    maximum: Any = None
    style: str = ""
    is_message: bool = False
    unsure: bool = False


class Headers(NamedTuple):
    """A script's inputs in order, and the lines that SciJava refuses, with their numbers."""

    parameters: list[Parameter]
    broken: list[tuple[int, str]]


def read_headers(text: str) -> Headers:
    """Return what a script declares."""
    found, broken, in_header = list[Parameter](), list[tuple[int, str]](), True
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        is_old = in_header and not line.startswith("#@") and OLD.match(line)
        if line.startswith("#@") or is_old:
            try:
                parameter = _parameter(line[line.index("@") + 1 :])
            except Broken as error:
                broken.append((number, str(error)))
            else:
                if parameter:
                    found.append(parameter)
        elif re.search(r"\w", line, re.ASCII) and not line.startswith("#!"):
            in_header = False
    return Headers(found, broken)


def _parameter(text: str) -> Parameter | None:
    """Return the input that a line declares, or None. Raises Broken."""
    left, right = text.find("("), text.rfind(")")
    if right < left:
        return None
    attributes, unsure = dict[str, Any](), False
    if left >= 0:
        try:
            attributes = read_attributes(text[left + 1 : right])
        except Unsure:
            unsure = True
        text = text[:left] + text[right + 1 :]
    words = re.split(r"[ \t]+", text.strip())
    way = words[0].upper()
    if way in ("INPUT", "OUTPUT", "BOTH"):
        if len(words) not in (2, 3):
            return None
        words = words[1:] if len(words) == 3 else ["Object", words[1]]
        attributes["type"] = way
    if len(words) < 2 or attributes.get("type", "INPUT") not in ("INPUT", "BOTH"):
        return None
    return _with_attributes(words[1], words[0], attributes, unsure)


def _with_attributes(name: str, written: str, given: dict[str, Any], unsure: bool) -> Parameter:
    choices = given.get("choices") or ()
    # Only some arrays take values; SciJava decides which.
    unsure = unsure or (written.endswith("]") and bool(given.keys() & {"value", "min", "max", "choices"}))
    listed = choices if isinstance(choices, list) else [choices] if choices else []
    return Parameter(
        name=str(given.get("name") or name),
        type=type_of(written),
        written=written,
        required=_as("boolean", given.get("required", True)),
        default=_as(written, given.get("value")),
        choices=tuple(_as(written, item) for item in listed),
        minimum=_as(written, given.get("min")),
        maximum=_as(written, given.get("max")),
        style=str(given.get("style") or ""),
        is_message=given.get("visibility") == "MESSAGE",
        unsure=unsure,
    )


def type_of(name: str) -> str:
    """Return the type in TYPES that a name stands for, with its [], or ''."""
    base = name.rstrip("[]")
    known = TYPES.get(PACKAGE.sub("", base), "")
    return known + name[len(base) :] if known else ""


def _as(written: str, value: Any) -> Any:
    """Return a value as SciJava converts it to a type.

    If it cannot, that is None, or 0 for a primitive type.
    """
    made = None if value is None else _converted(type_of(written), value)
    if made is None and value not in (None, "") and written in EMPTY:
        return EMPTY[written]
    return made


def _converted(kind: str, value: Any) -> Any:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if kind == "String":
        return text
    if kind == "boolean":
        return value if isinstance(value, bool) else text.lower() == "true" if text else None
    if kind == "char":
        return text[:1] or None
    if kind == "Date" or (isinstance(value, bool) and kind in NUMBERS - {"Number"}):
        return None
    try:
        return _as_number(kind, value, text) if kind in NUMBERS else value
    except Broken:
        raise
    except ValueError:
        return None


def _as_number(kind: str, value: Any, text: str) -> int | float | None:
    if kind == "BigInteger":
        return None if isinstance(value, float) else int(text)
    if kind == "Number":
        try:
            return float(text)
        except ValueError as error:
            raise Broken(f"{text!r} is no number") from error
    if kind not in WHOLE:
        return float(text)
    number = int(text) if isinstance(value, str) else value
    bits = WHOLE[kind]
    return (int(number) + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)
