"""The versions of this worker's parts: FIJI, Java and script languages by their files, the image by ECS.

ECS names this worker's task, too.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from worker import VERSION
from worker.contract.fijihome import describe

ANSWER_SECONDS = 2.0


def versions(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the versions of the worker and of what FIJI_HOME holds; missing parts are left out."""
    found = {"worker": VERSION}
    home = environ.get("FIJI_HOME")
    fiji = describe(Path(home), environ) if home else None
    if fiji:
        java = {"java": fiji.java.version} if fiji.java and fiji.java.version else {}
        found |= {**fiji.versions, **java, "launcher": f"{fiji.kind.value}, {fiji.architecture}"}
    return found


def image_of(environ: Mapping[str, str]) -> str:
    """Return the image of this container as NAME@DIGEST, or "" outside ECS."""
    document = _container(environ)
    name, digest = str(document.get("Image") or ""), str(document.get("ImageID") or "")
    return f"{name}@{digest}" if digest else name


def task_of(environ: Mapping[str, str]) -> str:
    """Return the ID of this worker's ECS task, or "" outside ECS."""
    labels = _container(environ).get("Labels")
    arn = labels.get("com.amazonaws.ecs.task-arn") if isinstance(labels, dict) else ""
    return str(arn or "").rpartition("/")[2]


def _container(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return what ECS says of this container: Image, ImageID and Labels, among others; {} outside ECS.

    Source: ECS developer guide, "Task metadata endpoint version 4".
    """
    address = environ.get("ECS_CONTAINER_METADATA_URI_V4", "")
    if not address.startswith("http://"):
        return {}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address, timeout=ANSWER_SECONDS) as answer:
            document = json.loads(answer.read(65536))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
