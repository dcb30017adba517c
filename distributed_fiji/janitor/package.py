"""The janitor's package: this project's monitoring code as a zip, and nothing else.

The Lambda runtime includes boto3; the handler imports nothing beyond it and the standard library.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]

#: What the handler needs, as paths in the checkout: files, and folders with all their Python files. Modules
#: that need more than the standard library and boto3 are not imported there.
PARTS = (
    "distributed_fiji/__init__.py",
    "distributed_fiji/changes.py",
    "distributed_fiji/clock.py",
    "distributed_fiji/errors.py",
    "distributed_fiji/jobnames.py",
    "distributed_fiji/names.py",
    "distributed_fiji/aws",
    "distributed_fiji/janitor",
    "distributed_fiji/monitor",
    "distributed_fiji/state",
    "worker/__init__.py",
    "worker/contract",
)

#: The handler's name in the zip made by build_package().
HANDLER = "distributed_fiji.janitor.handler.handler"

#: The earliest time that a zip can hold. The same code then gives the same bytes, so an unchanged janitor is
#: kept.
EPOCH = (1980, 1, 1, 0, 0, 0)


def list_modules() -> list[str]:
    """Return the files of the package, as sorted paths in the checkout."""
    parts = [CHECKOUT / part for part in PARTS]
    files = [part for part in parts if part.is_file()]
    files += [file for part in parts for file in part.glob("*.py")]
    return sorted(file.relative_to(CHECKOUT).as_posix() for file in files)


def build_package() -> bytes:
    """Return the zip that Lambda runs."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in list_modules():
            info = zipfile.ZipInfo(name, EPOCH)
            info.external_attr = 0o644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, (CHECKOUT / name).read_bytes())
    return buffer.getvalue()
