"""A table as Parquet: the same values as in its CSV, numbers as numbers, and text as it stands there."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from distributed_fiji.review.parquet import write_parquet
from tests.commands import CHECKOUT

TABLES: dict[str, tuple[str, list[Any]]] = {
    "whole and broken numbers": ("1\n-2.5\n+5\n1e5\n.5", [1.0, -2.5, 5.0, 1e5, 0.5]),
    "spaces around a number": (" 1.5\n2 ", [1.5, 2.0]),
    "numbers without an end": ("inf\n-Infinity\n1", [math.inf, -math.inf, 1.0]),
    "missing numbers": ('1\n""\nNA\nNaN', [1.0, None, None, None]),
    "text": ("a\n1", ["a", "1"]),
    "text in lines": ('"a\nb"\n1', ["a\nb", "1"]),
    "text that Python reads as a number": ("1_000\n1", ["1_000", "1"]),
    "digits of another script": ("\u0661\n1", ["\u0661", "1"]),
    "hexadecimal": ("0x10\n1", ["0x10", "1"]),
    "wells": ("A01\n1E5", ["A01", "1E5"]),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_column_has_the_values_of_its_csv(name: str, tmp_path: Path) -> None:
    rows, values = TABLES[name]
    source, target = tmp_path / "table.csv", tmp_path / "table.parquet"
    source.write_text(f"Value\n{rows}\n", encoding="utf-8")

    write_parquet(source, target, [])

    assert pyarrow.parquet.read_table(target).to_pydict() == {"Value": values}
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["table.csv", "table.parquet"]


def test_metadata_stays_text(tmp_path: Path) -> None:
    source, target = tmp_path / "table.csv", tmp_path / "table.parquet"
    source.write_text("Plate,Area\n007,1\n008,2\n", encoding="utf-8")

    write_parquet(source, target, ["Plate"])

    assert pyarrow.parquet.read_table(target).to_pydict() == {"Plate": ["007", "008"], "Area": [1.0, 2.0]}


def test_without_pyarrow_it_says_what_to_install(tmp_path: Path) -> None:
    lacking = tmp_path / "lacking"
    lacking.mkdir()
    (lacking / "pyarrow.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'pyarrow'\", name='pyarrow')"
    )

    config = tmp_path / "config.py"
    config.write_text(
        "APP_NAME = 'T'\nAWS_BUCKET = 'bucket'\nSCRIPT_DOWNLOAD_URL = 's3://bucket/script.ijm'\n"
    )
    words = ("--config", str(config), "collect", "*.csv", "-o", str(tmp_path / "all.parquet"))
    environment = {**os.environ, "PYTHONPATH": str(lacking)}

    ended = subprocess.run(
        [sys.executable, "run.py", *words], cwd=CHECKOUT, env=environment, capture_output=True, text=True
    )

    assert (ended.returncode, "pip install pyarrow" in ended.stderr) == (2, True), ended.stderr
    assert not (tmp_path / "all.parquet").exists()
