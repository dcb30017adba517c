"""Make the demo's plate: images as a microscope would take them, and the true counts beside them.

    python files/demo/make_plate.py FOLDER [--seed N] [--wells A01,C05]

Writes FOLDER/WELL_sSITE.tif (ImageJ hyperstacks: 16 bit, channels DAPI and marker, 0.65 um a pixel)
and FOLDER/truth.csv (plate, well, site, true_count, note); the plate's name is the folder's. The same
seed gives the same bytes, and a well looks the same whatever other wells are made.

A true count is that of the nuclei that lie wholly inside the image, as a person counts who leaves out
what the border cuts.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

SIZE_PX = 512
PIXEL_UM = 0.65
ROWS, COLUMNS, SITES = "ABCD", 6, 2
EMPTY_WELL, BLURRED_WELL = "C05", "B02"
NOTES = {EMPTY_WELL: "empty", BLURRED_WELL: "out of focus"}

CAMERA_OFFSET = 100.0
READ_NOISE = 6.0
COUNTS_PER_PHOTOELECTRON = 1.4
HAZE = {"dapi": 70.0, "marker": 45.0}
BLUR_SIGMA_PX = 7.0


@dataclass(frozen=True)
class Nucleus:
    """One nucleus: centre and half axes in pixels, angle in radians, brightness in camera counts."""

    x: float
    y: float
    major: float
    minor: float
    angle: float
    dapi: float
    marker: float
    bump: float

    def radius_towards(self, direction: float) -> float:
        """Return the distance in pixels from the centre to the ellipse in a direction in radians."""
        turned = direction - self.angle
        return float(1 / np.hypot(np.cos(turned) / self.major, np.sin(turned) / self.minor))


def all_wells() -> list[str]:
    """Return the names of the plate's wells, A01 to D06."""
    return [f"{row}{column:02d}" for row in ROWS for column in range(1, COLUMNS + 1)]


def dose_response(column: int) -> float:
    """Return the marker's mean brightness in counts in a column from 1: a Hill curve over six doses."""
    dose = 4.0 ** (column - 1)
    return 180 + 1500 * dose**1.2 / (dose**1.2 + 30.0**1.2)


def random_nucleus(rng: np.random.Generator, x: float, y: float, column: int) -> Nucleus:
    """Draw a nucleus at a place; brightness varies from cell to cell as in life (log-normal)."""
    major = float(np.clip(rng.normal(13, 1.8), 9.5, 17))
    return Nucleus(
        x=x,
        y=y,
        major=major,
        minor=major * rng.uniform(0.68, 0.98),
        angle=rng.uniform(0, np.pi),
        dapi=900 * rng.lognormal(0, 0.25),
        marker=dose_response(column) * rng.lognormal(0, 0.3),
        bump=rng.uniform(0, 2 * np.pi),
    )


def neighbour(rng: np.random.Generator, first: Nucleus, column: int) -> Nucleus:
    """Draw a nucleus that touches the first one, its outline a pixel inside the other's."""
    towards = rng.uniform(0, 2 * np.pi)
    drawn = random_nucleus(rng, 0, 0, column)
    distance = first.radius_towards(towards) + drawn.radius_towards(towards) - 1
    moved = {"x": first.x + distance * np.cos(towards), "y": first.y + distance * np.sin(towards)}
    return Nucleus(**{**vars(drawn), **moved})


def whole(nucleus: Nucleus, margin: float = 5) -> bool:
    """Say whether a nucleus lies inside the image with a margin in pixels."""
    reach = nucleus.major + margin
    return all(reach <= place <= SIZE_PX - 1 - reach for place in (nucleus.x, nucleus.y))


def free(nucleus: Nucleus, others: Sequence[Nucleus]) -> bool:
    """Say whether a nucleus keeps at least 4 pixels from all others."""
    return all(
        np.hypot(nucleus.x - other.x, nucleus.y - other.y) > nucleus.major + other.major + 4
        for other in others
    )


def place_nuclei(rng: np.random.Generator, column: int) -> tuple[list[Nucleus], int]:
    """Place a site's nuclei; return them and how many are whole. The last ones are cut by the border."""
    wanted = round(rng.uniform(44, 58) - 2.5 * column)
    nuclei: list[Nucleus] = []
    for _ in range(10_000):
        if len(nuclei) >= wanted:
            break
        x, y = rng.uniform(0, SIZE_PX, 2)
        group = [random_nucleus(rng, x, y, column)]
        if rng.random() < 0.09:
            group.append(neighbour(rng, group[0], column))
        if all(whole(one) and free(one, nuclei) for one in group):
            nuclei += group
    return nuclei + cut_nuclei(rng, column, nuclei), len(nuclei)


