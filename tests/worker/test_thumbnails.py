"""Thumbnails of what a real ImageJ wrote, made by a real worker; nothing wrong with one costs a job."""

from __future__ import annotations

from array import array
from io import BytesIO
from zlib import crc32

import numpy
import pytest
import tifffile

from tests.imagej import imagej_core
from tests.policy.recorder import recording
from tests.worker import harness
from tests.worker.harness import Run, a_job, submit
from worker.contract.jobs import thumbnails_key
from worker.contract.thumbnails import Thumbnail, thumbnails_in
from worker.storage.pictures import NoPicture, thumbnails_of

#: Two channels and two slices in 16 bits, one plane in 32 bits, the same colors in three formats, and text.
MACRO = """
#@ Integer number
out = call("java.lang.System.getProperty", "user.dir") + "/output/";
newImage("stack", "16-bit black", 300, 200, 4);
run("Stack to Hyperstack...", "order=xyczt(default) channels=2 slices=2 frames=1 display=Grayscale");
for (i = 1; i <= 4; i++) { Stack.setSlice(floor((i + 1) / 2)); Stack.setChannel(2 - i % 2); setColor(1000 * i); fillRect(150, 0, 150, 200); }
saveAs("Tiff", out + "a_overlay.tif");
newImage("float", "32-bit ramp", 64, 64, 1);
run("Subtract...", "value=0.5");
setPixel(3, 3, 0/0);
saveAs("Tiff", out + "b_overlay.tif");
newImage("color", "RGB white", 256, 128, 1);
setColor(255, 0, 0); fillRect(0, 0, 128, 128);
saveAs("PNG", out + "c_overlay.png");
saveAs("Jpeg", out + "d_overlay.jpg");
saveAs("Tiff", out + "e_overlay.tif");
File.saveString("no image", out + "f_overlay.txt");
File.saveString("not meant", out + "table.csv");
"""  # noqa: E501


