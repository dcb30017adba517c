"""Another machine's folders that a script names: which appear in its text, and which map to a job's own.

Pure, standard library only; both sides need it. A job's `paths` map `C:/data/plate1` to `input`, say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

#: The folders of a job that a script may know. `paths` map to one of them, or below it.
PLACES = ("input", "output")

_DRIVE = re.compile(r"[A-Za-z]:(?=[\\/]|\Z)")
_SHARE = re.compile(r"(?:\\\\|//)[^\\/]+[\\/]+[^\\/]")
#: Folders that FIJI and Java themselves use: redirecting them breaks more than the script.
_SYSTEM = re.compile(
    r"/(?:bin|boot|dev|etc|home|lib\w*|opt|proc|root|run|sbin|sys|tmp|usr|var|home/ubuntu(?:/bucket)?)?\Z"
)


def normal(folder: str) -> str:
    """Return a folder in the form used for comparing: only single forward slashes, and none at the end."""
    share = "/" if _SHARE.match(folder) else ""
    if share or _DRIVE.match(folder):
        folder = folder.replace("\\", "/")
    single = re.sub("/{2,}", "/", folder)
    return share + (single.rstrip("/") or "/")


def path_problems(name: str, paths: Any) -> list[str]:
    """Name every entry of a job's `paths` that cannot be mapped."""
    if not isinstance(paths, dict):
        return [f"{name} must be an object of folders, not {type(paths).__name__}"]
    problems: list[str] = []
    seen: dict[str, str] = {}
    for folder, place in paths.items():
        wrong = [*_folder_problems(folder), *_place_problems(folder, place)]
        problems += [f"{name}: {line}" for line in wrong]
        if seen.setdefault(normal(folder).casefold(), folder) != folder:
            problems.append(f"{name}: {seen[normal(folder).casefold()]!r} and {folder!r} are the same folder")
    return problems


def _folder_problems(folder: str) -> list[str]:
    if "\0" in folder or ".." in re.split(r"[\\/]", folder):
        return [f"{folder!r} must not contain '..'"]
    if _DRIVE.match(folder) or _SHARE.match(folder):
        return []
    if not folder.startswith("/"):
        return [f"{folder!r} is not a full path such as 'C:/data/plate1' or '/Users/me/plate1'"]
    if _SYSTEM.match(normal(folder)):
        return [f"{folder!r} is a folder that FIJI itself needs; give the folder that the script opens"]
    return []


def _place_problems(folder: str, place: Any) -> list[str]:
    if isinstance(place, str) and "\\" not in place and "\0" not in place:
        parts = PurePosixPath(place).parts
        if parts and parts[0] in PLACES and ".." not in parts:
            return []
    return [f"{folder!r} leads to {place!r}; it must be 'input' or 'output', or a folder in one of them"]


def led(paths: Mapping[str, str], work: Path) -> dict[str, str]:
    """Return what the runner needs: folders in comparable form, and the local folder each maps to."""
    return {normal(folder): str(work / place) for folder, place in paths.items()}


def is_covered(path: str, paths: Sequence[str]) -> bool:
    """Whether a script's path is in one of the folders that `paths` name."""
    return any(_lies_in(normal(path), normal(folder)) for folder in paths)


def _lies_in(path: str, folder: str) -> bool:
    if not folder.startswith("/") or folder.startswith("//"):
        path, folder = path.casefold(), folder.casefold()
    return path == folder or path.startswith(folder.rstrip("/") + "/")


@dataclass(frozen=True)
class FixedPath:
    """An absolute path of some machine in a script's text: its line, from 1, and the path itself.

    `is_output`: the words before it refer to results.
    """

    line: int
    path: str
    is_output: bool = False


#: The parts of a script: comments and texts. A line that begins with #@ is SciJava's, not a comment.
_WORDS = {
    "c": re.compile(
        r"(?P<comment>//[^\n]*|/\*.*?\*/)"
        r"|(?P<q>\"\"\"|'''|\"|')(?P<text>(?:\\.|(?!(?P=q)).)*?)(?P=q)",
        re.DOTALL,
    ),
    "python": re.compile(
        r"(?P<comment>(?<!^)#[^\n]*|^#(?!@)[^\n]*)"
        r"|(?P<raw>[rRuUbB]{0,2})(?P<q>\"\"\"|'''|\"|')(?P<text>(?:\\.|(?!(?P=q)).)*?)(?P=q)",
        re.DOTALL | re.MULTILINE,
    ),
}
_RESULTS = re.compile(r"out|save|write|result|dest|target", re.IGNORECASE)
_ESCAPED = re.compile(r"\\([\\/\"'])")
#: Folders on people's and labs' machines; not where the bucket is mounted.
_WHOLE = re.compile(
    r"(?:[A-Za-z]:[\\/]|\\\\[^\\/\s]+[\\/]+[^\\/\s]"
    r"|(?!/home/ubuntu/bucket(?:/|\Z))"
    r"(?:/|/(?=/(?:Users|Volumes)/)/)(?:Users|home|Volumes|media|mnt|data|scratch|gpfs|nfs|net|groups?|projects?|run/media)/[^\s/])"
)
#: A Mac folder with one slash too many, which is not a Windows share.
_SLASH_TOO_MANY = re.compile(r"^//(?=(?:Users|Volumes)/)")


def find_fixed_paths(text: str, ending: str) -> list[FixedPath]:
    """Return the absolute paths in a script's texts, not in its comments; `ending`: from `ending_of`."""
    found = []
    for match in _WORDS["python" if ending == ".py" else "c"].finditer(text):
        literal = match["text"]
        if match["comment"] is not None or literal is None or "\n" in literal.strip():
            continue
        is_raw = "r" in (match.groupdict().get("raw") or "").lower()
        path = literal if is_raw else _ESCAPED.sub(r"\1", literal)
        if _WHOLE.match(path):
            path = _SLASH_TOO_MANY.sub("/", path)
            line = text.count("\n", 0, match.start("text")) + 1
            before = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
            found.append(FixedPath(line, path, _RESULTS.search(before) is not None))
    return found


def warnings_of_paths(found: Sequence[FixedPath], paths: Sequence[str] = ()) -> list[str]:
    """Return a line for each path that no `paths` entry maps: where it appears, and what to write."""
    lines = []
    for one in found:
        if is_covered(one.path, paths):
            continue
        place = "output" if one.is_output else "input"
        lines.append(
            f"line {one.line}: '{one.path}' is on another machine. Declare `#@ String {place}_dir`, which the"
            " worker fills, and use that; or leave the script as it is and write"
            f' "paths": {{"{_folder_of(one.path)}": "{place}"}} into the job file'
        )
    return lines


def _folder_of(path: str) -> str:
    """Return what to name in `paths` for a script's path: its folder if it is a file's."""
    folder = normal(path)
    name = folder.rpartition("/")[2]
    is_file = not re.search(r"[\\/]\Z", path) and re.search(r"\.\w{1,5}\Z", name)
    return folder.rpartition("/")[0] if is_file else folder


def suggested_paths(found: Sequence[FixedPath]) -> dict[str, str]:
    """Return `paths` that map what a script names to the job's folders, as a starting point to edit."""
    return {_folder_of(one.path): "output" if one.is_output else "input" for one in found}
