"""The command line for FIJIs of every kind and age, and what their files say of them; nothing is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker.contract.fijihome import FijiHome, Kind, describe, find_launcher, launcher_problem
from worker.fiji.launcher import Launch, expects_short, find_runner, make_preferences, runner_command
from worker.verdict.starting import proof_problem

ELF = b"\x7fELF"


def a_fiji(folder: Path, *names: str, java: str = "", script: bool = False) -> Path:
    """Lay out a FIJI of empty files; `java`: the version of the Java in its folder."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"#!/bin/sh\n" if script else ELF)
    if java:
        home = folder / "java" / "linux-amd64" / "jdk"
        (home / "bin").mkdir(parents=True)
        (home / "bin" / "java").write_text("#!/bin/sh\n")
        (home / "bin" / "java").chmod(0o755)
        (home / "release").write_text(f'JAVA_VERSION="{java}"\n')
    return folder


def described(home: Path, machine: str = "x86_64") -> FijiHome:
    fiji = describe(home, {"PATH": ""}, machine)
    assert fiji
    return fiji


def words(fiji: FijiHome, **options: object) -> tuple[list[str], list[str]]:
    """Return what stands before `--` and after it, without the launcher."""
    launch = Launch(fiji, 1000, Path("/run/tmp"), Path("/run/prefs"), **options)  # type: ignore[arg-type]
    command = runner_command(launch, "/run/job.json")
    at = command.index("--")
    return command[command.index(str(fiji.launcher)) + 1 : at], command[at + 1 :]


EVERYWHERE = [
    "-XX:+IgnoreUnrecognizedVMOptions",
    "-Xmx1000m",
    "-Djava.io.tmpdir=/run/tmp",
    "-Djava.util.prefs.userRoot=/run/prefs",
    "-Duser.home=/run/prefs",
    "-Djava.awt.headless=true",
    "-Dscijava.app.java-version-recommended=8",
    "-XX:TieredStopAtLevel=4",
]
OPENS = "--add-opens=java.base/java.lang=ALL-UNNAMED"
HEADLESS_JOB = [
    "--headless",
    "--run",
    "distributedfiji.Runner",
    'job="/run/job.json", warm="", ready=""',
]


@pytest.mark.parametrize(
    ("launcher", "java", "more"),
    [
        ("fiji-linux-x64", "21.0.7", []),
        ("fiji-linux-x64", "1.8.0_172", []),
        ("ImageJ-linux64", "1.8.0_172", []),
        ("ImageJ-linux64", "11.0.2", [OPENS]),
        ("ImageJ-linux64", "", [OPENS]),
    ],
)
def test_one_line_starts_all_and_the_classic_launcher_opens_java_where_java_is_new(
    tmp_path: Path, launcher: str, java: str, more: list[str]
) -> None:
    fiji = described(a_fiji(tmp_path, launcher, java=java))

    assert words(fiji) == (EVERYWHERE + more, HEADLESS_JOB)


def test_imagej_core_takes_javas_options_alone(tmp_path: Path) -> None:
    fiji = described(a_fiji(tmp_path, "ImageJ-linux64", script=True))

    assert words(fiji, runner_jar=Path("/any.jar")) == (EVERYWHERE, HEADLESS_JOB)


@pytest.mark.parametrize("launcher", ["fiji-linux-x64", "ImageJ-linux64"])
def test_a_virtual_display_takes_the_place_of_headless(tmp_path: Path, launcher: str) -> None:
    fiji = described(a_fiji(tmp_path, launcher, java="1.8.0_202"))

    before, after = words(fiji, use_xvfb=True)

    assert runner_command(Launch(fiji, 1, tmp_path, tmp_path, use_xvfb=True), "-")[:2] == ["xvfb-run", "-a"]
    assert {"-Djava.awt.headless=false", "--no-splash"} <= set(before)
    assert after == HEADLESS_JOB[1:]


def test_a_fiji_without_the_runner_gets_it_beside_its_own_jars(tmp_path: Path) -> None:
    home = a_fiji(tmp_path / "fiji", "fiji-linux-x64")
    jar = tmp_path / "our runner.jar"
    jar.touch()

    assert find_runner(home, {}) is None
    assert find_runner(home, {"FIJI_RUNNER_JAR": str(jar)}) == jar
    assert words(described(home), runner_jar=jar)[0][-1] == f"--class-path={jar}"
    a_fiji(home, "jars/distributed-fiji-runner.jar")
    assert find_runner(home, {"FIJI_RUNNER_JAR": str(jar)}) == home / "jars" / "distributed-fiji-runner.jar"


