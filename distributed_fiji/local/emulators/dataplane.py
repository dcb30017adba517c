"""The data plane: ministack's SQS, S3 (objects as plain files) and CloudWatch Logs.

Run as `python -m distributed_fiji.local.emulators.dataplane ROOT`; everything else is in the environment that
`servers` sets.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from distributed_fiji.local import doors, watchdog
from distributed_fiji.local.emulators import objects
from distributed_fiji.local.state import DATA_PLANE, Folders


def main() -> None:
    """Serve until a signal ends the process."""
    # On import, it loads its objects unless told that there are none.
    os.environ["S3_PERSIST"] = "0"
    from ministack import app
    from ministack.services import s3

    root = Path(sys.argv.pop(1))
    watchdog.guard(root, DATA_PLANE)
    folders = Folders(root)
    objects.install(s3, folders.objects, folders.facts)
    door = doors.Door(os.environ[doors.VARIABLE], int(os.environ["GATEWAY_PORT"]), tasks=True)
    app.app = doors.asgi(app.app, door)
    app.main()


if __name__ == "__main__":
    main()