def cut_nuclei(rng: np.random.Generator, column: int, others: Sequence[Nucleus]) -> list[Nucleus]:
    """Draw up to six nuclei that the image's border cuts through."""
    cut: list[Nucleus] = []
    for _ in range(6):
        along, beyond = rng.uniform(0, SIZE_PX), rng.uniform(-3, 4)
        x, y = [(along, -beyond), (along, SIZE_PX + beyond), (-beyond, along), (SIZE_PX + beyond, along)][
            rng.integers(4)
        ]
        nucleus = random_nucleus(rng, x, y, column)
        if free(nucleus, [*others, *cut]):
            cut.append(nucleus)
    return cut


def window(nucleus: Nucleus, reach: float) -> tuple[slice, slice, np.ndarray, np.ndarray]:
    """Return the rows and columns within reach of a nucleus, with the pixels' rho and depth.

    rho is 0 at the centre and 1 on the outline; depth is the distance in pixels inside the outline.
    """
    rows = slice(max(0, int(nucleus.y - reach)), min(SIZE_PX, int(nucleus.y + reach) + 2))
    columns = slice(max(0, int(nucleus.x - reach)), min(SIZE_PX, int(nucleus.x + reach) + 2))
    y, x = np.mgrid[rows, columns]
    dx, dy = x - nucleus.x, y - nucleus.y
    along = dx * np.cos(nucleus.angle) + dy * np.sin(nucleus.angle)
    across = dy * np.cos(nucleus.angle) - dx * np.sin(nucleus.angle)
    theta = np.arctan2(across, along)
    wobble = 1 + 0.025 * np.cos(3 * theta + nucleus.bump)
    rho = np.hypot(along / nucleus.major, across / nucleus.minor) / wobble
    return rows, columns, rho, (1 - rho) * nucleus.minor


def smoothed(image: np.ndarray, sigma_px: float) -> np.ndarray:
    """Return an image blurred by a Gaussian, borders wrapped round."""
    frequencies = np.hypot(np.fft.fftfreq(SIZE_PX)[:, None], np.fft.rfftfreq(SIZE_PX)[None, :])
    transfer = np.exp(-2 * (np.pi * sigma_px * frequencies) ** 2)
    return np.fft.irfft2(np.fft.rfft2(image) * transfer, s=image.shape)


def chromatin(rng: np.random.Generator) -> np.ndarray:
    """Return a texture of mean 1 with grains of a few pixels, darker and brighter by about a fifth."""
    grains = smoothed(rng.standard_normal((SIZE_PX, SIZE_PX)), 1.8)
    return np.clip(1 + 0.2 * grains / grains.std(), 0.4, 1.7)


def render(rng: np.random.Generator, nuclei: Sequence[Nucleus], texture: np.ndarray) -> dict[str, np.ndarray]:
    """Return the light of the cells in both channels, in counts, before optics and camera."""
    light = {"dapi": np.zeros((SIZE_PX, SIZE_PX)), "marker": np.zeros((SIZE_PX, SIZE_PX))}
    texture = np.roll(texture, tuple(rng.integers(0, SIZE_PX, 2)), axis=(0, 1))
    for nucleus in nuclei:
        rows, columns, rho, depth = window(nucleus, 3.4 * nucleus.major)
        # The edge is as soft as a 0.75 NA objective leaves it, and a nucleus is thicker in its middle.
        inside = 1 / (1 + np.exp(-np.clip(depth / 0.75, -30, 30))) * (1 - 0.18 * np.clip(rho, 0, 1) ** 2)
        cytoplasm = (330 + 0.1 * nucleus.marker) * np.exp(-((rho / 2.1) ** 3))
        grain = texture[rows, columns]
        for channel, shape in (
            ("dapi", nucleus.dapi * inside * grain),
            ("marker", nucleus.marker * inside * (0.5 + 0.5 * grain) + cytoplasm * (0.3 + 0.7 * grain)),
        ):
            np.maximum(light[channel][rows, columns], shape, out=light[channel][rows, columns])
    return light


