"""Read metadata from keys by a pattern with names in braces. Pure; time grows with pattern times key.

`{Plate}/{Well}_s{Site:d}.tif`: a name matches at least one character between two slashes. It can be
restricted: `d` digits, `a` letters, `well` a well such as A01 or AA48, a number for that many characters
(`2`, `2d`). `*` and `?` work as in a job file's inputs (worker/contract/patterns.py), with the same rule for
dots.

All ways to read a name are followed at once, as the bits of a number: bit n is the place before character n.
So a key that can be read in two ways is detected, and no way is tried twice.
"""

from __future__ import annotations

import itertools
import re
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from worker.contract.jobs import PARAMETER_NAME

SPEC = re.compile(r"(\d{0,3})(d|a|any|well)?\Z", re.ASCII)
WILD = re.compile(r"([*?])")

#: No number in a file name is longer than this.
MOST_CHARACTERS = 40
#: The most ways to read one name; with more, it is hopelessly ambiguous.
MOST_READINGS = 1000
#: Names of folders occur in many keys, those of files in one.
CACHED_NAMES = 4096


class TooManyReadings(ValueError):
    """Raised for a key with too many possible readings; the text is a sentence."""


class Kind(dict[int, str]):
    """A table for `str.translate`: "1" for the characters of a kind, "0" for all others, filled on use."""

    def __init__(self, characters: str) -> None:
        super().__init__((ord(one), "1") for one in characters)

    def __missing__(self, character: int) -> str:
        return self.setdefault(character, "0")


DIGITS, LETTERS = Kind(string.digits), Kind(string.ascii_letters)


def _bits(characters: Kind | None, name: str) -> int:
    """Return the places of a name that have a character of a kind; None for any."""
    if characters is None:
        return (1 << len(name)) - 1
    return int(name[::-1].translate(characters) or "0", 2)


@dataclass(frozen=True)
class Literal:
    """Literal text."""

    text: str

    def ends(self, name: str, starts: int) -> int:
        """Return where it can end, given these starting places."""
        return (starts & self._places(name)) << len(self.text)

    def starts(self, name: str, ends: int) -> int:
        """Return where it can start, given these end places."""
        return (ends >> len(self.text)) & self._places(name)

    def _places(self, name: str) -> int:
        found, at = 0, name.find(self.text)
        while at >= 0:
            found |= 1 << at
            at = name.find(self.text, at + 1)
        return found


@dataclass(frozen=True)
class Characters:
    """Characters of a kind, None for any. `most` is None for no limit, which only any characters have."""

    kind: Kind | None
    least: int
    most: int | None

    def ends(self, name: str, starts: int) -> int:
        """Return where it can end, given these starting places."""
        if self.most is None:
            first = (starts & -starts).bit_length() - 1 + self.least
            return (1 << len(name) + 1) - 1 >> first << first
        return self._walk(name, starts, lambda now, inside: (now & inside) << 1)

    def starts(self, name: str, ends: int) -> int:
        """Return where it can start, given these end places."""
        if self.most is None:
            return (1 << max(ends.bit_length() - self.least, 0)) - 1
        return self._walk(name, ends, lambda now, inside: (now >> 1) & inside)

    def _walk(self, name: str, now: int, step: Callable[[int, int], int]) -> int:
        inside, met = _bits(self.kind, name), now if self.least == 0 else 0
        for count in range(1, (self.most or 0) + 1):
            now = step(now, inside)
            if not now:
                break
            met |= now if count >= self.least else 0
        return met


Token = Literal | Characters


@dataclass(frozen=True)
class Field:
    """A name in braces, and what it matches."""

    name: str
    spec: str

    @property
    def is_well(self) -> bool:
        """Whether it matches only names of wells."""
        return self.spec == "well" or (not self.spec and self.name.casefold() == "well")

    @property
    def runs(self) -> tuple[Characters, ...]:
        """The sequence of characters that it matches."""
        if self.is_well:
            return (Characters(LETTERS, 1, 2), Characters(DIGITS, 1, 3))
        width = self.spec.rstrip("adnywel")
        characters = {"d": DIGITS, "a": LETTERS}.get(self.spec[len(width) :])
        count = int(width or 0)
        return (Characters(characters, count or 1, count or (MOST_CHARACTERS if characters else None)),)

    def __str__(self) -> str:
        return f"{{{self.name}:{self.spec}}}" if self.spec else f"{{{self.name}}}"


