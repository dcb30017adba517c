"""A job file that makeJob wrote, through real workers: each job gets only the images of its well."""

from __future__ import annotations

from pathlib import Path

from distributed_fiji.local import cloud as clouds
from tests.e2e.conftest import App

#: Writes down its inputs.
SCRIPT = """
#@ String Plate
#@ String Well
#@ String Compound
#@ String input_dir
names = getFileList(input_dir);
Array.sort(names);
File.saveString(Compound + ": " + String.join(names, " "), "output/" + Plate + "_" + Well + ".txt");
"""

#: As much of a file as submitJob looks at.
TIFF = b"II*\0\x08\0\0\0" + bytes(8)


def test_each_job_gets_the_images_of_its_well_and_what_the_layout_says(app: App) -> None:
    app.configure(EXPECTED_NUMBER_FILES=1)
    (app.folder / "script.ijm").write_text(SCRIPT)
    assert app.run("setup").code == 0
    cloud = clouds.find(Path(app.environment["DISTRIBUTED_FIJI_LOCAL"]))
    assert cloud is not None
    for well in ("A1", "A10", "B1"):
        for ending in ("s1.tif", "s2.tif", "s2_thumb.tif"):
            cloud.client("s3").put_object(Bucket=app.bucket, Key=f"in/P_1/{well}_{ending}", Body=TIFF)
    (app.folder / "layout.csv").write_text("Compound,1,10\nA,DMSO,drug\nB,other,\n")
    job = app.folder / "job.json"
    pattern = f"s3://{app.bucket}/in/{{Plate}}/{{Well}}_s{{Site:d}}.tif"

    made = app.run("makeJob", pattern, "--layout", app.folder / "layout.csv", "--to", job)

    assert made.code == 0, made.said
    assert "3 keys in no job" in made.err
    assert app.run("submitJob", job).code == 0
    assert app.start_cluster().code == 0
    watched = app.run("monitor", app.record)
    assert watched.code == 0, watched.said
    results = app.bucket_folder / "results" / "P_1"
    assert {path.parent.name: path.read_text().strip() for path in results.rglob("*.txt")} == {
        "A1": "DMSO: A1_s1.tif A1_s2.tif",
        "A10": "drug: A10_s1.tif A10_s2.tif",
        "B1": "other: B1_s1.tif B1_s2.tif",
    }
