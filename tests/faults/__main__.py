"""`python -m tests.faults [FAULT …]`: run the fault campaign and print its table.

Exit codes: 0 every fault was withstood · 1 one was not · 2 no such fault.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.emulators import CLIENT_ENVIRONMENT
from tests.faults.campaign import BY_NAME, FAULTS, run_faults
from tests.faults.ground import Ground
from tests.faults.report import problems, table


def main(arguments: list[str]) -> int:
    """Run the named faults, or all of them; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="Run the fault campaign.")
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=f"of {' '.join(BY_NAME)}; none: all")
    parser.add_argument("--seed", type=int, default=1, help="what all chance comes from (default 1)")
    parser.add_argument("--short", action="store_true", help="the short form that the tests run")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.faults if name not in BY_NAME]:
        parser.error(f"no such fault: {' '.join(unknown)}; there are {' '.join(BY_NAME)}")
    _hide_accounts()
    chosen = [fault for fault in FAULTS if not options.faults or fault.name in options.faults]
    started_at = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="faults-") as folder,
        Ground(Path(folder), options.seed) as ground,
    ):
        rows = run_faults(ground, chosen, short=options.short)
    print(table(rows))
    print(f"\nSeed {options.seed}, {(time.monotonic() - started_at) / 60:.1f} minutes.")
    if said := problems(rows):
        print(f"\n{said}")
    return 1 if said else 0


def _hide_accounts() -> None:
    """Hide the developer's account from everything here and in processes started here."""
    for name in [name for name in os.environ if name.startswith("AWS_") and name != "AWS_CA_BUNDLE"]:
        del os.environ[name]
    os.environ.update(CLIENT_ENVIRONMENT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
