"""The corpus's table: each script's job, and what it must save. Data for test_corpus.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tests.corpus.expected import Table, counted, measured, particles
from tests.corpus.images import Image, image
from worker.contract.jobs import FailureClass as Failure

SCRIPTS = Path(__file__).parent / "scripts"

A, B, C = image("a"), image("b"), image("c")
ALL = ("a", "b", "c")


@dataclass(frozen=True)
class Case:
    """A script and its job.

    `files`: what it must save, in output/ or elsewhere in the run's folder (then the job has COLLECT_ALL).
    `given`: metadata; `{input}` and `{output}` in it are the job's folders. `needs_display`: it fails without
    one, as `headless` says. `failure` and `says`: how it fails unchanged. `cure`: what to replace in it so
    that it saves `files`. `quick`: part of every test run.
    """

    script: str
    files: dict[str, Table | list[str]]
    inputs: tuple[str, ...] = ALL
    answers: dict[str, Any] = field(default_factory=dict)
    given: dict[str, Any] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    needs_display: bool = False
    headless: tuple[Failure, str] = (Failure.NEEDS_DISPLAY, "DISPLAY_MODE = 'xvfb'")
    failure: Failure | None = None
    says: str = ""
    cure: tuple[tuple[str, str], ...] = ()
    quick: bool = False

    @property
    def text(self) -> str:
        return (SCRIPTS / kept_as(self.script)).read_text("utf-8")

    @property
    def cured(self) -> str:
        """The script, changed as the failure's sentence advises."""
        text = self.text
        for old, new in self.cure:
            assert old in text, (self.script, old)
            text = text.replace(old, new)
        return text


def kept_as(script: str) -> str:
    """Return a script's file.

    Jython has a different ending than .py, since it is not a module of this project.
    """
    return script.replace(".py", ".jython")


def unknown_command(
    script: str, file: str, table: Table, *cure: tuple[str, str], quick: bool = False
) -> Case:
    """Return the case of a macro that calls a missing plugin."""
    return Case(script, out(file, table), failure=Failure.MACRO_ERROR, says=NO_PLUGIN, cure=cure, quick=quick)


def without_image(script: str, *, quick: bool = False) -> Case:
    """Return the case of a script that uses the active image when none is open."""
    cure = (("IJ.getImage()", 'IJ.openImage("input/a.tif")'),)
    files = out("none.csv", measured(A))
    return Case(script, files, failure=Failure.SCRIPT_ERROR, says="no image", cure=cure, quick=quick)


def out(name: str, content: Table | list[str]) -> dict[str, Table | list[str]]:
    return {f"output/{name}": content}


def each(form: str, *tables: Table) -> dict[str, Table | list[str]]:
    """Return a table for each of a, b and c."""
    return {f"output/{form.format(name)}": table for name, table in zip(ALL, tables, strict=True)}


def doubled(pixels: Image) -> Image:
    """Return an 8-bit image times two, cut off as ImageJ does."""
    return np.minimum(2 * pixels.astype(int), 255)


def mean(pixels: Any, digits: int = 2) -> str:
    return f"{float(pixels.mean()):.{digits}f}"


ROWS = measured(A, B, C)
PARTICLES = particles(A, B, C)
COUNTS: Table = {"Count": [3, 2, 1]}
A_ROIS = measured(A[8:18, 8:18], A[8:14, 30:36])
B_ROIS = measured(B[5:13, 5:13], B[40:50, 40:56])
MEANS = [f"{name}.tif {mean(image(name))}" for name in ALL]
NO_PLUGIN = "this FIJI has no plugin with the command"

