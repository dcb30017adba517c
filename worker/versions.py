"""What this worker is made of: FIJI, Java and script languages by their files, its image as ECS tells.

No program is started to ask for a version.
"""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from worker import VERSION

#: What each version is read from: the name of a jar in FIJI's folder `jars`, up to its version.
JARS = {
    "fiji": "fiji",
    "imagej": "ij",
    "scijava": "scijava-common",
    "jython": "jython(?:-standalone|-shaded)?",
    "groovy": "groovy",
}
#: A Java home below FIJI's folder: its own, ImageJ core's, or none.
JAVA_HOMES = ("java", "java/*/*", "java/*/*/jre")
ANSWER_SECONDS = 2.0


def versions(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the versions of the worker and of what FIJI_HOME holds; what is not there is left out."""
    found = {"worker": VERSION}
    if home := environ.get("FIJI_HOME"):
        names = sorted(path.name for path in Path(home, "jars").glob("*.jar"))
        for what, pattern in JARS.items():
            matches = [match for name in names if (match := re.fullmatch(rf"{pattern}-(\d.*)\.jar", name))]
            if matches:
                found[what] = matches[-1][1]
        if java := _java_version(Path(home), environ.get("JAVA_HOME", "")):
            found["java"] = java
    return found


def image_of(environ: Mapping[str, str]) -> str:
    """Return the image of this container as NAME@DIGEST, or "" outside of ECS.

    Source: ECS developer guide, "Task metadata endpoint version 4": Image and ImageID of the container.
    """
    address = environ.get("ECS_CONTAINER_METADATA_URI_V4", "")
    if not address.startswith("http://"):
        return ""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address, timeout=ANSWER_SECONDS) as answer:
            document = json.loads(answer.read(65536))
        name, digest = str(document.get("Image") or ""), str(document.get("ImageID") or "")
    except (OSError, ValueError, AttributeError):
        return ""
    return f"{name}@{digest}" if digest else name


def _java_version(home: Path, java_home: str) -> str:
    own = [path for pattern in JAVA_HOMES for path in sorted(home.glob(pattern))]
    for folder in [*own, *([Path(java_home)] if java_home else [])]:
        try:
            release = (folder / "release").read_text(encoding="utf-8")
        except OSError:
            continue
        if found := re.search(r'^JAVA_VERSION="([^"]+)"', release, re.MULTILINE):
            return found[1]
    return ""
