"""Set what the demo found against the truth: a table of wells, the marker by column, and a verdict.

    python files/demo/report.py RESULTS TRUTH

RESULTS holds PLATE/WELL/*_nuclei.csv and *_overlay.png, TRUTH is the truth.csv of make_plate.py.
Exit code 0 when every clean well is within TOLERANCE of the truth and nothing is missing, else 1;
2 when TRUTH cannot be read. Empty wells must be found empty; wells that are out of focus are shown
and not judged.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from rich import box
from rich.console import Console
from rich.table import Table

TOLERANCE = 0.10
NOT_JUDGED = "out of focus"
BAR_WIDTH = 30


@dataclass(frozen=True)
class Well:
    """One well: its true count, what was found, each nucleus' mean marker intensity, what is missing."""

    plate: str
    name: str
    note: str
    true: int
    markers: tuple[float, ...]
    missing: tuple[str, ...]

    @property
    def found(self) -> int:
        return len(self.markers)

    @property
    def column(self) -> int:
        return int(self.name[1:])

    @property
    def clean(self) -> bool:
        """Whether the well counts in sums: it has cells, in focus, and all its results."""
        return not self.note and not self.missing

    @property
    def problem(self) -> str:
        """What is wrong with the well's result, in words; empty when nothing is."""
        if self.missing:
            return f"missing: {', '.join(self.missing)}"
        if self.note != NOT_JUDGED and abs(self.found - self.true) > TOLERANCE * self.true:
            return f"more than {TOLERANCE:.0%} from the truth"
        return ""


def read_wells(results: Path, truth: Path) -> list[Well]:
    """Return the wells that truth.csv names, with what the results folder holds of them."""
    with truth.open(newline="", encoding="utf-8") as file:
        sites = defaultdict(list)
        for row in csv.DictReader(file):
            sites[row["plate"], row["well"]].append(row)
    return [read_well(results / plate / well, rows) for (plate, well), rows in sites.items()]


def read_well(folder: Path, sites: Sequence[dict[str, str]]) -> Well:
    """Return one well from its results folder and its lines of truth.csv, one per site."""
    plate, name = sites[0]["plate"], sites[0]["well"]
    stems = [f"{name}_s{site['site']}" for site in sites]
    wanted = [folder / f"{stem}{end}" for stem in stems for end in ("_nuclei.csv", "_overlay.png")]
    return Well(
        plate=plate,
        name=name,
        note=sites[0]["note"],
        true=sum(int(site["true_count"]) for site in sites),
        markers=tuple(marker for stem in stems for marker in read_markers(folder / f"{stem}_nuclei.csv")),
        missing=tuple(path.name for path in wanted if not path.is_file()),
    )


def read_markers(path: Path) -> list[float]:
    """Return the mean marker intensity of each nucleus in a table; none when there is no table."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [float(row["Marker_mean_counts"]) for row in csv.DictReader(file)]


def marker_by_column(wells: Sequence[Well]) -> dict[int, float]:
    """Return the mean marker intensity of all nuclei of the clean wells in each column of the plate."""
    columns: defaultdict[int, list[float]] = defaultdict(list)
    for well in wells:
        if well.clean:
            columns[well.column] += well.markers
    return {column: fmean(markers) for column, markers in sorted(columns.items()) if markers}


def difference(found: int, true: int) -> str:
    """Return how far a count is from the truth, as "+2 (+4.1 %)"."""
    if found == true:
        return "0"
    share = f" ({(found - true) / true:+.1%})" if true else ""
    return f"{found - true:+d}{share}"


def wells_table(wells: Sequence[Well], terminal: bool) -> Table:
    """Return the table of wells; without lines and colours where it is not for a terminal."""
    table = Table(box=box.SIMPLE_HEAD if terminal else None, pad_edge=False)
    for heading, side in (("well", "left"), ("found", "right"), ("true", "right"), ("difference", "right")):
        table.add_column(heading, justify=side)  # type: ignore[arg-type]
    table.add_column("note")
    for well in wells:
        note = "; ".join(part for part in (well.note, well.problem) if part)
        style = "bold red" if well.problem else "dim" if well.note else None
        table.add_row(
            well.name, str(well.found), str(well.true), difference(well.found, well.true), note, style=style
        )
    return table


def marker_lines(wells: Sequence[Well]) -> list[str]:
    """Return a line with a bar for each column's mean marker intensity."""
    means = marker_by_column(wells)
    most = max(means.values(), default=0)
    return [
        f"  column {column}  {mean:7.0f} counts  {'#' * round(BAR_WIDTH * mean / most)}"
        for column, mean in means.items()
    ]


def summary(wells: Sequence[Well]) -> str:
    """Return one sentence on all clean wells together."""
    clean = [well for well in wells if well.clean]
    found, true = sum(well.found for well in clean), sum(well.true for well in clean)
    return f"{len(clean)} clean wells: {found} nuclei found, {true} true: {difference(found, true)}"


def main() -> int:
    """Print the report; return the exit code."""
    parser = argparse.ArgumentParser(description="Set what the demo found against the truth.")
    parser.add_argument("results", type=Path, help="folder with PLATE/WELL/*.csv and *.png")
    parser.add_argument("truth", type=Path, help="truth.csv of make_plate.py")
    arguments = parser.parse_args()
    if not arguments.truth.is_file():
        parser.error(f"there is no {arguments.truth}")
    wells = read_wells(arguments.results, arguments.truth)
    console = Console(highlight=False)
    console.print(wells_table(wells, console.is_terminal))
    lines = [summary(wells), "", "Mean marker intensity in nuclei, by column (dose rises from 1 to 6):"]
    lines += [*marker_lines(wells), "", f"Images:              {arguments.truth.parent}"]
    lines += [f"Tables and overlays: {arguments.results / well.plate}" for well in wells[:1]]
    console.print("\n".join(lines), markup=False, soft_wrap=True)
    return 1 if any(well.problem for well in wells) else 0


if __name__ == "__main__":
    sys.exit(main())
