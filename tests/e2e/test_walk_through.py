"""The walk-through from a script and a folder to a priced run, word by word, with the README's example."""

from __future__ import annotations

import os
import re
import runpy
from pathlib import Path

import numpy as np
import tifffile

from distributed_fiji.local import cloud as clouds
from distributed_fiji.state.rehearsal import rehearsal_path
from tests.commands import CHECKOUT
from tests.e2e.test_first_use import own_example, shell

SECTION = "## From a script and a folder to a priced run"


def walk_through() -> str:
    """Return the commands of the section."""
    text = (CHECKOUT / "docs" / "first-run.md").read_text(encoding="utf-8")
    section = text.partition(SECTION)[2].partition("\n## ")[0]
    return "".join(re.findall(r"^```\n(.*?)^```", section, re.MULTILINE | re.DOTALL))


def test_the_walk_through_ends_with_settings_that_fit(tmp_path: Path) -> None:
    for name, text in own_example()[0].items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "my" / "plate1").mkdir()
    for name in ("A01.tif", "A02.tif"):
        tifffile.imwrite(tmp_path / "my" / "plate1" / name, np.full((8, 8), 9, np.uint16))
    app = f"Walk{os.getpid()}"
    config = tmp_path / "my" / "config.py"
    config.write_text(config.read_text().replace("MyFirst", app))
    commands = walk_through()
    assert "rehearse my/job.json --folder my --apply" in commands
    try:
        said = shell(
            re.sub(r"\bmy(?=/|\s)", f"{tmp_path}/my", commands),
            {"DISTRIBUTED_FIJI_LOCAL": f"{tmp_path}/cloud"},
        )
    finally:
        clouds.reset(tmp_path / "cloud")
        rehearsal_path(CHECKOUT / "files", app).unlink(missing_ok=True)

    assert said.count("All 2 jobs (") == commands.count("rehearse")
    assert "2 jobs on m5.xlarge" in said and "a rehearsal of 2 jobs" in said
    settings = runpy.run_path(str(config))
    assert settings["EXPECTED_NUMBER_FILES"] == 2 and settings["MEMORY"] < 4096
