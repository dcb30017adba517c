"""One script in each language that asks in all of ImageJ's ways, and writes its answers: data for tests."""

from __future__ import annotations

from typing import Any

#: One of each kind, and troublemakers: quotes, umlauts, brackets, decimals, what looks like options.
ANSWERS: dict[str, Any] = {
    "Name": "He said \"no\" – ä ö ü ß µ 日本 \\ [x] 'y' a=b",
    "sigma": 0.1,
    "minimum_size": -3,
    "Level": 7,
    "dark background": False,
    "Method": "Über [x]",
    "Mode": "b c",
    "Red": False,
    "Green": True,
    "How many?": 12345678.25,
    "Prefix": "  [a] b, c=d ",
    "Save masks?": False,
    "Go on": True,
    "Choose a mask folder": "output/masks",
    "Flat field": "input/b.txt",
    "Wait": True,
}

#: What the script then prints, with numbers and paths as text.
SAID: dict[str, Any] = {
    "name": ANSWERS["Name"],
    "sigma": 0.1,
    "size": -3.0,
    "level": 7.0,
    "dark": False,
    "method": "Über [x]",
    "mode": "b c",
    "red": False,
    "green": True,
    "many": 12345678.25,
    "prefix": ANSWERS["Prefix"],
    "masks": False,
    "input": "input/",
    "output": "output/",
    "folder": "output/masks/",
    "flat": "input/b.txt",
}

MACRO = """
Dialog.create("Settings");
Dialog.addMessage("Set all of it");
Dialog.addString("Name:", "none");
Dialog.addNumber("Sigma (pixels)", 2);
Dialog.addNumber("Minimum_size", 10, 1, 6, "um");
Dialog.addSlider("Level", 0, 255, 100);
Dialog.addCheckbox("Dark background", true);
Dialog.addChoice("Method", newArray("Otsu", "Li", "Über [x]"), "Otsu");
Dialog.addRadioButtonGroup("Mode", newArray("a", "b c"), 1, 2, "a");
Dialog.addCheckboxGroup(1, 2, newArray("Red", "Green"), newArray(true, false));
Dialog.show();
said = "name=" + Dialog.getString() + "\\n";
said += "sigma=" + d2s(Dialog.getNumber(), 9) + "\\n";
said += "size=" + d2s(Dialog.getNumber(), 9) + "\\n";
said += "level=" + d2s(Dialog.getNumber(), 9) + "\\n";
said += "dark=" + Dialog.getCheckbox() + "\\n";
said += "method=" + Dialog.getChoice() + "\\n";
said += "mode=" + Dialog.getRadioButton() + "\\n";
said += "red=" + Dialog.getCheckbox() + "\\n";
said += "green=" + Dialog.getCheckbox() + "\\n";
said += "many=" + d2s(getNumber("How many?", 3), 9) + "\\n";
said += "prefix=" + getString("Prefix", "img") + "\\n";
said += "masks=" + getBoolean("Save masks?") + "\\n";
showMessageWithCancel("Go on", "All is set");
said += "input=" + getDirectory("Choose a Directory") + "\\n";
said += "output=" + getDir("Where to save it") + "\\n";
said += "folder=" + getDirectory("Choose a mask folder") + "\\n";
said += "flat=" + File.openDialog("Flat field") + "\\n";
waitForUser("Wait", "Look at it");
File.saveString(said, "output/said.txt");
"""

PYTHON = """
import codecs
from ij import IJ
from ij.gui import NonBlockingGenericDialog, WaitForUserDialog, YesNoCancelDialog
from ij.io import DirectoryChooser, OpenDialog
gd = NonBlockingGenericDialog("Settings")
gd.addMessage("Set all of it")
gd.addStringField("Name:", "none")
gd.addNumericField("Sigma (pixels)", 2, 1)
gd.addNumericField("Minimum_size", 10, 1, 6, "um")
gd.addSlider("Level", 0, 255, 100)
gd.addCheckbox("Dark background", True)
gd.addChoice("Method", ["Otsu", "Li", u"\\u00dcber [x]"], "Otsu")
gd.addRadioButtonGroup("Mode", ["a", "b c"], 1, 2, "a")
gd.addCheckboxGroup(1, 2, ["Red", "Green"], [True, False])
gd.showDialog()
assert not gd.wasCanceled() and gd.wasOKed() and not gd.invalidNumber()
said = [("name", gd.getNextString()), ("sigma", gd.getNextNumber()), ("size", gd.getNextNumber())]
said += [("level", gd.getNextNumber()), ("dark", gd.getNextBoolean()), ("method", gd.getNextChoice())]
said += [("mode", gd.getNextRadioButton()), ("red", gd.getNextBoolean()), ("green", gd.getNextBoolean())]
said += [("many", IJ.getNumber("How many?", 3)), ("prefix", IJ.getString("Prefix", "img"))]
said += [("masks", YesNoCancelDialog(None, "Masks", "Save masks?").yesPressed())]
assert IJ.showMessageWithCancel("Go on", "All is set")
said += [("input", IJ.getDirectory("Choose a Directory"))]
said += [("output", DirectoryChooser("Where to save it").getDirectory())]
said += [("folder", IJ.getDir("Choose a mask folder"))]
said += [("flat", OpenDialog("Flat field").getPath())]
WaitForUserDialog("Wait", "Look at it").show()
with codecs.open("output/said.txt", "w", "utf-8") as out:
    for name, value in said:
        out.write(u"%s=%s\\n" % (name, repr(value) if isinstance(value, float) else value))
"""