MACROS = [
    Case("m01_batch_measure.ijm", out("Results.csv", ROWS), quick=True),
    Case("m02_process_folder.ijm", out("rows.csv", ROWS), given={"input": "{input}", "output": "{output}"}),
    Case(
        "m03_particles_close_results.ijm",
        each("{}.csv", particles(A), particles(B), particles(C)),
        quick=True,
    ),
    Case(
        "m04_close_results_function.ijm",
        each("{}_big.csv", particles(A, least=50), particles(B, least=50), particles(C, least=50)),
    ),
    Case(
        "m05_dialog_threshold.ijm",
        out("particles.csv", particles(A, B, C, lower=90, least=50)),
        answers={
            "Lower threshold": 90,
            "Minimum size (pixels)": 50,
            "exclude_edges": False,
            "Show": "Nothing",
        },
        quick=True,
    ),
    Case(
        "m06_get_number_string_boolean.ijm",
        out("r_counts.csv", ["name,n", "a,2", "b,2", "c,1"]),
        answers={"threshold": 128, "Prefix of the results": "r_", "Write a header?": True},
    ),
    Case("m07_macro_block.ijm", out("slices.csv", ROWS), inputs=("stack",)),
    Case("m08_measure_stack.ijm", out("stack.csv", ROWS), inputs=("stack",)),
    Case(
        "m09_table_create.ijm", out("images.csv", {name: ROWS[name] for name in ("Area", "Mean")}), quick=True
    ),
    Case(
        "m10_two_tables.ijm",
        out("big.csv", {"Area": [100, 160, 400]}) | out("small.csv", {"Area": [36, 64]}),
    ),
    Case("m11_summarize.ijm", out("Summary.csv", counted(A, B, C))),
    Case("m12_find_maxima_count.ijm", out("maxima.csv", COUNTS)),
    Case("m13_log_saved.ijm", out("log.txt", [f"{name}.tif\t{mean(image(name))}" for name in ALL])),
    Case("m14_getinfo_log.ijm", out("info.txt", ["max=200", "min=10"])),
    Case("m15_wait_and_message.ijm", out("measured.csv", ROWS), answers={"Ready?": True}),
    Case(
        "m16_hard_coded_windows.ijm",
        out("all.csv", ROWS),
        paths={"C:/Users/Anna/Desktop/images": "input", "C:/Users/Anna/Desktop/results": "output"},
        quick=True,
    ),
    Case(
        "m17_hard_coded_mac.ijm",
        out("inverted.csv", measured(255 - A)),
        paths={"/Users/ben/data/plate 7": "input", "/Users/ben/data/out": "output"},
    ),
    Case(
        "m18_hard_coded_mixed_slashes.ijm",
        out("b.csv", particles(B)),
        paths={"D:/Lab/in": "input", "D:/Lab/out": "output"},
    ),
    Case("m19_open_dialog.ijm", out("a.csv", measured(A)), inputs=("a",)),
    Case(
        "m20_open_dialog_flat_field.ijm",
        out("difference.csv", measured(A - 4)),
        inputs=("a", "flat"),
        answers={"Flat field image": "{input}/flat.tif"},
    ),
    Case("m21_get_argument.ijm", out("arg.csv", particles(A)), answers={"argument": "a.tif,128"}),
    Case("m22_select_windows.ijm", out("selected.csv", measured(B, A, C))),
    Case("m23_select_image_ids.ijm", out("reverse.csv", measured(C, B, A))),
    Case("m24_duplicate_mask.ijm", out("redirected.csv", particles(A))),
    Case("m25_auto_threshold_otsu.ijm", out("otsu.csv", particles(C))),
    Case("m26_rois_add.ijm", out("rois.csv", A_ROIS), needs_display=True),
    Case("m27_rois_from_particles.ijm", out("b_rois.csv", B_ROIS), needs_display=True),
    Case("m28_rois_show_all.ijm", out("c_roi.csv", measured(C[20:40, 20:40])), needs_display=True),
    Case(
        "m29_image_sequence.ijm",
        out("projection.csv", measured(np.maximum(np.maximum(A, B), C))),
    ),
    Case("m30_file_list_suffix.ijm", out("n.txt", ["3"])),
    Case("m31_gaussian_flat.ijm", out("blur.csv", measured(C[27:33, 27:33]))),
    Case(
        "m32_invert_subtract.ijm",
        out("arithmetic.csv", measured(265.0 - A, np.minimum(270.0 - A, 255))),
    ),
    Case("m33_set_result.ijm", out("range.csv", {"Range": [190, 200, 250]})),
    Case("m34_array_statistics.ijm", out("line.txt", [f"10,200,{float(A[10].mean())}"])),
    Case("m35_profile.ijm", out("profile.csv", {"Value": [float(value) for value in C[30]]})),
    Case("m36_histogram.ijm", out("histogram.txt", ["20 3872", "180 64", "220 160"])),
    Case(
        "m37_dialog_strings.ijm",
        out("files.txt", ["x_a_y.png", "x_b_y.png", "x_c_y.png"]),
        answers={"Prefix": "x_", "Suffix": "_y", "Format": "PNG"},
    ),
    Case(
        "m38_dialog_slider.ijm",
        out("options.csv", measured(235 - A)),
        answers={"Value to add": 20, "Invert": True, "Measure": True},
    ),
    Case("m39_parameters.ijm", out("two.csv", particles(A, lower=90)), given={"lower": 90, "name": "two"}),
    Case("m40_input_output_dir.ijm", out("rows.csv", ROWS)),
    Case("m41_is_open_close.ijm", out("open.csv", measured(B))),
    Case("m42_clear_results_each.ijm", each("{}.csv", measured(A), measured(B), measured(C))),
    Case("m43_copy_results_string.ijm", out("pasted.txt", [f"1\t4096\t{mean(A, 3)}\t10\t200"])),
    Case("m44_results_loop.ijm", out("total.csv", {"Area": [64, 160, 224]})),
    Case("m45_table_columns.ijm", out("sorted.csv", {"Area": [36, 96, 100]})),
    Case("m46_table_rename_results.ijm", out("first.csv", measured(A)) | out("second.csv", measured(B))),
    Case("m47_custom_table_print.ijm", out("counts.txt", ["name\tn", "a.tif\t2", "b.tif\t2", "c.tif\t1"])),
    Case(
        "m48_stack_slices_labels.ijm",
        out("slices.txt", [f"{number}: {mean(image(name), 3)}" for number, name in enumerate(ALL, 1)]),
        inputs=("stack",),
    ),
    Case(
        "m49_substack_project.ijm", out("average.csv", measured((A + B.astype(float)) / 2)), inputs=("stack",)
    ),
    Case("m50_images_to_stack.ijm", out("sum.csv", measured(A.astype(float) + B + C))),
    unknown_command(
        "m51_bio_formats_importer.ijm",
        "bf.csv",
        measured(A),
        ('run("Bio-Formats Importer", "open=[" + path + "] autoscale color_mode=Default")', "open(path)"),
        quick=True,
    ),
    unknown_command(
        "m52_bio_formats_ext.ijm",
        "ext.csv",
        measured(A),
        ('run("Bio-Formats Macro Extensions");\nExt.setId("input/a.tif");\nExt.getSeriesCount(n);\n', ""),
    ),
    Case("m53_all_open_images.ijm", out("open.csv", ROWS)),
    unknown_command(
        "m54_morpholibj.ijm",
        "opened.csv",
        measured(C),
        (
            'run("Morphological Filters", "operation=Opening element=Square radius=1");',
            'run("Minimum...", "radius=1"); run("Maximum...", "radius=1");',
        ),
    ),
    unknown_command(
        "m55_morpholibj_regions.ijm",
        "regions.csv",
        {"Area": [64, 160]},
        ('run("Analyze Regions", "area");', 'run("Analyze Particles...", "display");'),
    ),
    Case(
        "m56_dialog_in_macro_block.ijm",
        out("counted.csv", counted(A, B, C, lower=90)),
        answers={"Method": "Fixed", "fixed_value": 90},
    ),
    Case("m57_batch_function_nested.ijm", out("nested.csv", ROWS)),
    Case("m58_exit_when_empty.ijm", out("first.csv", measured(A))),
    Case("m59_save_beside.ijm", {"input/Results.csv": ROWS}),
    Case("m60_watershed_outline.ijm", out("watershed.csv", {"Area": [400]})),
    Case("m61_get_time_names.ijm", out("a_results.csv", measured(A))),
    Case("m62_list_directory_dialog.ijm", out("extension.csv", ROWS), answers={"File extension": ".tif"}),
    Case("m63_series_or_image.ijm", out("series.csv", ROWS)),
    Case(
        "m64_bio_formats_stack.ijm",
        out("z.csv", ROWS),
        inputs=("stack",),
        failure=Failure.MACRO_ERROR,
        says=NO_PLUGIN,
        cure=(
            ('run("Bio-Formats Macro Extensions");\nExt.setId(path);\nExt.getSizeZ(sizeZ);\n', ""),
            (
                'run("Bio-Formats Importer", "open=[" + path + "] autoscale color_mode=Default'
                ' view=Hyperstack stack_order=XYCZT");',
                "open(path);",
            ),
        ),
    ),
    Case(
        "m65_measure_stack_wait.ijm",
        out("inverted.csv", measured(255 - A, 255 - B, 255 - C)) | out("log.txt", ["rows: 3"]),
        inputs=("stack",),
        answers={"Stack": True, "Invert all slices?": True},
    ),
    Case("m66_argument_or_folder.ijm", out("called.csv", ROWS)),
    Case("m67_argument_copy_results.ijm", out("lines.txt", ["3"]), answers={"argument": "a.tif;90"}),
    Case(
        "m68_sequence_measure_stack.ijm",
        out("series.csv", ROWS),
    ),
    Case(
        "m69_ask_and_copy.ijm",
        out("plate 3.txt", ["plate 3: 1", "", "1\t100"]),
        answers={
            "Name of the sample": "plate 3",
            "threshold": 140,
            "Count small ones, too?": False,
        },
    ),
    Case(
        "m70_variables_in_options.ijm",
        out("corners.csv", measured(*(pixels[:16, :32] + 5 for pixels in (A, B, C)))),
        quick=True,
    ),
    Case(
        "m71_convolve_and_sequence.ijm",
        out("doubled.csv", measured(*map(doubled, (A, B, C))))
        | out("second.csv", measured(doubled(B)))
        | out("d_01.tif", [])
        | out("d_02.tif", [])
        | out("d_03.tif", []),
        quick=True,
    ),
    Case(
        "m72_images_that_are_open.ijm", out("inverted.csv", measured(255 - A, 255 - B, 255 - C)), quick=True
    ),
    Case(
        "m73_tool_windows.ijm",
        out("masks.csv", measured(np.where(A >= 128, 255, 0), np.where(A >= 128, 0, 255))),
        quick=True,
    ),
]