def png(width: int, height: int) -> bytes:
    """Return a PNG that says it has so many pixels, and has none."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + crc32(kind + data).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


#: Of each kind that a script may write: how Pillow calls it, a pixel, a format, and what it becomes.
KINDS = [
    ("1", 1, "PNG", (8, 255.0)),
    ("L", 7, "PNG", (8, 7.0)),
    ("LA", (7, 9), "PNG", (24, b"\x07\x07\x07")),
    ("P", 3, "PNG", (24, b"\x03\x03\x03")),
    ("RGBA", (1, 2, 3, 255), "PNG", (24, b"\x01\x02\x03")),
    ("I;16", 60_000, "PNG", (16, 60_000.0)),
    ("I;16B", 60_000, "TIFF", (16, 60_000.0)),
    ("I", -70_000, "TIFF", (32, -70_000.0)),
    ("F", -0.5, "TIFF", (32, -0.5)),
    ("CMYK", (0, 0, 0, 255), "JPEG", (24, b"\0\0\0")),
]


@pytest.mark.parametrize(("mode", "pixel", "form", "wanted"), KINDS, ids=[kind[0] for kind in KINDS])
def test_each_kind_of_image_is_read(mode: str, pixel: object, form: str, wanted: tuple[int, object]) -> None:
    from PIL import Image

    file = BytesIO()
    image = Image.new(mode, (301, 7), pixel)
    if mode == "P":
        image.putpalette(bytes(level for level in range(256) for _ in range(3)))
    image.save(file, form)

    (one,) = thumbnails_of(file, "x")

    assert (one.width, one.height) == (128, 3)
    assert (one.bits, one.samples[:3] if one.is_color else one.low) == wanted


def test_an_image_without_any_number_gives_none() -> None:
    file = BytesIO()
    tifffile.imwrite(file, numpy.full((9, 9), numpy.nan, "float32"))
    with pytest.raises(NoPicture, match="it holds no number"):
        list(thumbnails_of(file, "x"))


def work_off(run: Run, **changes: object) -> harness.WorkerProcess:
    worker = harness.start_worker(run, **changes)
    harness.wait_until_settled(run, 90)
    assert worker.stop() == 0
    return worker


def kept(run: Run, job: harness.Job) -> list[Thumbnail]:
    document, manifest = (
        harness.read_json(run, thumbnails_key(run.app_name, job.job_id)),
        harness.manifest(run, job),
    )
    assert document and manifest and document["run_id"] == manifest["run_id"]
    return thumbnails_in(document)


def values(one: Thumbnail) -> list[float]:
    """Return what the samples of a gray one mean."""
    return [round(one.low + sample / 65535 * (one.high - one.low), 3) for sample in array("H", one.samples)]


def test_images_of_imagej_get_thumbnails_by_channel_and_keep_their_values(run: Run) -> None:
    run.cloud.s3.put_object(Bucket=run.bucket, Key="scripts/s.ijm", Body=MACRO.encode())
    job = a_job(1)
    submit(run, [job])

    worker = work_off(
        run,
        FIJI_HOME=imagej_core(),
        SCRIPT_DOWNLOAD_URL=f"s3://{run.bucket}/scripts/s.ijm",
        THUMBNAILS="*_overlay*",
    )

    harness.check_done(run, [job])
    made = kept(run, job)
    assert [(one.name, one.channel, one.bits, one.width, one.height) for one in made] == [
        ("a_overlay.tif", 1, 16, 128, 85),
        ("a_overlay.tif", 2, 16, 128, 85),
        ("b_overlay.tif", 1, 32, 64, 64),
        ("c_overlay.png", 1, 24, 128, 64),
        ("d_overlay.jpg", 1, 24, 128, 64),
        ("e_overlay.tif", 1, 24, 128, 64),
    ]
    first, second, floats, *colored = made
    # The first slice of each channel: half of it black.
    assert (first.low, first.high, second.low, second.high) == (0, 1000, 0, 2000)
    assert set(values(second)) == {0, 2000}
    assert floats.low == pytest.approx(-0.5, abs=0.02) and floats.high == pytest.approx(0.5, abs=0.02)
    for one in colored:
        left, right = one.samples[:3], one.samples[-3:]
        assert left[0] > 245 and max(left[1:]) < 10 and min(right) > 245, one.name
    assert "no thumbnail of f_overlay.txt of job number=1" in worker.text()
    assert len(harness.keys(run, "results/1/")) == 7


#: An incomplete PNG, one that says it has 10^12 pixels, a JPEG that ends after its header, and text.
SPOILED = {
    "cut.png": b"\x89PNG\r\n\x1a\n",
    "huge.png": png(1_000_000, 1_000_000),
    "large.png": png(10_000, 10_000),
    "short.jpg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00",
    "sub/text.tif": b"text",
}


def test_no_job_fails_by_a_thumbnail_that_cannot_be_made(run: Run) -> None:
    folder = run.folder / "spoiled"
    (folder / "sub").mkdir(parents=True)
    for name, content in SPOILED.items():
        (folder / name).write_bytes(content)
    broken, unmeant = a_job(1, shell=f"cp -r {folder}/* output/"), a_job(2, files=1)
    submit(run, [broken, unmeant])

    worker = work_off(run, THUMBNAILS="[chlst]*.[pjt]*", EXPECTED_NUMBER_FILES=0)

    harness.check_done(run, [broken, unmeant])
    assert not harness.keys(run, f"distributed-fiji/{run.app_name}/thumbnails/")
    said = worker.text()
    assert all(f"no thumbnail of {name} of job" in said for name in SPOILED), said
    assert "a plane of 10000 × 10000 pixels is too large" in said
    assert "no output fits THUMBNAILS" in said


def test_no_job_fails_or_waits_because_its_thumbnails_cannot_be_saved(run: Run) -> None:
    image = run.folder / "a.tif"
    tifffile.imwrite(image, numpy.zeros((20, 30), "uint16"), imagej=True)
    job = a_job(1, shell=f"cp {image} output/")
    submit(run, [job])

    with recording(run.cloud.url) as recorder:
        recorder.refuse = lambda call: "/thumbnails/" in str(call.parameters.get("Key", ""))
        worker = work_off(run, AWS_ENDPOINT_URL=recorder.url, THUMBNAILS="*.tif")

    harness.check_done(run, [job])
    assert [call.operation for call in recorder.calls if call.status == 403] == ["PutObject"]
    assert "the thumbnails of job number=1" in worker.text() and "AccessDenied" in worker.text()


def test_without_a_pattern_there_are_none(run: Run) -> None:
    job = a_job(1, files=1)
    submit(run, [job])

    worker = work_off(run)

    harness.check_done(run, [job])
    assert not harness.keys(run, f"distributed-fiji/{run.app_name}/thumbnails/")
    assert "thumbnail" not in worker.text()
