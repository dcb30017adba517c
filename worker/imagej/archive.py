"""The class archive of ImageJ core: classes are read and checked once, so each job starts in half the time.

Java >= 24 writes an AOT cache, Java 13 to 23 a dynamic CDS archive, and older versions have none. An archive
holds the path, size and time of every jar, so it is made where it is used.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

from worker.imagej.toolchain import Toolchain, run

TRAINING = Path(__file__).parent / "training"


def archive_name(java: Toolchain) -> str | None:
    """Return the archive's file name, which shows its kind, or None if this Java cannot make one."""
    if java.feature >= 24:
        return "classes.aot"
    return "classes.jsa" if java.feature >= 13 else None


def make_archive(home: Path, java: Toolchain) -> None:
    """Run the training scripts in a built FIJI_HOME, and save the classes they load in its archive."""
    name = archive_name(java)
    if name is None:
        return
    part = home / f"part-{name}"
    option = "AOTCacheOutput" if name.endswith("aot") else "ArchiveClassesAtExit"
    with tempfile.TemporaryDirectory() as scratch:
        jobs = [_write_job(script, Path(scratch)) for script in sorted(TRAINING.iterdir())]
        launcher = home / "ImageJ-linux64"
        values = f'jobs="{os.pathsep.join(map(str, jobs))}"'
        command: list[str | Path] = [
            launcher,
            f"-XX:{option}={part}",
            "--run",
            "distributedfiji.core.Train",
            values,
        ]
        run(command, "training the class archive")
    part.rename(home / name)
    for file in (home / "jython-packages").rglob("*.*"):
        file.chmod(0o644)


def _write_job(script: Path, scratch: Path) -> Path:
    """Write a job file for a training script whose outputs go to the scratch folder."""
    # The Jython script does not end in .py, because it is not a module of this project.
    copy = scratch / script.name.replace(".jython", ".py")
    shutil.copy(script, copy)
    job = scratch / f"{script.name}.json"
    document = {
        "script": str(copy),
        "parameters": {"folder": str(scratch), "sigma": 1.5, "smallest": 20, "watershed": True},
        "alive": f"{job}.alive",
        "result": f"{job}.result",
    }
    job.write_text(json.dumps(document), encoding="utf-8")
    return job
