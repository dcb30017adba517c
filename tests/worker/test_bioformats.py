"""Bio-Formats in ImageJ core (BIOFORMATS=1) and in near-FIJI: scripts open an OME-TIFF, headless."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import nearfiji
from tests.imagej import Ran, run_script
from tests.plugins import copy_of
from tests.worker import harness
from tests.worker.harness import Run, a_job
from worker.fiji.check_image import write_ome_tiff
from worker.imagej.bioformats import add_bioformats
from worker.imagej.jars import InstallError

MACRO = """
#@ String file
run("Bio-Formats Macro Extensions");
Ext.setId(file);
Ext.getSizeC(channels); Ext.getSizeZ(slices);
Ext.close();
Ext.openImagePlus(file);
getVoxelSize(width, height, depth, unit);
setSlice(nSlices);
File.saveString(d2s(channels, 0) + " " + d2s(slices, 0) + " " + nSlices + " " + d2s(getValue("Mean"), 0)
    + " " + width + " " + unit, "seen.txt");
"""
JYTHON = """
#@ String file
from loci.plugins import BF
image = BF.openImagePlus(file)[0]
image.setSlice(image.getStackSize())
seen = (image.getNChannels(), image.getNSlices(), image.getStackSize(), image.getStatistics().mean,
        image.getCalibration().pixelWidth, image.getCalibration().getUnit())
open("seen.txt", "w").write((u"%d %d %d %d %s %s" % seen).encode("utf-8"))
"""
GROOVY = """
#@ String file
import loci.plugins.BF
image = BF.openImagePlus(file)[0]
image.setSlice(image.stackSize)
calibration = image.calibration
new File("seen.txt").setText("${image.NChannels} ${image.NSlices} ${image.stackSize} " +
    "${(int) image.statistics.mean} ${calibration.pixelWidth} ${calibration.unit}", "UTF-8")
"""
#: As people's macros open a file.
IMPORTER = """
#@ String file
run("Bio-Formats Importer", "open=[" + file + "] autoscale color_mode=Default"
    + " rois_import=[ROI manager] view=Hyperstack stack_order=XYCZT");
setSlice(nSlices);
seen = d2s(nSlices, 0) + " " + getTitle() + " " + d2s(getValue("Mean"), 0);
File.saveString(seen, call("java.lang.System.getProperty", "user.dir") + "/output/seen.txt");
"""
SCRIPTS = {"open.ijm": MACRO, "open.py": JYTHON, "open.groovy": GROOVY}
SEEN = "2 3 6 50 0.5"


def with_bioformats(fiji: str, folder: Path) -> Path:
    """Return a copy of one of FIJIS that has Bio-Formats. Skips where it cannot be had, or fails in CI."""
    home = copy_of(nearfiji.fiji_home(fiji), folder / "fiji")
    try:
        add_bioformats(home)
    except InstallError as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI needs more than it has: {error}")
        pytest.skip(str(error))
    return home


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_bioformats("ImageJ core", tmp_path_factory.mktemp("core"))


def seen(folder: Path, ran: Ran) -> str:
    """Return what a script has seen of the image. Fails when it did not end well, or was noisy."""
    assert ran.result.get("ok") is True, (ran.result, ran.out, ran.err)
    assert "DEBUG" not in ran.out + ran.err
    return (folder / "seen.txt").read_text(encoding="utf-8")


def test_a_macro_opens_an_ome_tiff_in_imagej_core(core: Path, tmp_path: Path) -> None:
    image = write_ome_tiff(tmp_path / "tiny.ome.tif")

    ran = run_script(tmp_path, "open.ijm", MACRO, home=core, file=str(image))

    assert seen(tmp_path, ran).startswith(SEEN)


def test_the_class_archive_serves_beside_added_jars(core: Path, tmp_path: Path) -> None:
    loaded = tmp_path / "loaded.txt"

    ran = run_script(tmp_path, "s.ijm", "print(1);", f"-Xlog:class+load:file={loaded}", home=core)

    assert ran.out == "1\n"
    lines = loaded.read_text(encoding="utf-8")
    for name in ("distributedfiji.Runner", "distributedfiji.core.MacroEngine", "ij.macro.Interpreter"):
        assert f"{name} source: shared objects file" in lines, name


@pytest.mark.thorough
@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("fiji", nearfiji.FIJIS)
def test_every_language_opens_an_ome_tiff_in_every_fiji(fiji: str, name: str, tmp_path: Path) -> None:
    home = with_bioformats(fiji, tmp_path)
    image = write_ome_tiff(tmp_path / "tiny.ome.tif")

    ran = nearfiji.run_script(fiji, tmp_path, name, SCRIPTS[name], home=home, file=str(image))

    assert seen(tmp_path, ran).startswith(SEEN)


def import_one(run: Run, home: Path, folder: Path, **changes: object) -> harness.WorkerProcess:
    """Let a worker do one job that calls the importer; return the worker, which has left."""
    image = write_ome_tiff(folder / "tiny.ome.tif")
    run.cloud.s3.put_object(Bucket=run.bucket, Key="images/tiny.ome.tif", Body=image.read_bytes())
    run.cloud.s3.put_object(Bucket=run.bucket, Key="scripts/s.ijm", Body=IMPORTER.encode())
    harness.submit(run, [a_job(0, file=f"s3://{run.bucket}/images/{image.name}")])
    address = f"s3://{run.bucket}/scripts/s.ijm"
    worker = harness.start_worker(run, FIJI_HOME=home, SCRIPT_DOWNLOAD_URL=address, JOB_RETRIES=1, **changes)
    harness.wait_until_settled(run, 120)
    worker.stop()
    return worker


@pytest.mark.thorough
@pytest.mark.parametrize("fiji", nearfiji.FIJIS)
def test_the_importer_gets_the_display_that_it_needs(run: Run, fiji: str, tmp_path: Path) -> None:
    nearfiji.need_xvfb()

    home = with_bioformats(fiji, tmp_path / "home")

    worker = import_one(run, home, tmp_path, DISPLAY_MODE="auto")

    assert [line["outcome"] for line in worker.lines()] == ["DONE"], worker.text()
    assert harness.content(run, "results/0/seen.txt") == b"6 tiny.ome.tif 50"


def test_the_importer_headless_is_told_as_what_it_is(run: Run, core: Path, tmp_path: Path) -> None:
    worker = import_one(run, core, tmp_path, DISPLAY_MODE="headless")

    line = worker.lines()[-1]
    assert line["outcome"] == "FAILED"
    assert "the Bio-Formats Importer needs a display" in line["reason"], line
    assert "Ext.openImagePlus(path)" in line["reason"]