@dataclass(frozen=True)
class Part:
    """The part between two slashes: alternating text and names."""

    pieces: tuple[str | Field, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names in it, in order."""
        return tuple(piece.name for piece in self.pieces if isinstance(piece, Field))

    @cached_property
    def _laid_out(self) -> tuple[tuple[Token, ...], tuple[tuple[int, int], ...]]:
        """Its tokens, and for each name, the tokens before which it begins and ends."""
        tokens: list[Token] = []
        spans = []
        for piece in self.pieces:
            if isinstance(piece, Field):
                spans.append((len(tokens), len(tokens) + len(piece.runs)))
                tokens += piece.runs
            else:
                tokens += [_token(text) for text in WILD.split(piece) if text]
        return tuple(tokens), tuple(spans)

    def readings(self, name: str) -> tuple[tuple[str, ...], ...]:
        """Return the values of its names for all ways to read a name; empty if it does not fit.

        Raises TooManyReadings.
        """
        tokens, spans = self._laid_out
        if name.startswith(".") and tokens and isinstance(tokens[0], Characters):
            return ()
        bounds = self._bounds(name)
        if not bounds:
            return ()
        if all(bound & (bound - 1) == 0 for bound in bounds):
            places = [bound.bit_length() - 1 for bound in bounds]
            return (tuple(name[places[begin] : places[end]] for begin, end in spans),)
        ways = self._ways(name, bounds, (0,))
        some = list(itertools.islice(ways, MOST_READINGS))
        if next(ways, None):
            raise TooManyReadings(f"{name!r} can be read in too many ways")
        return tuple(
            dict.fromkeys(tuple(name[way[begin] : way[end]] for begin, end in spans) for way in some)
        )

    def _bounds(self, name: str) -> list[int]:
        """Return where each token can begin in a reading of the whole name, and its end; empty for none."""
        tokens, _ = self._laid_out
        reached = [1]
        for token in tokens:
            reached.append(token.ends(name, reached[-1]))
            if not reached[-1]:
                return []
        bounds = [reached.pop() & 1 << len(name)]
        for token in reversed(tokens):
            if not bounds[-1]:
                return []
            bounds.append(token.starts(name, bounds[-1]) & reached.pop())
        return bounds[::-1] if bounds[-1] else []

    def _ways(self, name: str, bounds: list[int], way: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        """Yield where each token begins, and the end, for each way. No step is a dead end."""
        tokens, _ = self._laid_out
        if len(way) == len(bounds):
            yield way
            return
        ends = tokens[len(way) - 1].ends(name, 1 << way[-1]) & bounds[len(way)]
        while ends:
            lowest = ends & -ends
            yield from self._ways(name, bounds, (*way, lowest.bit_length() - 1))
            ends ^= lowest


def _token(text: str) -> Token:
    return {"*": Characters(None, 0, None), "?": Characters(None, 1, 1)}.get(text) or Literal(text)


class KeyPattern:
    """A pattern of keys, ready for reading keys."""

    def __init__(self, parts: tuple[Part, ...]) -> None:
        self.parts = parts
        #: Its names, each once, in order; readings give their values.
        self.names = tuple(dict.fromkeys(name for part in parts for name in part.names))
        self._every = [self.names.index(name) for part in parts for name in part.names]
        self._read = [lru_cache(CACHED_NAMES)(part.readings) for part in parts[:-1]] + [parts[-1].readings]

    def readings(self, key: str) -> list[tuple[str, ...]]:
        """Return the values of `names` for all ways to read a key, a single one if it is unambiguous.

        A name that occurs twice has one value. Raises TooManyReadings.
        """
        pieces = key.split("/")
        if len(pieces) != len(self.parts):
            return []
        found: list[tuple[str, ...]] = [()]
        for read, piece in zip(self._read, pieces, strict=True):
            here = read(piece)
            if not here:
                return []
            if len(found) * len(here) > MOST_READINGS:
                raise TooManyReadings(f"{key!r} can be read in too many ways")
            found = [(*before, *values) for before in found for values in here]
        if len(self._every) == len(self.names):
            return found
        return list(dict.fromkeys(one for values in found if (one := self._once(values))))

    def _once(self, values: tuple[str, ...]) -> tuple[str, ...] | None:
        known: dict[int, str] = {}
        for place, value in zip(self._every, values, strict=True):
            if known.setdefault(place, value) != value:
                return None
        return tuple(known[place] for place in range(len(self.names)))

    def text(self, replaced: Callable[[Field], str]) -> str:
        """Return the pattern with each name replaced."""
        written = (
            "".join(piece if isinstance(piece, str) else replaced(piece) for piece in part.pieces)
            for part in self.parts
        )
        return re.sub(r"\*+", "*", "/".join(written))

    @property
    def start(self) -> str:
        """The beginning of every key that fits, for listing."""
        return re.split(r"[*?{]", str(self), maxsplit=1)[0]

    def __str__(self) -> str:
        return self.text(str)


def read_key_pattern(text: str) -> KeyPattern:
    """Return a compiled pattern. Raises ValueError with a sentence if it is not one."""
    if "{{" in text or "}}" in text:
        raise ValueError("a name stands between single braces, as {Well}")
    if not text.strip("/") or text.endswith("/"):
        raise ValueError("it must name files, as plate1/{Well}.tif does, and not a folder")
    parts: list[list[str | Field]] = [[]]
    try:
        pieces = list(string.Formatter().parse(text))
    except ValueError:
        raise ValueError("it has a brace without its partner") from None
    for literal, name, spec, conversion in pieces:
        first, *more = literal.split("/")
        parts[-1] += [first] if first else []
        parts += [[one] if one else [] for one in more]
        if name is not None:
            parts[-1].append(_field(name, spec or "", conversion))
    pattern = KeyPattern(tuple(Part(tuple(part)) for part in parts))
    if not pattern.names:
        raise ValueError("it has no name in braces; {Well} in the place of A01 says what a job is")
    return pattern


def _field(name: str, spec: str, conversion: str | None) -> Field:
    if not PARAMETER_NAME.match(name):
        raise ValueError(f"{{{name}}} cannot be a name: it has letters, digits and _, no digit first")
    if conversion or not SPEC.match(spec) or spec in ("0", "00", "000"):
        raise ValueError(
            f"{{{name}:{spec}}}: after the colon stands d (digits), a (letters), well, any, or how many"
            " characters there are, as 2 or 2d"
        )
    return Field(name, spec)
