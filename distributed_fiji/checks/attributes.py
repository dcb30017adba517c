"""The attributes of a `#@` line, as SciJava parses them (Parsington 3.1): names, values, lists. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'[^']*')"""
    r"|(?P<number>0[xX][0-9a-fA-F]+|\d+(?:\.\d*)?(?:[eE][-+]?\d+)?[fFdDlL]?)"
    r"|(?P<word>[A-Za-z_$][\w$]*)|(?P<mark>[-+={}\[\](),]))",
    re.ASCII,
)
#: What may not follow a value; SciJava stops reading there. A number does not begin with a dot.
NO_COMMA = re.compile(r"\s*(?:[\"'\w$])")
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


class Word(str):
    """A word without quotation marks: a text, unless it is a number or a boolean."""


class Broken(ValueError):
    """Raised if SciJava refuses the script; the text says why."""


class Unsure(ValueError):
    """Raised if attributes contain more than is understood here."""


@dataclass
class _Reader:
    """Reads attributes from left to right."""

    text: str
    at: int = 0
    kind: str = ""
    value: str = ""
    found: dict[str, Any] = field(default_factory=dict)

    def next(self) -> None:
        """Advance to the next token; '' at the end."""
        match = TOKEN.match(self.text, self.at)
        if match:
            self.kind, self.value, self.at = str(match.lastgroup), match[match.lastgroup or 0], match.end()
        elif self.text[self.at :].strip():
            rest = self.text[self.at :].strip()
            if re.match(r"\.\d", rest):
                raise Broken("a number must not begin with a dot: write 0.5")
            if rest[0] in "\"'":
                raise Broken("a quotation mark is missing")
            raise Unsure(rest)
        else:
            self.kind = self.value = ""

    def operand_ended(self) -> None:
        """Raise Broken if another value follows immediately."""
        if NO_COMMA.match(self.text, self.at):
            raise Broken(f"a comma is missing before {self.text[self.at :].strip()[:20]!r}")
        self.next()


def read_attributes(text: str) -> dict[str, Any]:
    """Return attributes by their lower-case names. Raises Broken and Unsure."""
    reader = _Reader(text)
    reader.next()
    if reader.value == "," and reader.kind == "mark":
        raise Broken("an attribute is missing before the comma")
    for key, value in _items(reader, ""):
        if key:
            reader.found[key.lower()] = value
    return reader.found


def _items(reader: _Reader, end: str) -> Iterator[tuple[str, Any]]:
    """Yield names and values up to a closing mark, or to the end."""
    while reader.value != end or reader.kind == "text":
        value = _value(reader)
        key = str(value) if isinstance(value, Word) else ""
        if reader.kind == "mark" and reader.value == "=":
            reader.next()
            is_empty = reader.kind == "" or reader.value in (",", end)
            value = None if is_empty and reader.kind != "text" else _value(reader)
        yield key, value
        if reader.kind == "mark" and reader.value == ",":
            reader.next()
        elif reader.value != end:
            raise Unsure(reader.value)


def _value(reader: _Reader) -> Any:
    kind, value = reader.kind, reader.value
    if kind == "mark":
        if value in ("{", "["):
            reader.next()
            items = [item for _, item in _items(reader, "}" if value == "{" else "]")]
            reader.operand_ended()
            return items
        if value in ("-", "+"):
            reader.next()
            number = _value(reader)
            if isinstance(number, (int, float)) and not isinstance(number, bool):
                return -number if value == "-" else number
        raise Unsure(value)
    if kind == "":
        raise Unsure("")
    reader.operand_ended()
    if kind == "text":
        return _unquoted(value)
    if kind == "number":
        return _number(value)
    return {"true": True, "false": False}.get(value, Word(value))


def _unquoted(text: str) -> str:
    if text[0] == "'":
        return text[1:-1]
    if re.search(r"(?<!\\)(?:\\\\)*\\[ux]", text):
        raise Broken("SciJava reads no \\u and no \\x in a text: write the letter itself")
    return re.sub(r"\\(.)", lambda found: ESCAPES.get(found[1], found[1]), text[1:-1])


def _number(text: str) -> int | float:
    if text[:2].lower() == "0x":
        return int(text, 16)
    plain = text.rstrip("fFdDlL")
    if plain.isdecimal() and text[-1] not in "fFdD":
        return int(plain, 8) if plain[0] == "0" and set(plain) <= set("01234567") else int(plain)
    return float(plain)
