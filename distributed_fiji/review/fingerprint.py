"""What failures with the same cause share: class, line of the script, message without its values. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from distributed_fiji.review.facts import FailedJob

VALUE = "‹›"

#: Endings of a message that say nothing about the cause and appear in only some of its jobs.
BESIDE = re.compile(
    r" The last line printed: .*| It had (?:used|printed) .*| In all it had used .*| Its last line was .*",
    re.DOTALL,
)

#: Quoted texts. A single quote may be an apostrophe, so it opens only if it is not inside a word.
QUOTED = re.compile(r"\"[^\"\n]*\"|(?<!\w)'(?:[^'\n]|(?<=\w)'(?=\w))*'|`[^`\n]*`|“[^”\n]*”")

#: Addresses and paths of Windows and POSIX, and file names, recognized by their endings.
ENDINGS = (
    "tiff? czi nd2 lif oib oif oir lsm vsi ims dv mrc stk png jpe?g bmp gif avi dcm fits raw zarr h5 ome"
    " csv tsv txt xlsx? log json xml ijm py groovy bsh js clj rb zip roi jar class dat tmp bin"
)
PATH = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>]*[^\s\"'<>.,;:)]"
    r"|\b[A-Za-z]:[\\/](?:[^\s\"'<>;,:\\/]+(?: [^\s\"'<>;,:\\/]+)*[\\/])*[^\s\"'<>;,:\\/]*\w"
    r"|(?<![\w/])~?/?(?:[\w.*?-]+/)+[\w.*?-]*\w"
    r"|(?<![\w/])/[\w.*?-]*\w"
    rf"|(?<![\w.*?-])[\w*?-][\w.*?-]*\.(?:{'|'.join(ENDINGS.split())})\b",
    re.IGNORECASE,
)

#: A word with a digit is a value: a well, a number, an id. So are eight hexadecimal digits, and a number's
#: unit.
NUMBER = re.compile(r"(?<!\w)[-+]?(?:\w*\d\w*|\b[0-9a-f]{8,}\b)(?:[.,:/-]\w*\d\w*)*(?: ?%)?")
UNIT = re.compile(rf"{VALUE} ?(?:ms|s|sec|min|h|d|seconds?|minutes?|hours?|[kKMGT]?i?B|bytes?)\b")
PLURAL = re.compile(rf"{VALUE} (\w+?)s\b")

#: The length of a list of such things means nothing.
MORE = re.compile(rf"(?:[;,] |; )and {VALUE} more(?: \w+)?| …")
SEVERAL = re.compile(rf"(?:{VALUE}[ ._/\\-]?)*{VALUE}")
PIECES = re.compile(r"([;,] )")

#: How much of a message is compared.
LONGEST = 4000

#: Shorter texts of only letters may be ordinary words, so values like that are not masked.
SHORTEST = 4


def fingerprint(failed: FailedJob) -> str:
    """Return a short name for what failures with the same cause have in common."""
    text = f"{failed.failure}\n{failed.line}\n{masked(failed.sentence, own_values(failed.metadata))}"
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:6]


def own_values(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the values of a job's metadata, the longest first, and for paths also the name at the end."""
    found: set[str] = set()
    for value in metadata.values():
        for one in value if isinstance(value, list) else [value]:
            text = str(one)
            found |= {text, text.rstrip("/\\").replace("\\", "/").rpartition("/")[2]}
    return tuple(sorted((one for one in found if _is_telling(one)), key=lambda one: (-len(one), one)))


def _is_telling(text: str) -> bool:
    return len(text) >= SHORTEST or (len(text) > 1 and not text.isalpha())


def masked(sentence: str, values: Iterable[str] = ()) -> str:
    """Return a message without what differs from job to job. `values`: the job's own."""
    sentence = sentence[:LONGEST]
    for value in values:
        if value in sentence:
            sentence = _without(sentence, value)
    return _masked(sentence)


def _without(sentence: str, value: str) -> str:
    """Return a message without a value where it occurs as a word."""
    parts = sentence.split(value)
    text = parts[0]
    for part in parts[1:]:
        inside = (text[-1:].isalnum() and value[0].isalnum()) or (part[:1].isalnum() and value[-1].isalnum())
        text += (value if inside else VALUE) + part
    return text


@lru_cache(maxsize=10_000)
def _masked(sentence: str) -> str:
    text = BESIDE.sub("", sentence)
    for pattern in (QUOTED, PATH, NUMBER):
        text = pattern.sub(VALUE, text)
    text = PLURAL.sub(rf"{VALUE} \1", UNIT.sub(VALUE, text))
    return _shortened(SEVERAL.sub(VALUE, MORE.sub("", text)))


def _shortened(text: str) -> str:
    """Return a text with immediate repetitions removed."""
    pieces = PIECES.split(text)
    kept = pieces[:1]
    for mark, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        bare = piece.rstrip(".)")
        if bare == kept[-1].rpartition("(")[2].rstrip(".)"):
            kept[-1] += piece[len(bare) :]
        else:
            kept += [mark, piece]
    return " ".join("".join(kept).split())
