"""The data plane: ministack's SQS, S3 (objects as plain files) and CloudWatch Logs.

Run as `python -m distributed_fiji.local.dataplane ROOT`; all else is in the environment that `servers` gives.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Serve until a signal ends the process."""
    from ministack import app

    del sys.argv[1:]
    app.main()


if __name__ == "__main__":
    main()
