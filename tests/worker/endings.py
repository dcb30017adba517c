"""Our own scripts, one for each way of ending in docs/worker.md: data for test_script_endings.py.

If a sentence gives advice, a script that follows it is in FOLLOWED.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from worker.contract.jobs import FailureClass as Failure


@dataclass(frozen=True)
class Ending:
    """A script, and its expected outcome.

    `failure`: None if it is done. `line`: of the script. `says`: what the sentence contains or, if it is
    done, its warnings. `quick`: part of every test run. `heap`: MB. `given`: the job's metadata.
    """

    script: str
    text: str
    failure: Failure | None = None
    line: int | None = None
    says: tuple[str, ...] = ()
    quick: bool = False
    heap: int = 500
    given: dict[str, Any] = field(default_factory=dict)
    plugin_errors: str = "fail"
    answers: dict[str, Any] = field(default_factory=dict)
    unanswered: str = "fail"


NEW_IMAGE = 'newImage("a", "8-bit ramp", 64, 64, 3);'
SAVED = 'saveAs("Tiff", "output/a.tif");\n'
PY_SAVED = 'open("output/a.txt", "w").write("x")\n'
GROOVY_SAVED = 'new File("output/a.txt").text = "x"\n'
BSH_SAVED = 'w = new java.io.FileWriter("output/a.txt"); w.write("x"); w.close();\n'
THREW = '"Canvas Size..." threw java.lang.NegativeArraySizeException'

MACROS = [
    Ending("done.ijm", f"{NEW_IMAGE}\n{SAVED}"),
    Ending("exit-quietly.ijm", f"{NEW_IMAGE}\n{SAVED}exit();\nnothing();"),
    Ending("exit-in-function.ijm", f"{NEW_IMAGE}\n{SAVED}f();\nfunction f() {{ if (true) exit; }}\n"),
    Ending("exit-with-words.ijm", 'a = 1;\nexit("no cells");', Failure.MACRO_ERROR, 2, ("no cells",)),
    Ending(
        "undefined-variable.ijm",
        "a = 3;\nb = aa + 3;",
        Failure.MACRO_ERROR,
        2,
        ("in line 2: Undefined variable: aa.",),
        quick=True,
    ),
    Ending("requires.ijm", f'{NEW_IMAGE}\nrequires("9.99z");\n{SAVED}', Failure.MACRO_ERROR, 2, ("9.99z",)),
    Ending("undefined-function.ijm", "a = 3;\nfoo(3);", Failure.MACRO_ERROR, 2, ("foo",)),
    Ending("syntax.ijm", 'a = 3;\nif (a == 3 {\nprint("x");', Failure.MACRO_ERROR, 2, ("')' expected",)),
    Ending(
        "no-image.ijm", 'run("Gaussian Blur...", "sigma=2");', Failure.MACRO_ERROR, 1, ("no images open",)
    ),
    Ending(
        "plugin-throws.ijm",
        f'{NEW_IMAGE}\nrun("Canvas Size...", "width=-5 height=5");\n{SAVED}',
        Failure.PLUGIN_ERROR,
        2,
        ("A plugin failed in line 2, and the script continued", THREW, "PLUGIN_ERRORS = 'warn'"),
        quick=True,
    ),
    Ending(
        "no-such-choice.ijm",
        f'{NEW_IMAGE}\nrun("Z Project...", "projection=[max intensity]");\n{SAVED}',
        Failure.MACRO_ERROR,
        2,
        ('"max intensity" is not a valid choice for',),
        quick=True,
    ),
    Ending(
        "no-number.ijm",
        f'{NEW_IMAGE}\nrun("Gaussian Blur...", "sigma=big");\n{SAVED}',
        Failure.MACRO_ERROR,
        2,
        ("Numeric value expected", "big"),
    ),
    Ending(
        "plugin-throws-allowed.ijm",
        f'{NEW_IMAGE}\nrun("Canvas Size...", "width=-5 height=5");\n{SAVED}',
        None,
        None,
        (THREW,),
        plugin_errors="warn",
    ),
    Ending(
        "plugin-throws-then-error.ijm",
        f'{NEW_IMAGE}\nrun("Canvas Size...", "width=-5 height=5");\nselectImage("b");',
        Failure.MACRO_ERROR,
        3,
        ("Before that in line 2", THREW),
    ),
    Ending(
        "no-results.ijm",
        f'{NEW_IMAGE}\nselectWindow("Results");',
        Failure.MACRO_ERROR,
        2,
        ("nothing had been measured yet", 'isOpen("Results")', 'Open at that point: "a".'),
        quick=True,
    ),
    Ending(
        "no-summary.ijm",
        f'{NEW_IMAGE}\nrun("Measure");\nselectWindow("Summary");',
        Failure.MACRO_ERROR,
        3,
        ("`summarize`", 'isOpen("Summary")', 'Open at that point: "a", "Results".'),
    ),
    Ending(
        "no-log.ijm",
        'selectWindow("Log");',
        Failure.MACRO_ERROR,
        1,
        ("nothing had been printed yet", "Nothing was open at that point."),
    ),
    Ending(
        "no-such-image.ijm",
        f'{NEW_IMAGE}\nselectImage("b.tif");',
        Failure.MACRO_ERROR,
        2,
        ('"b.tif" not found. No open image has this title', '`getList("image.titles")`'),
        quick=True,
    ),
    Ending(
        "no-such-id.ijm",
        f"{NEW_IMAGE}\nselectImage(-99);",
        Failure.MACRO_ERROR,
        2,
        ("Image -99 not found. No open image has this title or ID",),
    ),
    Ending(
        "nothing-saved.ijm",
        f'#@ Boolean dark\n{NEW_IMAGE}\nrun("Canvas Size...", "width=-5 height=5");',
        Failure.OUTPUTS_MISSING,
        None,
        (f"What went wrong in line 3: {THREW}",),
        answers={"sigma": 3},
        plugin_errors="warn",
        quick=True,
    ),
    Ending("harmless-window.ijm", f'{NEW_IMAGE}\nrun("Brightness/Contrast...");\n{SAVED}', quick=True),
    Ending("harmless-threshold.ijm", f'{NEW_IMAGE}\nrun("Threshold...");\nsetThreshold(1, 99);\n{SAVED}'),
    Ending(
        "call-throws.ijm",
        f'{NEW_IMAGE}\nx = call("java.lang.Integer.valueOf", "seven");\n{SAVED}',
        Failure.PLUGIN_ERROR,
        2,
        ("NumberFormatException",),
    ),
    Ending(
        "javascript.ijm",
        f'x = eval("script", "1 + 1");\n{NEW_IMAGE}\n{SAVED}',
        Failure.PLUGIN_ERROR,
        1,
        ("no JavaScript engine", "in Python or in Groovy"),
    ),
    Ending(
        "folder.ijm",
        'in = getDirectory("Choose");\nout = getDirectory("Where to save");\n'
        f'if (!endsWith(in, "/input/")) exit("wrong: " + in);\n{NEW_IMAGE}\nsaveAs("Tiff", out + "a.tif");',
    ),
    Ending(
        "folder-3.ijm",
        'a = getDir("in; out"); b = getDir("and"); c = getDir("Masks; more");',
        Failure.NEEDS_ANSWER,
        1,
        ('getDir asks for "Masks; more" (a folder)', '"answers": {"Masks; more": "input"}'),
        quick=True,
    ),
    Ending(
        "file.ijm",
        'p = File.openDialog("Which ROIs");\nopen(p);',
        Failure.NEEDS_ANSWER,
        1,
        ('File.openDialog asks for "Which ROIs" (a file)', '"answers": {"Which ROIs": "input/…"}'),
    ),
    Ending(
        "argument.ijm",
        "a = getArgument();\nopen(a);",
        Failure.NEEDS_ANSWER,
        2,
        ("open asks for", "getArgument() returned an empty text", '"argument"'),
    ),
    Ending(
        "number.ijm",
        'n = getNumber("how many", 3);\ns = getString("name", "a");',
        Failure.NEEDS_ANSWER,
        1,
        (
            'getNumber asks for "how many" (a number)',
            'Later it asks for "name" (a text)',
            '"answers": {"how many": 3, "name": "a"}',
        ),
    ),
    Ending(
        "text.ijm",
        's = getString("name", "a");',
        Failure.NEEDS_ANSWER,
        1,
        ("(a text)", '"answers": {"name": "a"}'),
    ),
    Ending(
        "boolean.ijm",
        'b = getBoolean("go on?");',
        Failure.NEEDS_ANSWER,
        1,
        ("(yes or no)", '"answers": {"go on?": true}'),
    ),
    Ending(
        "dialog.ijm",
        'Dialog.create("Settings");\nDialog.addNumber("Sigma", 2);\n'
        'Dialog.addChoice("Method", newArray("Otsu", "Li"));\nDialog.show();',
        Failure.NEEDS_ANSWER,
        4,
        (
            'Dialog.show, the dialog "Settings", asks for "Sigma" (a number), "Method" (a choice: Otsu, Li)',
            '"answers": {"Sigma": 2, "Method": "Otsu"}',
            "UNANSWERED = 'defaults'",
        ),
        quick=True,
    ),
    Ending(
        "choice.ijm",
        'Dialog.create("S");\nDialog.addChoice("Method", newArray("Otsu", "Li"));\nDialog.show();',
        Failure.NEEDS_ANSWER,
        3,
        ('"Huang" (from answers "Method"), is not one of its choices: "Otsu", "Li"',),
        answers={"Method": "Huang"},
    ),
    Ending(
        "word-for-number.ijm",
        'n = getNumber("how many", 3);',
        Failure.NEEDS_ANSWER,
        1,
        ('The answer to "how many", "few" (from answers "how many"), is not a number',),
        answers={"how many": "few"},
    ),
    Ending(
        "defaults.ijm",
        f'n = getNumber("how many", 3);\nwaitForUser("Look", "Draw");\n{NEW_IMAGE}\n{SAVED}',
        says=('"how many" has no answer; it is 3.0, as the dialog shows it', '"Draw" has no answer'),
        unanswered="defaults",
    ),
    Ending(
        "answer-too-many.ijm",
        f'n = getNumber("how many", 3);\n{NEW_IMAGE}\n{SAVED}',
        says=('No question asked for the answer "sigma".',),
        answers={"how many": 4, "sigma": 3},
    ),
    Ending(
        "wait.ijm",
        'waitForUser("Look", "Draw");',
        Failure.NEEDS_ANSWER,
        1,
        ('"Draw" (it waits for a person)', '"answers": {"Draw": true}', "remove it"),
    ),
    Ending("message.ijm", f'showMessage("Hello");\n{NEW_IMAGE}\n{SAVED}'),
    Ending("roi-manager.ijm", 'roiManager("reset");', Failure.NEEDS_DISPLAY, 1, ("overlays", "DISPLAY_MODE")),
    Ending(
        "missing-plugin.ijm",
        'a = 1;\nrun("Morphological Filters", "operation=Opening");',
        Failure.MACRO_ERROR,
        2,
        ('no plugin with the command "Morphological Filters"', "update site IJPB-plugins", "plugins.txt"),
        quick=True,
    ),
    Ending(
        "no-file.ijm", 'open("/not/there.tif");\nprint("on");', Failure.MACRO_ERROR, 1, ("/not/there.tif",)
    ),
    Ending(
        "no-memory.ijm", 'newImage("a", "32-bit black", 20000, 20000, 9);', Failure.OUT_OF_MEMORY, heap=96
    ),
    Ending(
        "memory.ijm",
        f'newImage("a", "32-bit black", 5000, 5000, 3);\n{SAVED}',
        Failure.OUT_OF_MEMORY,
        says=("its heap was 96 MB", "a larger MEMORY"),
        heap=96,
    ),
    Ending("nested.ijm", 'x = eval("foo(3);");\n', Failure.MACRO_ERROR, 1, ("Undefined identifier",)),
    Ending(
        "elsewhere.ijm",
        f'{NEW_IMAGE}\nsaveAs("Tiff", "input/a.tif");\nprint("saved it");',
        Failure.OUTPUTS_MISSING,
        None,
        ("The script wrote input/a.tif instead", "'saved it'"),
        quick=True,
    ),
    Ending(
        "choice.ijm",
        f'#@ String (choices={{"Otsu", "Li"}}) m\n{NEW_IMAGE}\n{SAVED}',
        says=('"m" is not given',),
    ),
]

PYTHON = [
    Ending("done.py", PY_SAVED),
    Ending("exit-0.py", f"import sys\n{PY_SAVED}sys.exit(0)"),
    Ending("exit-3.py", "import sys\nsys.exit(3)", Failure.SCRIPT_ERROR, None, ("exit code 3",)),
    Ending("exit-words.py", "import sys\nsys.exit('no nuclei')", Failure.SCRIPT_ERROR, None, ("no nuclei",)),
    Ending("raises.py", "def f():\n    return 1 / 0\n\nf()", Failure.SCRIPT_ERROR, 2, ("ZeroDivisionError",)),
    Ending("syntax.py", "a = 1\nif:\n", Failure.SCRIPT_ERROR, 2, ("SyntaxError",)),
    Ending(
        "no-image.py",
        "from ij import IJ\n\nimp = IJ.getImage()\n",
        Failure.SCRIPT_ERROR,
        3,
        ("no images open",),
        quick=True,
    ),
    Ending(
        "no-image-said.py",
        f"from ij import IJ\nIJ.noImage()\n{PY_SAVED}",
        Failure.PLUGIN_ERROR,
        2,
        ("no images open",),
    ),
    Ending(
        "no-image-2.py", 'from ij import IJ\nIJ.run("Invert")', Failure.SCRIPT_ERROR, 2, ("no images open",)
    ),
    Ending(
        "missing-plugin.py",
        'from ij import IJ\n\nIJ.run("Unknown Thing", "")',
        Failure.SCRIPT_ERROR,
        3,
        ('no plugin with the command "Unknown Thing"',),
        quick=True,
    ),
    Ending(
        "caught.py",
        f'from ij import IJ\ntry:\n    IJ.run("Unknown Thing", "")\nexcept:\n    pass\n{PY_SAVED}',
        says=("Unknown Thing",),
        quick=True,
    ),
    Ending(
        "missing-class.py",
        "from inra.ijpb.morphology import Strel\n",
        Failure.SCRIPT_ERROR,
        1,
        ("inra.ijpb.morphology", "IJPB-plugins"),
    ),
    Ending(
        "log-info.py",
        '#@ LogService log\nlog.info("start")\n',
        Failure.SCRIPT_ERROR,
        2,
        ("the `info` of a LogService", "log.log(LogLevel.INFO, text)"),
    ),
    Ending(
        "log-info-cured.py",
        '#@ LogService log\nfrom org.scijava.log import LogLevel\nlog.log(LogLevel.INFO, "start")\n'
        f'log.warn("warned")\n{PY_SAVED}',
    ),
    Ending(
        "plugin-throws.py",
        'from ij import IJ\n\ndef deep():\n    imp = IJ.createImage("a", "8-bit ramp", 64, 64, 3)\n'
        f'    IJ.run(imp, "Canvas Size...", "width=-5 height=5")\n\ndeep()\n{PY_SAVED}',
        Failure.PLUGIN_ERROR,
        5,
        (THREW,),
    ),
    Ending(
        "own-traces.py",
        "import traceback\nfrom java.lang import RuntimeException\nfrom ij import IJ\ntry:\n"
        "    raise RuntimeException('own')\nexcept RuntimeException as e:\n    e.printStackTrace()\n"
        "try:\n    1 / 0\nexcept ZeroDivisionError:\n    traceback.print_exc()\n"
        f"IJ.log('java.lang.Exception: x\\n\\tat ij.Executer.run(Executer.java:1)')\n{PY_SAVED}",
    ),
    Ending("opens-nothing.py", f'from ij import IJ\nimp = IJ.openImage("/not/there.tif")\n{PY_SAVED}'),
    Ending(
        "imagej-error.py",
        f'from ij import IJ\nIJ.error("no cells")\n{PY_SAVED}',
        Failure.PLUGIN_ERROR,
        2,
        ("ImageJ showed an error in line 2, and the script continued: no cells.",),
    ),
    Ending(
        "dialog.py",
        "from ij.gui import GenericDialog\ngd = GenericDialog('x')\ngd.addStringField('Name:', 'a')\n"
        "gd.showDialog()",
        Failure.NEEDS_ANSWER,
        4,
        ('showDialog, the dialog "x", asks for "Name" (a text)', '"answers": {"Name": "a"}'),
    ),
    Ending(
        "image-parameter.py",
        f"#@ ImagePlus imp\nprint(imp.getTitle())\n{PY_SAVED}",
        Failure.SCRIPT_ERROR,
        None,
        ("ImagePlus", "declare `#@ File image`"),
    ),
    Ending(
        "unknown-type.py",
        f"#@ NoSuchService thing\nthing.go()\n{PY_SAVED}",
        Failure.SCRIPT_ERROR,
        None,
        ("does not know the type of #@ NoSuchService thing", "Only a FIJI with the plugin that provides it"),
    ),
    Ending("unknown-unused.py", f"#@ NoSuchService thing\n{PY_SAVED}", says=("NoSuchService",)),
    Ending(
        "missing-values.py",
        f"#@ Integer a\n#@ Integer (min=3) b\n#@ String c\n{PY_SAVED}",
        Failure.SCRIPT_ERROR,
        None,
        ('"a" (Integer), "b" (Integer), "c" (String)', "Give them in the job file"),
        quick=True,
    ),
    Ending(
        "near-name.py",
        f"#@ Double (value=2) sigma\n{PY_SAVED}",
        says=('did you mean "sigma"?',),
        given={"sgima": 3, "Well": "A1"},
    ),
]

GROOVY = [
    Ending("done.groovy", GROOVY_SAVED),
    Ending("exit-0.groovy", f"{GROOVY_SAVED}System.exit(0)"),
    Ending("exit-5.groovy", "System.exit(5)", Failure.SCRIPT_ERROR, None, ("exit code 5",)),
    Ending("raises.groovy", "def x = null\n\nx.foo()", Failure.SCRIPT_ERROR, 3, ("NullPointerException",)),
    Ending("syntax.groovy", "def a = 3\n\ndef b = (a +\nprintln b\n\ndef c = [\n", Failure.SCRIPT_ERROR, 6),
    Ending(
        "first-error.groovy",
        "def a = 1\nNope x = null\n\nNope2 y = null\n",
        Failure.SCRIPT_ERROR,
        2,
        ("unable to resolve class Nope",),
    ),
    Ending(
        "no-image.groovy", "import ij.IJ\ndef i = IJ.getImage()", Failure.SCRIPT_ERROR, 2, ("no images open",)
    ),
    Ending(
        "no-image-said.groovy",
        f"import ij.IJ\nIJ.noImage()\n{GROOVY_SAVED}",
        Failure.PLUGIN_ERROR,
        2,
        ("no images open",),
    ),
    Ending(
        "thread.groovy",
        f"\nThread.start {{ throw new IllegalStateException('in a thread') }}.join()\n{GROOVY_SAVED}",
        Failure.PLUGIN_ERROR,
        2,
        ("A thread failed in line 2, and the script continued", "in a thread"),
        quick=True,
    ),
    Ending("thread-left.groovy", f"{GROOVY_SAVED}new Thread({{ sleep(600000) }}).start()"),
    Ending(
        "handled.groovy",
        f"import ij.IJ\nIJ.handleException(new RuntimeException('handled'))\n{GROOVY_SAVED}",
        Failure.PLUGIN_ERROR,
        2,
        ("handled",),
    ),
    Ending(
        "missing-class.groovy", "import sc.fiji.analyzeSkeleton.AnalyzeSkeleton_\n", Failure.SCRIPT_ERROR, 1
    ),
    Ending(
        "primitives.groovy",
        "#@ int (value=3) n\n#@ double (value=1.5) x\n#@ boolean (value=true) b\n#@ long (value=9) l\n"
        f"#@ float (value=2) f\nassert n == 3 && x == 1.5d && b && l == 9L && f == 2f\n{GROOVY_SAVED}",
        quick=True,
    ),
    Ending(
        "tick.groovy", f"#@ Boolean dark\nassert dark == false\n{GROOVY_SAVED}", says=('"dark" is not given',)
    ),
    Ending("halt.groovy", "Runtime.getRuntime().halt(0)", Failure.SCRIPT_ERROR, None, ("before the script",)),
]

BEANSHELL = [
    Ending("done.bsh", BSH_SAVED),
    Ending("raises.bsh", "x = 3;\n\nObject y = null;\ny.foo();", Failure.SCRIPT_ERROR, 4, ("foo()",)),
    Ending("syntax.bsh", "x = 3;\nx = (;\n", Failure.SCRIPT_ERROR, 2, ("Encountered",)),
    Ending(
        "plugin-throws.bsh",
        'import ij.IJ;\nimp = IJ.createImage("a", "8-bit ramp", 64, 64, 3);\n'
        f'IJ.run(imp, "Canvas Size...", "width=-5 height=5");\n{BSH_SAVED}',
        Failure.PLUGIN_ERROR,
        None,
        (THREW,),
    ),
    Ending(
        "no-image.bsh", "import ij.IJ;\nimp = IJ.getImage();", Failure.SCRIPT_ERROR, 2, ("no images open",)
    ),
    Ending("exit-4.bsh", "System.exit(4);", Failure.SCRIPT_ERROR, None, ("exit code 4",)),
]

#: Scripts that do what the sentences advise.
FOLLOWED = [
    Ending(
        "sequence.ijm",
        'File.makeDirectory("output/s"); newImage("a", "8-bit", 9, 9, 1); saveAs("Tiff", "output/s/1.tif");\n'
        'saveAs("Tiff", "output/s/2.tif"); close(); File.openSequence("output/s");\n'
        'if (nSlices != 2) exit("slices: " + nSlices);',
    ),
    Ending(
        "sequence.py",
        "import os\nfrom ij import IJ\nfrom ij.plugin import FolderOpener\nos.mkdir('output/s')\n"
        "for n in '12':\n    IJ.save(IJ.createImage('a', '8-bit', 9, 9, 1), 'output/s/%s.tif' % n)\n"
        "assert FolderOpener.open('output/s/').getStackSize() == 2\n",
    ),
    Ending(
        "is-open.ijm",
        'if (isOpen("Results")) selectWindow("Results");\nif (isOpen("Summary")) selectWindow("Summary");\n'
        f'if (isOpen("Log")) selectWindow("Log");\n{NEW_IMAGE}\nrun("Measure");\n'
        f'if (isOpen("Results")) selectWindow("Results");\n{SAVED}',
    ),
    Ending("memory.ijm", f'newImage("a", "32-bit black", 5000, 5000, 3);\n{SAVED}', heap=900),
    Ending(
        "folder-parameter.ijm",
        f'#@ File (style="directory") folder\n{NEW_IMAGE}\nsaveAs("Tiff", folder + "/a.tif");',
        given={"folder": "output"},
    ),
    Ending(
        "image-titles.ijm",
        f'{NEW_IMAGE}\ntitles = getList("image.titles");\nif (titles[0] != "a") exit("a");\n'
        f"selectImage(titles[0]);\n{SAVED}",
    ),
    Ending(
        "open-an-image.ijm",
        f'{NEW_IMAGE}\nsaveAs("Tiff", "input/a.tif");\nclose();\nopen("input/a.tif");\n'
        f'run("Invert", "slice");\n{SAVED}',
    ),
    Ending(
        "open-an-image.py",
        "from ij import IJ\nIJ.save(IJ.createImage('a', '8-bit', 9, 9, 1), 'input/a.tif')\n"
        f'IJ.open("input/a.tif")\nassert IJ.getImage().getWidth() == 9\n{PY_SAVED}',
    ),
    Ending(
        "file-parameter.ijm",
        f'#@ File image\n{NEW_IMAGE}\nsaveAs("Tiff", image);\nclose();\nopen(image);\n{SAVED}',
        given={"image": "input/b.tif"},
    ),
    Ending(
        "file-parameter.py",
        "#@ File image\nfrom ij import IJ\nIJ.save(IJ.createImage('a', '8-bit', 9, 9, 1), image.getPath())\n"
        f"assert IJ.openImage(image.getPath()).getWidth() == 9\n{PY_SAVED}",
        given={"image": "input/b.tif"},
    ),
    Ending(
        "missing-values.py",
        f"#@ Integer a\n#@ Integer (value=3) b\nassert a == 1 and b == 3\n{PY_SAVED}",
        given={"a": 1},
    ),
    Ending(
        "own-module.py",
        f"def mean(values):\n    return sum(values) / len(values)\n\nassert mean([1, 3]) == 2\n{PY_SAVED}",
    ),
    Ending("folder.ijm", f'#@ String output_dir\n{NEW_IMAGE}\nsaveAs("Tiff", output_dir + "/a.tif");'),
    Ending(
        "argument.ijm",
        f'if (getArgument() != "in put") exit("wrong: " + getArgument());\n{NEW_IMAGE}\n{SAVED}',
        given={"argument": "in put"},
        quick=True,
    ),
    Ending(
        "argument-list.ijm",
        f'if (getArgument() != ",a.tif,2.5,true") exit("wrong: " + getArgument());\n{NEW_IMAGE}\n{SAVED}',
        given={"argument": ["", "a.tif", 2.5, True]},
        quick=True,
    ),
    Ending("number.ijm", f"#@ Double name\nif (name != 3) exit();\n{NEW_IMAGE}\n{SAVED}", given={"name": 3}),
    Ending(
        "text.ijm", f'#@ String name\nif (name != "a") exit();\n{NEW_IMAGE}\n{SAVED}', given={"name": "a"}
    ),
    Ending("boolean.ijm", f"#@ Boolean name\nif (!name) exit();\n{NEW_IMAGE}\n{SAVED}", given={"name": True}),
    Ending(
        "dialog.ijm",
        'Dialog.create("Settings");\nDialog.addNumber("Sigma", 2);\nDialog.show();\n'
        f"if (Dialog.getNumber() != 2.5) exit();\n{NEW_IMAGE}\n{SAVED}",
        answers={"Sigma": 2.5},
        quick=True,
    ),
    Ending(
        "overlay.ijm",
        f'{NEW_IMAGE}\nmakeRectangle(1, 1, 9, 9);\nOverlay.addSelection;\nrun("Add Selection...");\n{SAVED}',
    ),
]

#: With a display, each of these is a window that somebody should click away.
SHOWN = [
    Ending(
        "macro-error.ijm",
        "a = 1;\nfoo(3);",
        Failure.MACRO_ERROR,
        2,
        ("Undefined identifier: foo",),
        quick=True,
    ),
    Ending(
        "exit-with-words.ijm",
        'showMessage("Info", "just so");\nexit("no cells");',
        Failure.MACRO_ERROR,
        2,
        ("no cells",),
    ),
    Ending("message.ijm", f'showMessage("Info", "just so");\n{NEW_IMAGE}\n{SAVED}'),
    Ending(
        "imagej-error.groovy",
        f'import ij.IJ\nIJ.error("no cells")\n{GROOVY_SAVED}',
        Failure.PLUGIN_ERROR,
        2,
        ("ImageJ showed an error in line 2, and the script continued: no cells.",),
    ),
    Ending(
        "dialog.ijm",
        'Dialog.create("Settings");\nDialog.addNumber("Sigma", 2);\nDialog.show();',
        Failure.NEEDS_ANSWER,
        3,
        ('Dialog.show, the dialog "Settings", asks for "Sigma" (a number)', '"answers": {"Sigma": 2}'),
    ),
    Ending(
        "java-dialog.groovy",
        "import javax.swing.JOptionPane\nJOptionPane.showInputDialog(null, 'Sigma', 'Mine', 3)",
        Failure.NEEDS_ANSWER,
        None,
        ('The window "Mine" (Sigma) stood open', "#@ Double sigma"),
        quick=True,
    ),
]

ENDINGS = [*MACROS, *PYTHON, *GROOVY, *BEANSHELL, *FOLLOWED]
