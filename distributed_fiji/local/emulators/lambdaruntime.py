"""Lambda's Python runtime on this computer: one call of a function from its package.

Run as `python -I lambdaruntime.py PID FOLDER/PACKAGE.zip MODULE.FUNCTION`, with the environment that Lambda
sets. Like Lambda, it offers only the standard library, boto3 and the package: any other module is refused as
if it did not exist. LOCAL_SITE names a folder whose sitecustomize.py runs first, which an isolated Python
does not do by itself. This file uses only the standard library, since it is outside every package.

PID is the cloud's control plane: a call does not outlive it, however it ended.
"""

from __future__ import annotations

import importlib
import os
import runpy
import shutil
import sys
import threading
import time
import zipfile
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

#: boto3 and its dependencies (Lambda developer guide, "Runtime-included SDK versions").
BROUGHT = {"boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six", "certifi"}

#: How often a call looks whether its cloud still runs.
LOOK_SECONDS = 0.5


class PackageFinder(MetaPathFinder):
    """Refuses modules that are neither in Lambda's runtime nor in the package."""

    def __init__(self, package: str) -> None:
        with zipfile.ZipFile(package) as archive:
            self._packed = {name.partition("/")[0].removesuffix(".py") for name in archive.namelist()}

    def find_spec(self, name: str, path: Any, target: Any = None) -> None:
        """Return None for modules that may be imported. Raises ModuleNotFoundError for others."""
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names and top not in BROUGHT and top not in self._packed:
            raise ModuleNotFoundError(f"Lambda's runtime has no {name}", name=name)


def call(package: str, handler: str) -> None:
    """Call a handler once, as a schedule does."""
    sys.path.insert(0, package)
    sys.meta_path.insert(0, PackageFinder(package))
    if site := os.environ.get("LOCAL_SITE"):
        runpy.run_path(f"{site}/sitecustomize.py", run_name="sitecustomize")
    module_name, _, function = handler.rpartition(".")
    module = importlib.import_module(module_name)
    getattr(module, function)({"source": "aws.events", "detail-type": "Scheduled Event"}, None)


def end_with(cloud: int, folder: Path) -> None:
    """End this process once the process that started it is gone; remove its folder, which no one else does.

    An orphan gets another parent (POSIX, _exit).
    """
    while os.getppid() == cloud:
        time.sleep(LOOK_SECONDS)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=end_with, args=(int(sys.argv[1]), Path(sys.argv[2]).parent), daemon=True).start()
    call(*sys.argv[2:])
