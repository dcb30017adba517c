"""Make other people's text (from scripts, buckets, AWS) safe for a terminal, a log and a mail. Pure.

A terminal obeys what it is sent: it moves its cursor, hides text, sets its title, turns a text into a link to
anywhere. Everything displayed goes through `shown`, or `one_line` if it must stay on one line. Standard
library only, like `worker.contract`, since both sides write.
"""

from __future__ import annotations

import re

#: Complete control sequences of a terminal (ECMA-48: CSI; OSC, with which links are made, DCS, SOS, PM and
#: APC).
SEQUENCES = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]"
    "|(?:\x1b[\\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x1b\x07\x9c\n]*(?:\x1b\\\\|\x07|\x9c)"
)

#: C0 except tab and newline, DEL, C1, line and paragraph separators, changes of the writing direction
#: (Unicode, "Bidi_Control"), and lone surrogates, which cannot be encoded.
UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

#: What ends a line, in Python or on a terminal, with the spaces around it.
LINE_ENDS = re.compile("[ \t]*[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+[ \t]*")

#: Replaces what cannot be shown.
REPLACED = "\ufffd"


def shown(text: str) -> str:
    """Return a text that is safe to show: its lines unchanged, without sequences and control characters."""
    return text if _is_fit(text) else UNFIT.sub(REPLACED, SEQUENCES.sub("", text.replace("\r\n", "\n")))


def one_line(text: str) -> str:
    """Return a text that is safe to show, on one line."""
    return shown(LINE_ENDS.sub(" ", text).rstrip())


def _is_fit(text: str) -> bool:
    return (text.isascii() and text.isprintable()) or not UNFIT.search(text)
