"""Put the plugins of plugins.txt into a FIJI while the image is built: `plugins.py LIST FIJI_HOME`.

Standard library only. An address, checksum or site that fails ends the build with its reason.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from worker.contract.fijihome import find_launcher

FOLDERS = ("plugins", "jars")
#: Where update sites put their files; a FIJI writes caches and its list of sites elsewhere.
KEPT_FOLDERS = ("plugins", "jars", "macros", "scripts", "lib", "luts")


class PluginError(Exception):
    """Raised when a plugin cannot be fetched, or is not what the list says; its text says what to do."""


@dataclass(frozen=True)
class PluginJar:
    """A file for one of FIJI's folders: its address (a URL, or a path beside the list) and its SHA-256."""

    folder: str
    address: str
    sha256: str


@dataclass(frozen=True)
class UpdateSite:
    """An update site; `sha256` of everything that it installed, or "" if it is not pinned."""

    name: str
    url: str
    sha256: str


def read_list(text: str) -> list[PluginJar | UpdateSite]:
    """Return what a list asks for, in order. Raises PluginError with every line that cannot be read."""
    found: list[PluginJar | UpdateSite] = []
    problems = []
    for number, line in enumerate(text.splitlines(), 1):
        match line.split("#")[0].split():
            case []:
                continue
            case ["jar", folder, address, sha256] if folder in FOLDERS and _is_sha256(sha256):
                found.append(PluginJar(folder, address, sha256))
            case ["site", name, url]:
                found.append(UpdateSite(name, url, ""))
            case ["site", name, url, sha256] if _is_sha256(sha256):
                found.append(UpdateSite(name, url, sha256))
            case _:
                problems.append(f"line {number}: {line.strip()}")
    if problems:
        raise PluginError(
            "these lines are neither `jar plugins|jars ADDRESS SHA256` nor `site NAME URL [SHA256]`:\n"
            + "\n".join(problems)
        )
    return found


def add_jar(jar: PluginJar, beside: Path, home: Path) -> None:
    """Fetch a jar into its folder. Raises PluginError if it cannot be fetched or has another checksum."""
    address = jar.address if "://" in jar.address else (beside / jar.address).absolute().as_uri()
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:
            content = answer.read()
    except OSError as error:
        raise PluginError(f"{jar.address} cannot be downloaded: {error}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != jar.sha256:
        raise PluginError(f"{jar.address} has the SHA256 {found}, not {jar.sha256}")
    target = home / jar.folder / jar.address.rsplit("/", 1)[-1]
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(content)
    print(f"plugins: {target.name} is in {jar.folder}/")


def add_site(site: UpdateSite, home: Path) -> None:
    """Add an update site and update FIJI. Raises PluginError if what it installs is not what is pinned."""
    before = _files(home)
    _update(home, "add-update-site", site.name, site.url)
    # The first pass may only install a new updater.
    _update(home, "update")
    _update(home, "update")
    brought = {name: digest for name, digest in _files(home).items() if before.get(name) != digest}
    if not brought:
        raise PluginError(f"the update site {site.name} ({site.url}) contained no files")
    found = hashlib.sha256(
        "".join(f"{brought[name]}  {name}\n" for name in sorted(brought)).encode()
    ).hexdigest()
    if site.sha256 and found != site.sha256:
        raise PluginError(
            f"the update site {site.name} brings other files today: SHA256 {found}, not {site.sha256}:\n"
            + "\n".join(sorted(brought))
        )
    print(f"plugins: update site {site.name} brought {len(brought)} files; to pin them: SHA256 {found}")


def _update(home: Path, *words: str) -> None:
    launcher = find_launcher(home)
    if launcher is None or (home / "versions.json").exists():
        raise PluginError("this FIJI has no updater (ImageJ core has none): use `jar` lines")
    done = subprocess.run(
        [launcher, "--headless", "--update", *words],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode and words[0] != "update":
        raise PluginError(
            f"FIJI's updater failed at {' '.join(words)}:\n{(done.stdout + done.stderr)[-4000:]}"
        )


def _files(home: Path) -> dict[str, str]:
    """Return the SHA-256 of every file that an update site may install, by its path in FIJI's folder."""
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in KEPT_FOLDERS
        for path in (home / folder).rglob("*")
        if path.is_file()
    }


def _is_sha256(text: str) -> bool:
    return len(text) == 64 and all(letter in "0123456789abcdef" for letter in text)


def main(list_file: Path, home: Path) -> int:
    """Do what the list says; return the exit code."""
    try:
        for item in read_list(list_file.read_text(encoding="utf-8")):
            if isinstance(item, PluginJar):
                add_jar(item, list_file.parent, home)
            else:
                add_site(item, home)
    except PluginError as error:
        print(f"plugins: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
