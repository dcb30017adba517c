"""Scripts that work on an image that a person opened first, judged by their text. Standard library only.

Such a script opens nothing itself. A job opens its only input first, or what the answer `open_image` names
(docs/scripts.md#the-image-in-front).
"""

from __future__ import annotations

import re

#: The answer that names what a job opens before its script starts: a file, a folder, or a list of them.
OPEN_IMAGE = "open_image"

#: What opens or makes an image, in any language. `File.open` writes a text; Python's own `open` reads one.
_OPENS = re.compile(
    r"(?<!File\.)(?<![\w$])open(?:Image|Using\w*|Virtual\w*|Tiff\w*|Sequence|Stack)?\s*\("
    r"|\b(?:newImage|createImage|createHyperStack|openImage|openImagePlus|openVirtual|openSequence|openTiff\w*)\s*\("
    r"|\b(?:Opener|FolderOpener|NewImage|BF|ImporterOptions|ImageReader|DatasetIOService|ChannelSeparator)\b"
    r"|Bio-Formats|\bIJ\.(?:open|create\w*)\b|ImagePlus\s*\(|(?<!File)\.open\s*\("
    r"|run\([^\"'\n]*[\"'](?:Image Sequence|Open\b|Raw|TIFF Virtual|AVI\.\.\.|New\b|Text Image"
    r"|Internal Clipboard|System Clipboard|URL|Blobs|Boats|Hyperstack\.\.\.|Import)"
)
_PYTHON_OPEN = re.compile(r"(?<![\w.])open\s*\(")
_DECLARED = re.compile(r"^\W*@\s*(?:ij\.)?(?:ImagePlus|Dataset|ImageDisplay|Img)\b", re.MULTILINE)
#: What a script does with an image in front: the macro language's words, then those of ImageJ's classes.
_USES = re.compile(
    r"\b(?:getTitle|getImageID|getDimensions|getDirectory\s*\(\s*[\"']image[\"']|getStatistics|getPixelSize|rename"
    r"|nSlices|nImages|selectImage|setSlice|saveAs|makeRectangle|duplicate|run)\b"
    r"|\bIJ\.(?:getImage|run)\b|\bWindowManager\b|\b(?:getCurrentImage|getIDList|getImageCount)\b"
)
#: A script that needs no open image.
_WANTS_NONE = re.compile(
    r"\bnImages\s*(?:\(\s*\))?\s*(?:(?:>|!=)\s*0|>=\s*1)\s*\)\s*\{?\s*(?:exit|showMessage)"
)
#: What goes through all open images: a loop, a count, a list of them.
_ALL = re.compile(
    r"<=?\s*nImages\b|=\s*nImages\b|\bnewArray\s*\(\s*nImages\b|\b(?:getIDList|getImageCount|getImageTitles)\s*\("
    r"|\bgetList\s*\(\s*[\"']image\.titles"
)
#: Work on the image in front, except for commands that only set something.
_ONE = re.compile(
    r"\b(?:getTitle|getImageID|getDimensions|getStatistics|selectImage|selectWindow|rename|nSlices|getImage)\b"
    r"|\bStack\."
    r"|\brun\s*\((?!\s*[\"'](?:Set Measurements|Clear Results|Options|Conversions|Colors|Input/Output|ROI M))"
)
#: Conditions, and the loop that closes whatever is open.
_ASIDE = re.compile(r"\b(?:if|while)\s*\(\s*nImages[^)]*\)")
_COMMENTS = {
    ".py": re.compile(r"(?m)^\s*#(?!@).*$"),
    "": re.compile(r"(?s)/\*.*?\*/|(?<![:\"'])//(?!\s*@)[^\n]*"),
}


def wants_image_in_front(script: str, ending: str) -> bool:
    """Whether a script works on an image and opens none itself, as far as its text shows.

    `ending`: from `ending_of`. A script that declares an image gets it as a parameter.
    """
    text = _code(script, ending)
    opens = _OPENS.search(text) or _DECLARED.search(text)
    return bool(_USES.search(text)) and not opens and not _WANTS_NONE.search(text)


def wants_all_images(script: str, ending: str) -> bool:
    """Whether a script begins by going through all open images, and opens none itself."""
    text = _ASIDE.sub("", _code(script, ending))
    every = _ALL.search(text)
    first = _ONE.search(text)
    begins = every is not None and (first is None or every.start() < first.start())
    return begins and wants_image_in_front(script, ending)


def is_nothing_without_images(script: str, ending: str) -> bool:
    """Whether a script that opens no image is only about images: without one it has done nothing."""
    text = _ASIDE.sub("", _code(script, ending))
    return bool(_ALL.search(text)) and wants_image_in_front(script, ending)


def _code(script: str, ending: str) -> str:
    """Return a script without its comments and without Python's own way of opening a file."""
    text = _COMMENTS.get(ending, _COMMENTS[""]).sub("", script)
    return _PYTHON_OPEN.sub("", text) if ending == ".py" else text