JYTHON = [
    Case("p01_get_image.py", out("one.csv", measured(A))),
    Case("p02_batch_os_walk.py", out("walk.csv", ROWS)),
    Case(
        "p03_process_folder_template.py",
        out("inverted.csv", measured(255 - A, 255 - B, 255 - C)),
        given={"srcFile": "{input}", "dstFile": "{output}"},
    ),
    Case(
        "p04_generic_dialog.py",
        out("light.csv", particles(A, lower=90, least=40)),
        answers={"lower_threshold": 90, "Minimum size": 40, "Summarize": False, "mode": "light"},
        quick=True,
    ),
    Case("p05_directory_chooser.py", out("chosen.csv", ROWS)),
    Case("p06_ij_get_directory.py", out("means.txt", MEANS)),
    Case("p07_particle_analyzer.py", out("analyzer.csv", PARTICLES)),
    Case("p08_roi_manager.py", out("managed.csv", A_ROIS), needs_display=True),
    Case("p09_roi_manager_measure.py", out("rm.csv", B_ROIS), needs_display=True),
    Case(
        "p10_open_dialog.py",
        out("opened.csv", measured(A)),
        inputs=("a",),
        answers={"Choose the image to measure": "{input}/a.tif"},
    ),
    Case("p11_parameters.py", out("numbers.txt", ["116"]), given={"threshold": 90, "scale": 0.5}),
    Case("p12_choices_without_value.py", out("green.csv", measured(C))),
    Case(
        "p13_hard_coded.py",
        out("all.csv", ROWS),
        paths={"C:/Data/2021-03 plates": "input", "C:/Data/results": "output"},
    ),
    Case(
        "p14_hard_coded_linux.py",
        out("particles.csv", PARTICLES),
        paths={"/home/clara/images": "input", "/home/clara/results": "output"},
    ),
    Case("p15_pixels_list.py", out("pixels.txt", [f"20 220 {mean(B, 4)}"])),
    Case(
        "p16_stack_loop.py", out("means.csv", {"Slice": [1, 2, 3], "Mean": ROWS["Mean"]}), inputs=("stack",)
    ),
    Case("p17_window_manager.py", out("windows.csv", ROWS)),
    Case("p18_select_window.py", out("selected.csv", measured(A, B))),
    Case("p19_calculator.py", out("difference.csv", measured(np.full((64, 64), 20)))),
    Case("p20_message_and_log.py", out("log.txt", ["start", f"mean {mean(A)}"])),
    Case(
        "p21_numbers_asked.py",
        out("seven.csv", measured(A - 7)),
        answers={"Value to subtract": 7, "name_of_the_result": "seven"},
    ),
    Case("p22_wait_for_user.py", out("checked.csv", measured(C)), answers={"Check": True}),
    Case("p23_summary.py", out("summary.csv", counted(A, B, C))),
    Case("p24_maxima.py", out("maxima.csv", COUNTS)),
    Case(
        "p25_bio_formats.py",
        out("bf.csv", measured(A)),
        failure=Failure.SCRIPT_ERROR,
        says="this FIJI has no loci",
        cure=(
            ("from loci.plugins import BF\n", ""),
            ('BF.openImagePlus("input/a.tif")[0]', 'IJ.openImage("input/a.tif")'),
        ),
    ),
    Case(
        "p26_morpholibj.py",
        out("opened.csv", measured(C)),
        failure=Failure.SCRIPT_ERROR,
        says="this FIJI has no inra.ijpb",
        cure=(
            ("from inra.ijpb.morphology import Morphology, Strel\n", ""),
            ("ip = Morphology.opening(imp.getProcessor(), Strel.Shape.SQUARE.fromRadius(1))\n", ""),
            (
                "imp.setProcessor(ip)",
                'IJ.run(imp, "Minimum...", "radius=1"); IJ.run(imp, "Maximum...", "radius=1")',
            ),
        ),
    ),
    Case("p27_csv_module.py", out("rows.csv", {"Mean": ROWS["Mean"], "Max": ROWS["Max"]})),
    Case("p28_threshold_mask.py", out("selection.csv", measured(C[20:40, 20:40]))),
    Case("p29_macro_runner.py", out("macro.csv", measured(A))),
    Case("p30_save_beside.py", {"input/Results.csv": ROWS}, quick=True),
    without_image("p31_no_image.py", quick=True),
    Case("p32_show_then_close.py", out("backwards.csv", measured(C, B, A))),
    Case(
        "p33_image_sequence.py",
        out("projection.csv", measured(np.maximum(np.maximum(A, B), C))),
        quick=True,
    ),
    Case("p34_to_roi_manager.py", out("both.csv", A_ROIS), needs_display=True),
    Case("p35_run_on_image.py", out("both.csv", measured(255 - A, A)), quick=True),
    Case("p36_all_open_and_tool.py", out("open.csv", ROWS)),
]