def add_debris(rng: np.random.Generator, dapi: np.ndarray) -> None:
    """Add a few bright specks, much smaller than a nucleus, as in every real well."""
    y, x = np.mgrid[-6:7, -6:7]
    for _ in range(rng.integers(1, 5)):
        row, column = rng.integers(8, SIZE_PX - 8, 2)
        speck = rng.uniform(300, 900) * np.exp(-(x**2 + y**2) / (2 * rng.uniform(0.8, 1.3) ** 2))
        patch = dapi[row - 6 : row + 7, column - 6 : column + 7]
        np.maximum(patch, speck, out=patch)


def illumination() -> np.ndarray:
    """Return the lamp's profile: 1 at its brightest, off the centre, and about 0.6 in the far corner."""
    y, x = np.mgrid[0:SIZE_PX, 0:SIZE_PX] / SIZE_PX
    return np.exp(-((x - 0.42) ** 2 + (y - 0.55) ** 2) / 0.95)


def photograph(rng: np.random.Generator, light: np.ndarray, lamp: np.ndarray) -> np.ndarray:
    """Return what the camera makes of light in counts: offset, shot noise, read noise, 16 bit.

    At tens of photo-electrons and more shot noise is as good as normal, and much quicker to draw.
    """
    signal = light * lamp
    spread = np.sqrt(COUNTS_PER_PHOTOELECTRON * signal + READ_NOISE**2)
    noise = rng.standard_normal(signal.shape, dtype=np.float32)
    return np.clip(np.rint(CAMERA_OFFSET + signal + spread * noise), 0, 65535).astype(np.uint16)


def make_site(rng: np.random.Generator, well: str, texture: np.ndarray) -> tuple[np.ndarray, int]:
    """Return one site's image, shaped (channel, row, column), and its true count of nuclei."""
    nuclei, count = ([], 0) if well == EMPTY_WELL else place_nuclei(rng, int(well[1:]))
    light = render(rng, nuclei, texture)
    add_debris(rng, light["dapi"])
    if well == BLURRED_WELL:
        light = {channel: smoothed(image, BLUR_SIGMA_PX) for channel, image in light.items()}
    lamp = illumination()
    return np.stack([photograph(rng, light[name] + HAZE[name], lamp) for name in ("dapi", "marker")]), count


def write_image(path: Path, image: np.ndarray) -> None:
    """Write a (channel, row, column) image as ImageJ writes a two-channel composite."""
    tifffile.imwrite(
        path,
        image,
        imagej=True,
        resolution=(1 / PIXEL_UM, 1 / PIXEL_UM),
        metadata={"axes": "CYX", "unit": "um", "mode": "composite", "Labels": ["DAPI", "marker"]},
    )


def make_plate(folder: Path, seed: int, wells: Sequence[str]) -> int:
    """Make the wells' images and truth.csv in a folder; return the number of images."""
    folder.mkdir(parents=True, exist_ok=True)
    texture = chromatin(np.random.default_rng(seed))
    truth = []
    for well in wells:
        for site in range(1, SITES + 1):
            rng = np.random.default_rng([seed, ord(well[0]), int(well[1:]), site])
            image, count = make_site(rng, well, texture)
            write_image(folder / f"{well}_s{site}.tif", image)
            truth.append((folder.name, well, site, count, NOTES.get(well, "")))
    with (folder / "truth.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("plate", "well", "site", "true_count", "note"))
        writer.writerows(truth)
    return len(truth)


def wells_of(text: str) -> list[str]:
    """Return the wells of a comma-separated list; raises ArgumentTypeError for one the plate lacks."""
    wells = text.split(",")
    if unknown := sorted(set(wells) - set(all_wells())):
        raise argparse.ArgumentTypeError(f"no such well: {', '.join(unknown)} (the plate has A01 to D06)")
    return wells


def main() -> int:
    """Read the arguments and make the plate."""
    parser = argparse.ArgumentParser(description="Make the demo's plate of microscope images.")
    parser.add_argument("folder", type=Path, help="where images and truth.csv go; its name is the plate's")
    parser.add_argument("--seed", type=int, default=1, help="another seed, another plate (1)")
    parser.add_argument("--wells", type=wells_of, default=all_wells(), help="only these, as A01,C05")
    arguments = parser.parse_args()
    images = make_plate(arguments.folder, arguments.seed, arguments.wells)
    print(f"{images} images and truth.csv are in {arguments.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