GROOVY = """
import ij.IJ
import ij.gui.GenericDialog
import ij.gui.WaitForUserDialog
import ij.gui.YesNoCancelDialog
import ij.io.DirectoryChooser
import ij.io.OpenDialog

def gd = new GenericDialog("Settings")
gd.addMessage("Set all of it")
gd.addStringField("Name:", "none")
gd.addNumericField("Sigma (pixels)", 2, 1)
gd.addNumericField("Minimum_size", 10, 1, 6, "um")
gd.addSlider("Level", 0, 255, 100)
gd.addCheckbox("Dark background", true)
gd.addChoice("Method", ["Otsu", "Li", "\\u00dcber [x]"] as String[], "Otsu")
gd.addRadioButtonGroup("Mode", ["a", "b c"] as String[], 1, 2, "a")
gd.addCheckboxGroup(1, 2, ["Red", "Green"] as String[], [true, false] as boolean[])
gd.showDialog()
if (gd.wasCanceled()) return
def said = [name: gd.getNextString(), sigma: gd.getNextNumber(), size: gd.getNextNumber(),
    level: gd.getNextNumber(), dark: gd.getNextBoolean(), method: gd.getNextChoice(),
    mode: gd.getNextRadioButton(), red: gd.getNextBoolean(), green: gd.getNextBoolean(),
    many: IJ.getNumber("How many?", 3), prefix: IJ.getString("Prefix", "img"),
    masks: new YesNoCancelDialog(null, "Masks", "Save masks?").yesPressed()]
assert IJ.showMessageWithCancel("Go on", "All is set")
said.input = IJ.getDirectory("Choose a Directory")
said.output = new DirectoryChooser("Where to save it").getDirectory()
said.folder = IJ.getDirectory("Choose a mask folder")
said.flat = IJ.getFilePath("Flat field")
new WaitForUserDialog("Wait", "Look at it").show()
new File("output/said.txt").withWriter("UTF-8") { out -> said.each { out.write("$it.key=$it.value\\n") } }
"""

BEANSHELL = """
import ij.IJ;
import ij.gui.GenericDialog;
import ij.gui.WaitForUserDialog;
import ij.gui.YesNoCancelDialog;
import ij.io.DirectoryChooser;
import ij.io.OpenDialog;

gd = new GenericDialog("Settings");
gd.addMessage("Set all of it");
gd.addStringField("Name:", "none");
gd.addNumericField("Sigma (pixels)", 2, 1);
gd.addNumericField("Minimum_size", 10, 1, 6, "um");
gd.addSlider("Level", 0, 255, 100);
gd.addCheckbox("Dark background", true);
gd.addChoice("Method", new String[] {"Otsu", "Li", "\\u00dcber [x]"}, "Otsu");
gd.addRadioButtonGroup("Mode", new String[] {"a", "b c"}, 1, 2, "a");
gd.addCheckboxGroup(1, 2, new String[] {"Red", "Green"}, new boolean[] {true, false});
gd.showDialog();
said = "name=" + gd.getNextString() + "\\n";
said += "sigma=" + gd.getNextNumber() + "\\n";
said += "size=" + gd.getNextNumber() + "\\n";
said += "level=" + gd.getNextNumber() + "\\n";
said += "dark=" + gd.getNextBoolean() + "\\n";
said += "method=" + gd.getNextChoice() + "\\n";
said += "mode=" + gd.getNextRadioButton() + "\\n";
said += "red=" + gd.getNextBoolean() + "\\n";
said += "green=" + gd.getNextBoolean() + "\\n";
said += "many=" + IJ.getNumber("How many?", 3) + "\\n";
said += "prefix=" + IJ.getString("Prefix", "img") + "\\n";
said += "masks=" + new YesNoCancelDialog(null, "Masks", "Save masks?").yesPressed() + "\\n";
IJ.showMessageWithCancel("Go on", "All is set");
said += "input=" + IJ.getDirectory("Choose a Directory") + "\\n";
said += "output=" + new DirectoryChooser("Where to save it").getDirectory() + "\\n";
said += "folder=" + IJ.getDirectory("Choose a mask folder") + "\\n";
said += "flat=" + new OpenDialog("Flat field", "").getPath() + "\\n";
new WaitForUserDialog("Wait", "Look at it").show();
out = new java.io.OutputStreamWriter(new java.io.FileOutputStream("output/said.txt"), "UTF-8");
out.write(said);
out.close();
"""

SCRIPTS = {"asks.ijm": MACRO, "asks.py": PYTHON, "asks.groovy": GROOVY, "asks.bsh": BEANSHELL}


def read_said(text: str, work: str = "") -> dict[str, Any]:
    """Return what a script wrote, with numbers and booleans as such, and paths in the folder `work`."""
    said: dict[str, Any] = {}
    for line in text.splitlines():
        name, _, value = line.partition("=")
        expected = SAID.get(name)
        if isinstance(expected, bool):
            said[name] = value.lower() in ("1", "true")
        elif isinstance(expected, float):
            said[name] = float(value)
        else:
            said[name] = value.removeprefix(f"{work}/")
    return said
