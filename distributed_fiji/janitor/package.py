"""The janitor's package: this project's own monitoring code as a zip, nothing else.

The Lambda runtime brings boto3; no module in here may need more than that and the standard library.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]

#: Every module that the handler needs, by its path in the checkout.
MODULES = (
    "distributed_fiji/__init__.py",
    "distributed_fiji/actions.py",
    "distributed_fiji/aws.py",
    "distributed_fiji/clock.py",
    "distributed_fiji/deadletters.py",
    "distributed_fiji/documents.py",
    "distributed_fiji/errors.py",
    "distributed_fiji/janitor/__init__.py",
    "distributed_fiji/janitor/handler.py",
    "distributed_fiji/janitor/names.py",
    "distributed_fiji/janitor/removal.py",
    "distributed_fiji/janitor/tending.py",
    "distributed_fiji/janitor/turn.py",
    "distributed_fiji/jobstate.py",
    "distributed_fiji/logexport.py",
    "distributed_fiji/lastwords.py",
    "distributed_fiji/lookups.py",
    "distributed_fiji/meter.py",
    "distributed_fiji/monitoring.py",
    "distributed_fiji/names.py",
    "distributed_fiji/notdone.py",
    "distributed_fiji/nothingruns.py",
    "distributed_fiji/observing.py",
    "distributed_fiji/openruns.py",
    "distributed_fiji/pace.py",
    "distributed_fiji/plans.py",
    "distributed_fiji/recount.py",
    "distributed_fiji/refusals.py",
    "distributed_fiji/removal.py",
    "distributed_fiji/rounds.py",
    "distributed_fiji/runfacts.py",
    "distributed_fiji/snapshot.py",
    "distributed_fiji/spending.py",
    "distributed_fiji/statefiles.py",
    "distributed_fiji/submissions.py",
    "distributed_fiji/teardown.py",
    "distributed_fiji/verdicts.py",
    "worker/__init__.py",
    "worker/contract.py",
    "worker/contract_locations.py",
    "worker/contract_paths.py",
    "worker/contract_state.py",
    "worker/contract_text.py",
)

#: What Lambda calls, in a zip made by build_package().
HANDLER = "distributed_fiji.janitor.handler.handler"

#: Zip knows no time before 1980; the same code gives the same bytes, so that an unchanged janitor is kept.
EPOCH = (1980, 1, 1, 0, 0, 0)


def build_package() -> bytes:
    """Return the zip that Lambda runs."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in MODULES:
            info = zipfile.ZipInfo(name, EPOCH)
            info.external_attr = 0o644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, (CHECKOUT / name).read_bytes())
    return buffer.getvalue()
