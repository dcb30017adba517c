"""Misbehaving plugins, compiled when a test needs them, and FIJIs that have them.

Commands of ImageJ: "Throw Exception" (`kind=exception|error|thread`), "Ask Number", "Ask Always", "Print
Lines" and "Exit Java" (`code=3`); java/ says what each does. Commands of SciJava, in commands/: "Java
Thrower" and "Java Canceler" (`name=...`).
"""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from functools import cache
from pathlib import Path

from tests.imagej import imagej_core
from worker.imagej.toolchain import compile_jar, find_java

SOURCES = Path(__file__).parent / "java"
COMMANDS = Path(__file__).parent / "commands"
#: ImageJ looks for commands only in jars with an underscore in their name.
JAR_NAME = "Misbehaving_Plugins.jar"


@cache
def plugins_jar() -> Path:
    """Return the jar of all test plugins, for Java 8 and newer, compiled once in this process."""
    core = imagej_core()
    jar = Path(tempfile.mkdtemp(prefix="distributed-fiji-plugins-"), JAR_NAME)
    class_path = [*core.glob("jars/ij-1*.jar"), *core.glob("build-jars/ecj-*.jar")]
    compile_jar(find_java(), SOURCES, jar, class_path, release=8)
    with zipfile.ZipFile(jar, "a") as archive:
        archive.write(SOURCES / "plugins.config", "plugins.config")
    return jar


@cache
def commands_jar() -> Path:
    """Return the jar of SciJava's test commands, for Java 8 and newer, compiled once in this process."""
    core = imagej_core()
    jar = Path(tempfile.mkdtemp(prefix="distributed-fiji-commands-"), "commands.jar")
    class_path = [*core.glob("jars/scijava-common-*.jar"), *core.glob("build-jars/ecj-*.jar")]
    compile_jar(find_java(), COMMANDS, jar, class_path, release=8)
    return jar


def copy_of(fiji_home: Path, to: Path) -> Path:
    """Return a copy of a FIJI (with hard links if possible) to which a test may add files.

    Never change one of its files in place, since the original may share it. Remove it first, then write it
    anew.
    """
    shutil.copytree(fiji_home, to, symlinks=True, copy_function=_link)
    return to


def with_test_plugins(fiji_home: Path, to: Path) -> Path:
    """Return a copy of a FIJI, in the new folder `to`, with the test plugins in its folder `plugins`."""
    copy = copy_of(fiji_home, to)
    (copy / "plugins").mkdir(exist_ok=True)
    shutil.copy(plugins_jar(), copy / "plugins")
    return copy


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
