"""Check and clean a script before FIJI sees it, for `setup` and the worker. Pure, standard library only.

`clean` refuses what is not a script (a web page, an error document, a binary file) and fixes what FIJI cannot
handle: byte order marks, encodings other than UTF-8, Python's coding line, line endings of old Macs. The
number of lines does not change, so messages name the right one.
"""

from __future__ import annotations

import codecs
import json
import re
import string
import urllib.parse
from dataclasses import dataclass
from pathlib import PurePosixPath

#: Endings of FIJI's script languages in lower case, with the ending by which FIJI finds the language. SciJava
#: is case-sensitive, and does not know .txt, which ImageJ itself runs as a macro.
ENDINGS = {
    ".ijm": ".ijm",
    ".txt": ".ijm",
    ".py": ".py",
    ".groovy": ".groovy",
    ".bsh": ".bsh",
    ".js": ".js",
    ".java": ".java",
    ".clj": ".clj",
    ".rb": ".rb",
    ".r": ".R",
    ".m": ".m",
    ".scala": ".scala",
    ".kts": ".kts",
}
#: The languages of the endings, for messages.
LANGUAGES = {
    ".ijm": "ImageJ macro",
    ".py": "Jython",
    ".groovy": "Groovy",
    ".bsh": "BeanShell",
    ".js": "JavaScript",
    ".java": "Java",
    ".clj": "Clojure",
    ".rb": "JRuby",
    ".R": "R",
    ".m": "MATLAB",
    ".scala": "Scala",
    ".kts": "Kotlin",
}
#: UTF-32's marks come first, since one of them begins with UTF-16's.
WIDE_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
#: How files begin that people mistake for scripts, or that servers send instead of one.
BINARY = (
    b"PK\3\4",
    b"%PDF",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"\x1f\x8b",
    b"II*\0",
    b"MM\0*",
    b"\x7fELF",
)
#: Quoted texts, which end with their line at the latest, and comments; `open`: the beginning of one without
#: an end.
PARTS_OF_A_MACRO = re.compile(
    r""""(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?|//[^\n]*|/\*(?s:.*?)\*/|(?P<open>/\*)"""
)
#: Where Python looks for a file's encoding: PEP 263.
CODING = re.compile(r"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.ASCII)
#: A server's whole answer, such as "404: Not Found" from raw.githubusercontent.com.
ANSWER = re.compile(
    r"(error )?[45]\d\d:? [a-z ]+\.?|not found|forbidden|access denied|bad gateway", re.IGNORECASE
)
#: Characters of an address that are not encoded.
IN_ADDRESSES = string.ascii_letters + string.digits + "-._~:/?#[]@!$&'()*+,;=%"


class NotAScript(ValueError):
    """Raised when FIJI could not run a file; the text says why, and what to do."""


@dataclass(frozen=True)
class Cleaned:
    """A script's text as FIJI gets it, in UTF-8, and the changes that the user should know about."""

    text: str
    warnings: tuple[str, ...] = ()


def script_name(address: str) -> str:
    """Return the name of the file at an address (s3://, https://)."""
    if address.startswith("s3://"):
        return address.rpartition("/")[2]
    return urllib.parse.unquote(PurePosixPath(urllib.parse.urlsplit(address).path).name)


def web_address(address: str) -> str:
    """Return a web address with spaces and non-ASCII letters percent-encoded, as servers require."""
    return urllib.parse.quote(address, safe=IN_ADDRESSES)


def ending_of(name: str) -> str:
    """Return the ending by which FIJI finds a script's language. Raises NotAScript."""
    ending = PurePosixPath(name).suffix
    known = ", ".join(ENDINGS)
    inner = PurePosixPath(PurePosixPath(name).stem).suffix.lower()
    if ending.lower() == ".txt" and inner in ENDINGS:
        # Windows and browsers hide endings and add their own: script.py.txt.
        return ENDINGS[inner]
    if not ending:
        raise NotAScript(f"{name!r} has no extension, which tells FIJI the language; extensions: {known}")
    if ending.lower() not in ENDINGS:
        raise NotAScript(f"no script language has the extension {ending}; extensions: {known}")
    return ENDINGS[ending.lower()]


def source_address(address: str) -> str:
    """Return the address of the file itself if an address leads to a page that shows it; else ''."""
    parts = urllib.parse.urlsplit(address)
    host, path = parts.netloc.lower(), parts.path
    if host in ("github.com", "www.github.com") and "raw=" not in parts.query:
        found = re.match(r"/([^/]+/[^/]+)/blob/(.+)", path)
        return f"https://raw.githubusercontent.com/{found[1]}/{found[2]}" if found else ""
    for page, source in (
        ("/-/blob/", "/-/raw/"),
        ("/src/branch/", "/raw/branch/"),
        ("/src/tag/", "/raw/tag/"),
    ):
        if page in path:
            return urllib.parse.urlunsplit(parts._replace(path=path.replace(page, source, 1), fragment=""))
    if host == "bitbucket.org" and "/src/" in path:
        return urllib.parse.urlunsplit(parts._replace(path=path.replace("/src/", "/raw/", 1), fragment=""))
    if host.endswith("dropbox.com") and "dl=0" in parts.query:
        return urllib.parse.urlunsplit(parts._replace(query=parts.query.replace("dl=0", "dl=1")))
    return ""


def clean(content: bytes, ending: str) -> Cleaned:
    """Return a script's cleaned text. `ending`: from `ending_of`. Raises NotAScript with the reason."""
    _refuse_binary(content)
    text, warnings = _decoded(content, ending)
    text = re.sub(r"^\ufeff+", "", text, flags=re.MULTILINE).rstrip("\x1a\0")
    text = re.sub(r"\r(?!\n)", "\n", text)
    if not text.strip():
        raise NotAScript("it is empty")
    reason = _page_in(text)
    if reason:
        raise NotAScript(reason)
    if "\ufffd" in text:
        number = _line_of(text, text.index("\ufffd"))
        warnings.append(
            f"line {number} contains U+FFFD, which replaces a character that an earlier conversion lost"
        )
    if ending == ".ijm":
        _refuse_open_comment(text)
    return Cleaned(_without_coding_line(text) if ending == ".py" else text, tuple(warnings))


def _refuse_open_comment(macro: str) -> None:
    """Refuse a macro with an unclosed comment, which swallows the lines that SciJava appends.

    FIJI does not report that: it fails with a NullPointerException, without a line (imagej-legacy 2.0.3,
    IJ1MacroEngine; seen on near-FIJI).
    """
    for found in PARTS_OF_A_MACRO.finditer(macro):
        if found["open"]:
            line = _line_of(macro, found.start())
            raise NotAScript(
                f"the comment that starts with /* in line {line} is never closed; close it with */"
            )


def wide_encoding(content: bytes) -> str:
    """Return "UTF-16" or "UTF-32" if a file begins with its byte order mark, else ''."""
    return next((name for mark, name in WIDE_MARKS if content.startswith(mark)), "")


def _refuse_binary(content: bytes) -> None:
    encoding = wide_encoding(content)
    if encoding:
        raise NotAScript(f"it is saved as {encoding}; save it as UTF-8")
    if content.startswith(b"{\\rtf"):
        raise NotAScript("it is a word-processor document (RTF); save it as plain text")
    body = content.rstrip(b"\0\x1a")
    zeros = body.count(0)
    if zeros * 5 > len(body) and not body.startswith(BINARY):
        raise NotAScript("it is UTF-16, UTF-32 or a binary file; save it as UTF-8")
    controls = sum(byte < 32 and byte not in b"\t\n\v\f\r\x1b" for byte in body)
    if zeros or body.startswith(BINARY) or controls * 20 > len(body):
        raise NotAScript("it is a binary file, not text" + (": it contains NUL bytes" if zeros else ""))


def _decoded(content: bytes, ending: str) -> tuple[str, list[str]]:
    """Return a text, and remarks on its encoding."""
    content = content.removeprefix(codecs.BOM_UTF8)
    declared = _declared_encoding(content) if ending == ".py" else ""
    if declared:
        return content.decode(declared), []
    try:
        return content.decode("utf-8"), []
    except UnicodeDecodeError as error:
        line = len(re.findall(rb"\r\n|\r|\n", content[: error.start])) + 1
    try:
        text, name = content.decode("cp1252"), "Latin-1 (Windows-1252)"
    except UnicodeDecodeError:
        text, name = content.decode("latin-1"), "Latin-1"
    shown = re.split(r"\r\n|\r|\n", text)[line - 1].strip()
    return text, [f"it is not UTF-8 (line {line}: {shown:.60}) and is read as {name}; save it as UTF-8"]


def _declared_encoding(content: bytes) -> str:
    """Return the encoding that a Python file declares and uses, '' for UTF-8 and for none."""
    for line in re.split(rb"\r\n|\r|\n", content)[:2]:
        found = CODING.match(line.decode("latin-1"))
        if found:
            try:
                name = codecs.lookup(found[1]).name
                # UTF-16 and escapes decode anything to something, so only encodings that leave ASCII
                # unchanged are accepted.
                is_plain = string.printable.encode(name) == string.printable.encode("ascii")
                content.decode(name)
            except (LookupError, UnicodeError):
                return ""
            return name if is_plain and name not in ("utf-8", "ascii") else ""
    return ""


def _without_coding_line(text: str) -> str:
    """Empty the comment that declares an encoding; Jython refuses it in text that is already decoded."""
    lines = text.split("\n", 2)
    return "\n".join("#" if number < 2 and CODING.match(line) else line for number, line in enumerate(lines))


def _page_in(text: str) -> str:
    """Return what a text is if it is a page or a server's answer instead of a script, else ''."""
    body = text.strip()
    if body.startswith("<"):
        code = re.search(r"<Code>(\w+)</Code>", body)
        if body.startswith("<?xml") or code:
            return "it is an XML document" + (f", S3's response {code[1]}" if code else "") + ", not a script"
        return "it is a web page, not a script; use the address of the file itself (on GitHub: Raw)"
    if body.startswith("version https://git-lfs.github.com/"):
        return "it is a Git LFS pointer, not the file itself"
    if body.startswith("```"):
        return "it starts with ```, which is Markdown: remove these lines"
    if len(body) < 200 and ANSWER.fullmatch(body):
        return f"it is a server's answer, {body!r}, not a script"
    return "it is a JSON document, not a script" if _is_json(body) else ""


def _is_json(body: str) -> bool:
    if body[0] not in "{[":
        return False
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return bool(document) and (isinstance(document, dict) or isinstance(document[0], dict))


def _line_of(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
