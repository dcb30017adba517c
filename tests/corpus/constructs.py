"""What published scripts consist of, by text: each construct must occur in at least three corpus scripts.

The constructs were counted in 1,995 published macros and scripts. Each occurred in at least 2 %, or is a form
of one that did.
"""

from __future__ import annotations

import re

_QUOTE = r"""["']"""

CONSTRUCTS = {
    name: re.compile(pattern, re.MULTILINE)
    for name, pattern in {
        "selectWindow": r"\bselectWindow\(",
        "selectImage": r"\bselectImage\(",
        "selectWindow of the Results": rf"\bselectWindow\({_QUOTE}Results{_QUOTE}\)",
        "selectWindow of the Log": rf"\bselectWindow\({_QUOTE}Log{_QUOTE}\)",
        "selectWindow of the Summary": rf"\bselectWindow\({_QUOTE}Summary{_QUOTE}\)",
        "isOpen": r"\bisOpen\(",
        "setBatchMode": r"\bsetBatchMode\(",
        "IJ.getImage": r"\bIJ\.getImage\(\)",
        "show()": r"\bimp\.show\(\)",
        "getDirectory": rf"(?<!IJ\.)\bgetDirectory\({_QUOTE}",
        "IJ.getDirectory": r"\bIJ\.getDirectory\(",
        "getDir": r"\bgetDir\(",
        "Close All": rf"\brun\({_QUOTE}Close All{_QUOTE}\)",
        "roiManager of macros": r"\broiManager\(",
        "RoiManager of scripts": r"\bRoiManager\b",
        "To ROI Manager": r"To ROI Manager",
        "ADD_TO_MANAGER": r"\bADD_TO_MANAGER\b",
        "macro block": rf"^macro\s+{_QUOTE}",
        "getNumber": r"\bgetNumber\(",
        "getString": r"(?<!Dialog\.)\bgetString\(",
        "getBoolean": r"\bgetBoolean\(",
        "Analyze Particles": r"Analyze Particles\.\.\.",
        "Dialog.create": r"\bDialog\.create\(",
        "GenericDialog": r"\bGenericDialog\(",
        "#@ parameters": r"^# ?@",
        "#@ choices without a value": r"^#@ String \((?!.*\bvalue).*\bchoices",
        "Bio-Formats Importer": r"Bio-Formats Importer",
        "Ext": r"\bExt\.\w+\(",
        "saveAs Results": rf"\bsaveAs\({_QUOTE}Results{_QUOTE}",
        "run Close": rf"\brun\({_QUOTE}Close{_QUOTE}\)",
        "close Results": rf"\bclose\({_QUOTE}Results{_QUOTE}\)",
        "close *": rf"\bclose\({_QUOTE}\*{_QUOTE}\)",
        "showMessage": r"\bshowMessage\(",
        "Table.*": r"\bTable\.\w+",
        "Table.create": r"\bTable\.create\(",
        "waitForUser": r"\bwaitForUser\(|\bWaitForUserDialog\(",
        "hard-coded folder": rf"{_QUOTE}(?:[A-Z]:[\\/]|/Users/|/home/)",
        "MorphoLibJ": r"Morphological Filters|Analyze Regions|\binra\.ijpb\b",
        "OpenDialog": r"\bFile\.openDialog\(|\bOpenDialog\(",
        "Measure": rf"{_QUOTE}Measure{_QUOTE}",
        "Measure Stack": r"Measure Stack\.\.\.",
        "getInfo of the log": rf"\bgetInfo\({_QUOTE}log{_QUOTE}\)",
        "Find Maxima with Count": r"Find Maxima\.\.\..*output=Count",
        "Image Sequence": r"Image Sequence\.\.\.",
        "getArgument": r"\bgetArgument\(",
        "summarize": rf"{_QUOTE}[^\n]*\bsummarize{_QUOTE}",
        "String.copyResults": r"\bString\.copyResults\b",
    }.items()
}
#: The least share of each language's scripts; published ones are mostly macros.
LEAST_SHARE = {".ijm": 0.4, ".py": 0.2, ".groovy": 0.1, ".bsh": 0.08}
