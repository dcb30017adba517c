import ij.IJ
import ij.Macro
import ij.gui.DialogListener
import ij.gui.GenericDialog
import ij.gui.NonBlockingGenericDialog

// What a command's dialog reads from options, field by field, printed as "case: values".
Thread.currentThread().setName("Run\$_options")

class Reads implements DialogListener {
    int times = 0
    Closure reader
    List<Object> read = []
    boolean dialogItemChanged(GenericDialog dialog, java.awt.AWTEvent event) { times++; read << reader(dialog); return true }
}

say = { name, options, add, read ->
    Macro.setOptions(options ?: "other=1")
    def dialog = name.startsWith("non-blocking") ? new NonBlockingGenericDialog("Title") : new GenericDialog("Title")
    def told
    try {
        add(dialog)
        def reads = new Reads(reader: read)
        dialog.addDialogListener(reads)
        dialog.showDialog()
        told = [read(dialog), reads.times, reads.read, dialog.wasCanceled(), dialog.wasOKed(), dialog.invalidNumber(), dialog.isPreviewActive()]
    } catch (IndexOutOfBoundsException gone) {
        told = "no such field"
    }
    println "> " + name + " | " + options.trim() + " | " + told.toString().replace("\n", "/")
}

numbers = [
    "", "sigma=2.5", "sigma=0x1f", "sigma=0xzz", "sigma=1e3", "sigma=[ 4 ]", "sigma=-3", "sigma=+3", "sigma=2d", "sigma=0.123",
    "sigma=0.12345", "sigma=5 sigma_0=6 sigma_1=7", "xsigma=9 sigma=1", "x_sigma=9", "not-sigma=9", "sigma='8'", "angle=33.333",
    "low=3 high=4 fine=0.33 step=0.5", "low=500", "exponent=1.5E-7", "nothing=4", "sigma=NaN nothing=NaN", "sigma=5 value=6",
]
numbers.each { options -> say("numbers", options, { d ->
    d.addNumericField("Sigma (radius):", 0.12345, 3)
    d.addNumericField("Sigma of the second:", 2)
    d.addNumericField(" Sigma", 7.25, 2, 6, "pixels")
    d.addSlider("Low", 0, 255, 300)
    d.addSlider("High value", 0, 2, 1.255)
    d.addSlider("Fine:", 0, 1, 0.337)
    d.addSlider("Step", 0, 10, 3.14159, 0.25)
    d.addSlider("Angle:", -180, 180, 12.3456, 0.1)
    d.addNumericField("Exponent", 1.234567e-7, -3)
    d.addNumericField("Nothing", Double.NaN, 2)
}, { d -> (1..10).collect { d.getNextNumber() } }) }

texts = [
    "", "name=a", "name=[a b]", "name=[]", "name=[a [b] c]", "name=na", "name=[name]", "number=12", "number=x", "name='q r'",
    "_=z", "name=a name_0=b", "directory=/in file=/in/a.tif", "directory=[/in it/] file=[]", "directory_0=/x", "lines=[1\n2]",
    "directory=/a directory_1=/b", "more=/x directory=/y",
]
texts.each { options -> say("texts", options, { d ->
    d.addStringField("Name:", "proposed")
    d.addStringField("Number", "3")
    d.addStringField("Name again", "", 20)
    d.addDirectoryField("Directory", "/tmp")
    d.addDirectoryField("Directory of more", "", 20)
    d.addFileField("File", null)
    d.addStringField("Lines", "one\ntwo")
    d.addToSameRow()
    d.addStringField("_", "same")
    d.addStringField("Null", null)
}, { d -> (1..9).collect { "'" + d.getNextString() + "'" } }) }

boxes = [
    "", "dark", "dark ", "light", "dark light", "[dark]", "name=[dark light]", "name=dark light", "darker", "dark=1", "not_dark",
    "dark dark_0", "dark_0", "red green blue", "x red", "red=[green blue]", "blue_0", "sixth seventh", "my dark", "name=[a b] dark",
    "name=[] dark", "a =dark dark",
]
boxes.each { options -> say("boxes", options, { d ->
    d.addCheckbox("Dark background", true)
    d.addCheckbox("Light", false)
    d.addCheckbox("Dark again", false)
    d.addCheckboxGroup(2, 2, ["Red", "", "Green", "Blue", "Fifth"] as String[], [true, true, false, false, true] as boolean[])
    d.addCheckboxGroup(1, 2, ["Sixth", "Seventh"] as String[], [true, false] as boolean[], ["one"] as String[])
    d.addCheckbox("Blue", true)
    d.addPreviewCheckbox(null)
}, { d -> (1..9).collect { d.getNextBoolean() } }) }
boxes.take(4).each { options -> say("too many boxes", options, { d -> d.addCheckbox("Dark", true) }, { d -> (1..2).collect { d.getNextBoolean() } }) }

