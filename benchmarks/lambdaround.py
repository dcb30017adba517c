"""One round of the janitor's Lambda, in a process that imports nothing but its package, the working folder.

`benchmarks.scale` runs it, and has set the Lambda's environment. It prints seconds, CPU seconds and peak MB,
all with the imports, as JSON.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

began = time.perf_counter()

from distributed_fiji.janitor.handler import handler  # noqa: E402

handler({}, None)
# Not getrusage's figure, which a process inherits from the one that started it.
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text("utf-8").splitlines())
peak = int(status["VmHWM"].split()[0]) / 1024
spent = {"seconds": time.perf_counter() - began, "cpu": time.process_time(), "peak": peak}
print(json.dumps({**spent, "counts": {}}))
