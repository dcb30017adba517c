"""Zips of near-FIJIs with a Java inside, laid out like FIJI's downloads, for `make image FIJI_ARCHIVE=…`."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

from tests import nearfiji

#: Libraries that the image's Debian has itself.
SYSTEM_LIBRARY = re.compile(r"lib(c|m|dl|rt|pthread|stdc\+\+|gcc_s|X11.*)\.so")


def write_archive(fiji: str, java_home: Path, folder: Path) -> Path:
    """Zip one of NEAR_FIJIS with a copy of a Java home in it, in a folder of that name; return the zip."""
    home = nearfiji.copy_of(fiji, folder / "unpacked", runner=False)
    shutil.move(home, home.with_name("Fiji.app" if fiji == "Fiji.app" else "Fiji"))
    [home] = (folder / "unpacked").iterdir()
    platform = "linux-amd64" if fiji == "Fiji.app" else "linux64"
    copy_java(java_home, home / "java" / platform / java_home.name)
    archive = folder / f"{fiji}.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        for path in sorted(home.rglob("*")):
            packed.write(path, path.relative_to(home.parent))
    shutil.rmtree(home)
    return archive


def copy_java(java_home: Path, to: Path) -> None:
    """Copy a Java into one folder for another Debian, with the libraries that a packaged one shares."""
    ignored = shutil.ignore_patterns("jmods", "src.zip")
    shutil.copytree(java_home, to, ignore_dangling_symlinks=True, ignore=ignored)
    for library in sorted((to / "lib").glob("*.so")):
        said = subprocess.run(["ldd", library], capture_output=True, text=True, check=False).stdout
        for found in map(Path, re.findall(r"=> (/\S+)", said)):
            if not found.is_relative_to(to) and not SYSTEM_LIBRARY.match(found.name):
                shutil.copy(found, to / "lib")


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
