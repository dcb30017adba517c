"""One round of the janitor from its real package, in a Python that has no more than Lambda's runtime has.

Run as `python -m tests.monitor.roundhouse PACKAGE.zip`, the environment as Lambda gives it. Every module that
is neither of the standard library, nor of boto3, nor in the package is refused, as if it were not there.
"""

from __future__ import annotations

import importlib
import sys
from importlib.abc import MetaPathFinder
from typing import Any

#: boto3 and what it needs.
RUNTIME = {"boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six", "certifi"}


class LambdaRuntime(MetaPathFinder):
    """Refuses what Lambda's runtime does not bring."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> None:
        top = name.partition(".")[0]
        if top in sys.stdlib_module_names or top in RUNTIME or top in ("distributed_fiji", "worker"):
            return
        raise ModuleNotFoundError(f"Lambda's runtime has no {name}", name=name)


def main(package: str) -> None:
    """Do one round."""
    sys.path.insert(0, package)
    sys.meta_path.insert(0, LambdaRuntime())
    module = importlib.import_module("distributed_fiji.janitor.handler")
    origin = module.__spec__.origin if module.__spec__ else ""
    assert str(origin).startswith(package), origin
    module.handler({}, None)


if __name__ == "__main__":
    main(sys.argv[1])