GROOVY = [
    Case("g01_batch.groovy", out("batch.csv", ROWS)),
    Case(
        "g02_files_parameter.groovy",
        out("files.csv", PARTICLES),
        given={"images": ["{input}/a.tif", "{input}/b.tif", "{input}/c.tif"]},
    ),
    Case("g03_get_directory.groovy", out("means.txt", MEANS)),
    Case(
        "g04_generic_dialog.groovy",
        out("res.csv", measured(262 - A.astype(int))),
        answers={"Value": 7, "output_name": "res", "Invert first": True},
    ),
    Case("g05_results_table.groovy", out("extremes.csv", {"Min": ROWS["Min"], "Max": ROWS["Max"]})),
    Case("g06_get_image.groovy", out("roi.csv", measured(B[5:13, 5:13]))),
    without_image("g07_get_image_none.groovy"),
    Case(
        "g08_hard_coded.groovy",
        out("exp1.csv", ROWS),
        paths={"D:/experiments/exp1": "input", "D:/experiments/results": "output"},
    ),
    Case("g09_roi_manager.groovy", out("rm.csv", A_ROIS), needs_display=True),
    Case("g10_measure_close.groovy", each("{}.csv", measured(A), measured(B), measured(C))),
    Case("g11_find_maxima.groovy", out("maxima.csv", COUNTS)),
    Case(
        "g12_stack_projection.groovy",
        out("projected.csv", measured(image("stack").max(axis=0), image("stack").min(axis=0))),
        inputs=("stack",),
    ),
    Case("g13_choices.groovy", out("Invert.csv", measured((255 - C) * 0.2)), given={"factor": 0.2}),
    Case("g14_image_parameter.groovy", out("image.csv", measured(A)), inputs=("a",)),
    Case("g15_message_exit.groovy", out("b.csv", measured(B))),
    Case("g16_summarize_log.groovy", out("log.txt", ["name,n", "a,2", "b,2", "c,1"])),
    Case("g17_to_roi_manager.groovy", out("rois.csv", B_ROIS), needs_display=True),
    Case("g18_run_on_image.groovy", out("both.csv", measured(255 - A, A)), quick=True),
]

