"""AWS's prices for machines and other things, from public sources on a given day: a snapshot with its age.

`pricelist.tsv` has the machine types with their sources. Nothing here is asked of AWS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timezone
from functools import cache
from pathlib import Path

from distributed_fiji.aws.machinetypes import MachineType

FILE = Path(__file__).with_suffix(".tsv")

#: When the table's two sources were read, and the region of its on-demand prices.
PRICES_OF, BANDS_OF = date(2026, 7, 20), date(2025, 6, 28)
PRICED_REGION = "us-east-1"

#: When the prices below, and those in prices.py, were read.
REQUESTS_OF = date(2026, 11, 25)

#: Prices older than this many days are called old.
OLD = 180

#: vCPUs by size, in the order of the table's digits.
SIZES = {
    "large": 2,
    "xlarge": 4,
    "2xlarge": 8,
    "4xlarge": 16,
    "8xlarge": 32,
    "12xlarge": 48,
    "16xlarge": 64,
}

#: Shares of machines reclaimed within a month, in Amazon's bands, each with the value to calculate with.
BANDS = (("<5 %", 0.025), ("5–10 %", 0.075), ("10–15 %", 0.125), ("15–20 %", 0.175), (">20 %", 0.3))

#: What 1,000 requests, a GB, or a month of something costs in us-east-1 (AWS price lists; docs/costs.md).
S3_WRITES, S3_READS, SQS_REQUESTS = 0.005, 0.0004, 0.0004
LOGS_GB, STORAGE_GB_MONTH = 0.50, 0.023
ALARM_MONTH, DASHBOARD_MONTH, JANITOR_DAY = 0.10, 3.0, 0.005


@dataclass(frozen=True)
class Family:
    """A row of the table. `bands`: by region, one digit per size; a single '-' if nothing is known."""

    name: str
    gib_per_vcpu: int
    dollars_per_vcpu: float
    bands: Mapping[str, str]

    @property
    def architecture(self) -> str:
        return "arm64" if self.name.endswith("g") else "x86_64"


@cache
def families() -> Mapping[str, Family]:
    """Return the table's families by name."""
    lines = FILE.read_text(encoding="utf-8").splitlines()
    head, *rows = [line.split() for line in lines if not line.startswith("#")]
    return {
        row[0]: Family(row[0], int(row[1]), float(row[2]), dict(zip(head[3:], row[3:], strict=True)))
        for row in rows
    }


def on_demand(kind: MachineType, region: str) -> float | None:
    """Return a type's on-demand price in dollars per hour; None if the snapshot has none for the region."""
    family = families().get(kind.name.partition(".")[0])
    return family.dollars_per_vcpu * kind.vcpus if family and region == PRICED_REGION else None


def interruption_band(kind: str, region: str) -> int | None:
    """Return a type's index in BANDS, None if unknown."""
    name, _, size = kind.partition(".")
    bands = families()[name].bands.get(region, "-") if name in families() and size in SIZES else "-"
    digit = bands[list(SIZES).index(size)] if bands != "-" else "-"
    return None if digit == "-" else int(digit)


def types_of_size(vcpus: int, architecture: str) -> list[MachineType]:
    """Return the table's machine types with so many vCPUs."""
    size = next((name for name, count in SIZES.items() if count == vcpus), None)
    return [
        MachineType(f"{one.name}.{size}", vcpus, vcpus * one.gib_per_vcpu * 1024, (architecture,))
        for one in families().values()
        if size and one.architecture == architecture
    ]


def age(read: date, now: float) -> str:
    """Return when something was read, in words; old data is called old."""
    days = (datetime.fromtimestamp(now, timezone.utc).date() - read).days
    return f"of {read:%Y-%m-%d}" + (f": old, {days // 30} months" if days > OLD else "")
