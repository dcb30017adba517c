"""`python -m benchmarks [NAME …]`: run these benchmarks, or all, one after another, each in its own process.

Exit codes: 0 every target is met · 1 one is missed, or a benchmark failed · 2 there is no such benchmark.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

#: Modules that benchmarks share.
HELPERS = {"__init__", "__main__", "account", "common", "distance", "looks", "plain"}


def main(names: list[str]) -> int:
    """Run benchmarks by their names and return the exit code."""
    known = sorted({path.stem for path in Path(__file__).parent.glob("*.py")} - HELPERS)
    if unknown := [name for name in names if name not in known]:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    codes = {}
    for name in names or known:
        print(f"\n## {name}", flush=True)
        codes[name] = subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode
    if bad := [name for name, code in codes.items() if code]:
        print(f"\nnot as it should be: {', '.join(bad)}", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