choices = [
    "", "method=Otsu", "method=Li", "method=[Max Entropy]", "method=otsu method_0=Huang", "method=[Not there]", "kind=b", "kind=[]",
    "again=Li", "method_0=Li", "way=up", "way=sideways", "rbg2=no", "rbg1=no", "rbg=no", "image=b", "image=c",
]
choices.each { options ->
    say("choices", options, { d ->
        d.addChoice("Method:", ["Otsu", "Li", "Max Entropy", "Li"] as String[], "Li")
        d.addChoice("Method again", ["Huang", "Li"] as String[], "Gone")
        d.addChoice("Kind", ["a", "b"] as String[], null)
        d.addRadioButtonGroup("Way", ["up", "down"] as String[], 1, 2, "down")
        d.addRadioButtonGroup(null, ["yes", "no"] as String[], 1, 2, "yes")
        d.addRadioButtonGroup("", ["yes", "no"] as String[], 1, 2, "neither")
    }, { d -> (1..3).collect { d.getNextChoice() } + (1..3).collect { d.getNextRadioButton() } })
}
["", "method=Otsu", "method=[Max Entropy]", "kind=b", "method_0=Li image=b"].each { options ->
    say("choices by number", options, { d ->
        d.addChoice("Method:", ["Otsu", "Li", "Max Entropy", "Li"] as String[], "Li")
        d.addChoice("Method again", ["Huang", "Li"] as String[], "Gone")
        d.addChoice("Kind", ["a", "b"] as String[], null)
    }, { d -> [d.getNextChoiceIndex(), d.getNextChoice(), d.getNextChoiceIndex()] })
}
IJ.createImage("a", "8-bit ramp", 8, 8, 1).show()
IJ.createImage("b", "8-bit ramp", 8, 8, 1).show()
["", "image=a", "image=b", "image=a image_0=b"].each { options ->
    say("images", options, { d -> d.addImageChoice("Image", "b"); d.addImageChoice("Image again", null) },
        { d -> [d.getNextImage().getTitle(), d.getNextImage().getTitle()] })
}

areas = ["", "text1=a", "text1=[a\nb]", "text1=[] text2=x", "text2=[1 2\n3 4\n]", "text1=[0 0 0\n0 2 0\n0 0 0\n] normalize", "text=a"]
areas.each { options ->
    say("areas", options, { d -> d.addTextAreas("one\ntwo", "three", 5, 20); d.addTextAreas("lost", "lost", 5, 20); d.addCheckbox("Normalize", true) },
        { d -> [d.getNextText(), d.getNextText(), d.getNextText(), d.getNextBoolean(), d.getTextArea1().getText()] })
    say("one area", options, { d -> d.addTextAreas("oneSCROLLBARS_VERTICAL_ONLY", null, 5, 20) }, { d -> [d.getNextText(), d.getNextText()] })
    say("non-blocking area", options, { d -> d.addMessage("Kernel:\nof odd size"); d.addTextAreas("oneSCROLLBARS_BOTH", null, 5, 20); d.getMessage().setText("3x3\nkernel") },
        { d -> [d.getNextText(), d.getMessage().getClass().getSimpleName()] })
}

say("nothing", "sigma=3", { d -> d.addMessage("Nothing to read"); d.getMessage().setText("still") },
    { d -> [d.getNextNumber(), d.getNextString(), d.getNextBoolean(), d.getNextChoice(), d.getNextChoiceIndex(), d.getNextRadioButton(), d.getNextText(), d.getMessage().getClass().getSimpleName()] })
say("enum", "unit=DAYS", { d -> d.addEnumChoice("Unit", java.util.concurrent.TimeUnit.HOURS) }, { d -> [d.getNextEnumChoice(java.util.concurrent.TimeUnit)] })
say("some enums", "unit=DAYS", { d -> d.addEnumChoice("Unit", [java.util.concurrent.TimeUnit.HOURS, java.util.concurrent.TimeUnit.DAYS] as java.util.concurrent.TimeUnit[], null) }, { d -> [d.getNextEnumChoice(java.util.concurrent.TimeUnit)] })
say("all kinds of one name", "value=5 value_0=six value_1 value_2=b value_3=r", { d ->
    d.addNumericField("Value", 1, 0)
    d.addStringField("Value", "x")
    d.addCheckbox("Value", false)
    d.addChoice("Value", ["a", "b"] as String[], "a")
    d.addRadioButtonGroup("Value", ["q", "r"] as String[], 1, 2, "q")
}, { d -> [d.getNextNumber(), d.getNextString(), d.getNextBoolean(), d.getNextChoice(), d.getNextRadioButton()] })
say("shown twice", "value=5", { d -> d.addNumericField("Value", 1, 0); d.showDialog(); d.showDialog() }, { d -> [d.getNextNumber()] })
Macro.setOptions(null)