BEANSHELL = [
    Case("b01_batch.bsh", out("batch.csv", ROWS)),
    Case(
        "b02_parameters.bsh", out("named.csv", particles(A, lower=90)), given={"lower": 90, "name": "named"}
    ),
    Case("b03_get_directory.bsh", out("inverted.csv", measured(255 - A, 255 - B, 255 - C)), quick=True),
    Case("b04_dialog.bsh", out("added.csv", measured(B + 9)), answers={"add_to_all_pixels": 9, "Image": "b"}),
    Case("b05_get_image.bsh", out("center.csv", measured(C[20:40, 20:40]))),
    without_image("b06_get_image_none.bsh"),
    Case(
        "b07_hard_coded.bsh", out("measured.csv", ROWS), paths={"E:/microscope": "input", "E:/out": "output"}
    ),
    Case("b08_table.bsh", out("table.csv", {"Mean": ROWS["Mean"], "Max": ROWS["Max"]})),
    Case("b09_close_results.bsh", each("{}.csv", measured(A), measured(B), measured(C))),
    Case("b10_log.bsh", out("log.txt", ["a 200", "b 220", "c 250"])),
    Case(
        "b11_to_roi_manager.bsh",
        out("managed.csv", measured(C[20:40, 20:40])),
        needs_display=True,
    ),
    Case("b12_run_on_image.bsh", out("both.csv", measured(255 - A, A)), quick=True),
]

CASES = [*MACROS, *JYTHON, *GROOVY, *BEANSHELL]
