"""Takes the pictures in docs/images that show a terminal: `python -m tests.pictures`, about two minutes.

It runs the demo's commands on its own embedded cloud, each on a terminal of 120 columns, and keeps what they
print as SVG. No font or style is loaded from elsewhere.
"""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

from distributed_fiji.local import cloud as clouds
from tests.commands import CHECKOUT

PICTURES = CHECKOUT / "docs" / "images"
CONFIG, JOBS, FLEET = "files/demo/config.py", "files/demo/job.json", "files/demo/fleet.json"
COLUMNS = 120

#: rich's own frame asks a server for its font; a page that opens a picture must not.
FRAME = """<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: Menlo, Consolas, "DejaVu Sans Mono", monospace; }}
.{unique_id}-matrix {{ font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<rect fill="#191919" width="{width}" height="{height}" rx="8"/>
<g transform="translate({terminal_x}, {terminal_y})">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def printed(environment: dict[str, str], *arguments: str, ends_with: int = 0) -> str:
    """Return what a command prints on stdout if that is a terminal, including styles."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "run.py", "--local", "--config", CONFIG, *arguments]
    with subprocess.Popen(
        command, cwd=CHECKOUT, env=environment, stdin=subprocess.DEVNULL, stdout=theirs
    ) as process:
        os.close(theirs)
        parts = []
        # Linux ends a pseudo-terminal whose last writer has closed it with EIO.
        try:
            while part := os.read(ours, 65536):
                parts.append(part)
        except OSError:
            pass
        os.close(ours)
    if process.returncode != ends_with:
        raise SystemExit(f"{' '.join(arguments)}: exit code {process.returncode}")
    return b"".join(parts).decode().replace("\r\n", "\n")


def keep(name: str, environment: dict[str, str], *arguments: str, ends_with: int = 0) -> None:
    """Run a command that ends with an exit code, and keep its picture as docs/images/NAME.svg."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=COLUMNS + 2, file=nowhere, force_terminal=True)
        typed = " ".join(arguments).replace(environment["PICTURED"], "images")
        console.print(f"$ python run.py {typed}", style="bold", highlight=False)
        console.print(Text.from_ansi(printed(environment, *arguments, ends_with=ends_with)))
        path = str(PICTURES / f"{name}.svg")
        console.save_svg(path, theme=DIMMED_MONOKAI, code_format=FRAME, unique_id=name)


def main() -> None:
    """Take all pictures."""
    with tempfile.TemporaryDirectory() as folder:
        cloud = Path(folder, "cloud")
        environment = {
            **os.environ,
            "DISTRIBUTED_FIJI_LOCAL": str(cloud),
            "COLUMNS": str(COLUMNS),
            "TERM": "xterm-256color",
            "PICTURED": folder,
        }
        try:
            take(Path(folder), environment)
        finally:
            clouds.reset(cloud)


def take(folder: Path, environment: dict[str, str]) -> None:
    """Follow the demo: what is wrong before the images are there, a rehearsal, and the price."""
    local = [sys.executable, "run.py", "local"]
    subprocess.run([*local, "bucket", "demo-bucket"], cwd=CHECKOUT, env=environment, check=True)
    keep("check", environment, "check", JOBS, FLEET, ends_with=2)
    images = folder / "demo" / "plate" / "Demo1"
    subprocess.run([sys.executable, "files/demo/make_plate.py", str(images)], cwd=CHECKOUT, check=True)
    keep("rehearse", environment, "rehearse", JOBS, "--folder", str(folder))
    keep("estimate", environment, "estimate", JOBS, FLEET)


if __name__ == "__main__":
    main()