def test_java_compiles_lightly_only_when_the_last_jobs_were_short(tmp_path: Path) -> None:
    assert not expects_short([], Kind.CORE)
    assert expects_short([0.4, 0.5, 600.0], Kind.CORE)
    assert not expects_short([0.4, 500.0, 600.0], Kind.CORE)
    assert not expects_short([4.0], Kind.CORE)
    assert expects_short([4.0], Kind.JAUNCH)
    fiji = described(a_fiji(tmp_path, "ImageJ-linux64"))
    assert "-XX:TieredStopAtLevel=1" in words(fiji, is_short=True)[0]
    assert "-XX:ActiveProcessorCount=2" in words(fiji, cpu_cores=2)[0]
    assert "-Duser.home=/run/prefs" in words(fiji)[0]


def test_the_launcher_is_the_newest_that_the_machine_runs(tmp_path: Path) -> None:
    home = a_fiji(tmp_path / "Fiji", "fiji-linux-x64", "fiji-linux-arm64", "ImageJ-linux64")

    assert find_launcher(home, "x86_64") == home / "fiji-linux-x64"
    assert find_launcher(home, "aarch64") == home / "fiji-linux-arm64"
    arm = a_fiji(tmp_path / "arm", "fiji-linux-arm64")
    assert find_launcher(arm, "x86_64") is None
    assert "fiji-linux-arm64, which this machine (x86_64) cannot run" in launcher_problem(arm, "x86_64")
    assert find_launcher(a_fiji(tmp_path / "core", "ImageJ-linux64", script=True), "aarch64")
    assert "is not a FIJI: it has no fiji-linux-x64" in launcher_problem(tmp_path, "x86_64")
    assert "is not a folder" in launcher_problem(tmp_path / "nowhere", "x86_64")


def test_a_fiji_is_described_by_its_files(tmp_path: Path) -> None:
    jars = [
        "jars/fiji-2.17.0.jar",
        "jars/ij-1.54p.jar",
        "jars/scijava-common-2.99.2.jar",
        "jars/imagej-legacy-2.0.3.jar",
        "jars/scripting-groovy-1.0.0.jar",
    ]

    fiji = described(a_fiji(tmp_path, "fiji-linux-x64", *jars, java="21.0.7"))

    assert fiji.document() == {
        "kind": "Jaunch",
        "launcher": "fiji-linux-x64",
        "architecture": "x86_64",
        "java": "21.0.7",
        "versions": {"fiji": "2.17.0", "imagej": "1.54p", "scijava": "2.99.2"},
        "languages": ["ImageJ Macro", "Groovy"],
    }
    assert "Jaunch (fiji-linux-x64, x86_64); fiji 2.17.0" in str(fiji)
    assert "Java 21.0.7 in its folder" in str(fiji)


def test_a_java_without_a_release_file_is_asked(tmp_path: Path) -> None:
    java = tmp_path / "java8"
    (java / "bin").mkdir(parents=True)
    (java / "bin" / "java").write_text("""#!/bin/sh\necho 'openjdk version "1.8.0_172"' >&2\n""")
    (java / "bin" / "java").chmod(0o755)

    fiji = describe(
        a_fiji(tmp_path / "fiji", "ImageJ-linux64"), {"JAVA_HOME": str(java), "PATH": "/bin"}, "x86_64"
    )

    assert fiji and fiji.java
    assert (fiji.java.version, fiji.java.feature, fiji.java.is_inside) == ("1.8.0_172", 8, False)
    assert OPENS not in words(fiji)[0]


def test_the_first_fiji_must_have_the_heap_and_the_display_it_was_given() -> None:
    good = {"heap_mb": 967, "headless": True, "languages": ["ImageJ Macro"]}

    assert proof_problem(good, 1000, with_display=False) == ""
    assert "heap is 12000 MB, not the 1000 MB" in proof_problem(
        good | {"heap_mb": 12000}, 1000, with_display=False
    )
    assert "although it was started with a display" in proof_problem(good, 1000, with_display=True)
    assert "has a different version" in proof_problem({"versions": {}}, 1000, with_display=False)


def test_the_folder_of_preferences_is_there_before_java_looks(tmp_path: Path) -> None:
    make_preferences(tmp_path / "prefs")

    assert (tmp_path / "prefs" / ".java" / ".userPrefs").is_dir()
