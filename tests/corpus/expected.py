"""What the corpus's scripts must find, calculated only with numpy, without ImageJ."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from tests.corpus.images import Image

#: A table's columns by name, as numbers. Columns that are not named are not compared.
Table = dict[str, list[float]]


def measured(*images: Image) -> Table:
    """Return the rows of `Measure`, one per image."""
    return {
        "Area": [float(image.size) for image in images],
        "Mean": [float(image.mean()) for image in images],
        "Min": [float(image.min()) for image in images],
        "Max": [float(image.max()) for image in images],
    }


def particles(*images: Image, lower: int = 128, least: int = 0) -> Table:
    """Return the rows of `Analyze Particles...`: pixels not below `lower` that touch by sides or corners."""
    found = [pixels for image in images for pixels in _connected(image, lower) if len(pixels) >= least]
    return {
        "Area": [float(len(pixels)) for pixels in found],
        "Mean": [float(np.mean(pixels)) for pixels in found],
    }


def counted(*images: Image, lower: int = 128) -> Table:
    """Return the counts and total areas of a Summary."""
    all_found = [_connected(image, lower) for image in images]
    return {
        "Count": [float(len(found)) for found in all_found],
        "Total Area": [float(sum(map(len, found))) for found in all_found],
    }


def _connected(image: Image, lower: int) -> list[list[float]]:
    """Return the pixels of each particle, in the order of their first pixels, row by row."""
    open_pixels = {(int(y), int(x)) for y, x in zip(*np.nonzero(image >= lower), strict=True)}
    found = []
    for start in sorted(open_pixels):
        if start not in open_pixels:
            continue
        open_pixels.discard(start)
        edge, pixels = [start], []
        while edge:
            y, x = edge.pop()
            pixels.append(float(image[y, x]))
            near = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & open_pixels
            open_pixels -= near
            edge += near
        found.append(pixels)
    return found


def read_table(path: Path) -> dict[str, list[str]]:
    """Return a saved table's columns, separated by commas or tabs."""
    text = path.read_text("utf-8")
    delimiter = "\t" if "\t" in text.partition("\n")[0] else ","
    header, *rows = list(csv.reader(text.splitlines(), delimiter=delimiter))
    return {name: [row[number] for row in rows] for number, name in enumerate(header)}


def differences(path: Path, wanted: Table | list[str]) -> list[str]:
    """Return how a file differs from a table, to three decimals, or from lines of text."""
    if isinstance(wanted, list):
        lines = path.read_text("utf-8").splitlines()
        return [] if lines == wanted else [f"{path.name} holds {lines}, not {wanted}"]
    table, told = read_table(path), []
    for name, values in wanted.items():
        found = [float(value) for value in table.get(name, [])]
        if len(found) != len(values) or not np.allclose(found, values, atol=6e-4, rtol=0):
            told.append(f"{path.name}: {name} is {found}, not {values}")
    return told
