"""How much memory the container has, and how much of it FIJI's heap gets."""

from __future__ import annotations

from pathlib import Path

#: MiB that a JVM needs besides its heap (code, threads, class data), and that the worker itself needs.
JVM_BESIDE_HEAP_MB = 200
WORKER_MB = 100
#: A JVM waiting for its job beside the running one (ImageJ core: 80 to 150 MiB; FIJI has more jars).
STANDBY_MB = 300
#: An X server for one JVM (measured: 70 MiB).
XVFB_MB = 80
LEAST_HEAP_MB = 64

CGROUP = Path("/sys/fs/cgroup")


def container_memory_mb(setting_mb: int, cgroup: Path = CGROUP) -> int:
    """Return the container's memory limit in MiB: its cgroup's (v2 or v1), or else the setting.

    If neither the cgroup nor an ancestor sets a limit, the files say "max" or a number near 2**63.
    """
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        try:
            text = (cgroup / name).read_text(encoding="ascii").strip()
        except OSError:
            continue
        if text.isdigit() and int(text) < 2**50:
            return min(int(text) // 2**20, setting_mb) if setting_mb else int(text) // 2**20
    return setting_mb


def oom_kills(cgroup: Path = CGROUP) -> int:
    """Return how many processes the kernel has killed here for lack of memory (cgroup v2, v1)."""
    for name in ("memory.events", "memory/memory.oom_control"):
        try:
            lines = (cgroup / name).read_text(encoding="ascii").splitlines()
        except OSError:
            continue
        return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
    return 0


def heap_mb(container_mb: int, *, whole: bool, standby: bool, display: bool = False) -> int:
    """Return FIJI's heap in MiB. `whole`: all of the container, minus what the JVM and the worker need.

    Otherwise a quarter of the container stays free, since plugins use memory outside the heap, and so does
    the space of a JVM in standby. `display`: each JVM has its own X server.
    """
    xvfb = XVFB_MB if display else 0
    rest = container_mb - JVM_BESIDE_HEAP_MB - WORKER_MB - xvfb
    if not whole:
        rest = min(rest - (STANDBY_MB + xvfb if standby else 0), container_mb * 3 // 4)
    return max(rest, container_mb // 4, LEAST_HEAP_MB)


def standby_fits(container_mb: int) -> bool:
    """Whether a second JVM in standby leaves the running one at least half of the container."""
    return heap_mb(container_mb, whole=False, standby=True) >= container_mb // 2
