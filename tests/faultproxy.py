"""Run microburst, the fault proxy, with the same options.

To find the service in a host's name, it would read the models of all of AWS's services at its first call,
which takes seconds. All hosts here are addresses.
"""

from __future__ import annotations

import sys

from microburst.cli import main
from microburst.detection import host

if __name__ == "__main__":
    host._endpoint_prefix_map = dict
    sys.exit(main())
