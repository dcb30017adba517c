"""`python validate.py CRATE CONTEXT FOLDER`: write what a validator finds in a crate to FOLDER/found.json.

Runs in the environment of requirements.txt. The validator is offline; the one document that it needs from the
network, RO-Crate's context, is put into its cache from a file.
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests_cache import CachedSession
from rocrate_validator import models, services
from urllib3 import HTTPResponse

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
PROFILE = "process-run-crate-0.5"
#: The headers with which the validator may ask for a context; a cache tells answers apart by them.
KINDS = (None, "application/ld+json, application/json", "application/ld+json", "application/json")


class FromFile(HTTPAdapter):
    """Answers every request with a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        super().__init__()

    def send(self, request: PreparedRequest, *_: Any, **__: Any) -> Response:
        """Return the file as an answer."""
        headers = {"Content-Type": "application/ld+json"}
        body = io.BytesIO(self._file.read_bytes())
        return self.build_response(request, HTTPResponse(body, headers, 200, preload_content=False))


def main(crate: str, context: Path, folder: Path) -> None:
    """Fill the cache, validate, write severity, check and message of each finding."""
    cache = folder / "cache"
    session = CachedSession(cache_name=str(cache), backend="sqlite", expire_after=-1)
    session.mount("https://", FromFile(context))
    for kind in KINDS:
        session.get(CONTEXT, headers={"Accept": kind} if kind else None)
    settings = services.ValidationSettings(
        rocrate_uri=crate,
        profile_identifier=PROFILE,
        cache_path=cache,
        offline=True,
        requirement_severity=models.Severity.RECOMMENDED,
    )
    found = services.validate(settings).get_issues()
    rows = [[one.severity.name, one.check.identifier, one.message] for one in found]
    (folder / "found.json").write_text(json.dumps(rows))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
