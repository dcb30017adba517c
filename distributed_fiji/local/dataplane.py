"""The data plane: ministack's SQS, S3 (objects as plain files) and CloudWatch Logs.

Run as `python -m distributed_fiji.local.dataplane ROOT`; all else is in the environment that `servers` gives.
"""

from __future__ import annotations

import sys
from pathlib import Path

from distributed_fiji.local import watchdog
from distributed_fiji.local.state import DATA_PLANE


def main() -> None:
    """Serve until a signal ends the process."""
    from ministack import app

    watchdog.guard(Path(sys.argv.pop(1)), DATA_PLANE)
    app.main()


if __name__ == "__main__":
    main()
