"""What a run will cost: the arithmetic by hand, what was counted for a million jobs, the snapshot's age."""

from __future__ import annotations

import io
from datetime import date, datetime, timezone
from pathlib import Path

import pytest
from rich.console import Console

from distributed_fiji.aws import pricelist
from distributed_fiji.aws.machinetypes import MachineType
from distributed_fiji.commands.costmodel import Offer, Quote, Shape, Span, Workload
from distributed_fiji.commands.estimate import Estimate
from distributed_fiji.commands.estimatetable import as_document, estimate_table
from distributed_fiji.commands.monitor import cost_line
from distributed_fiji.commands.workload import find_script_hash
from distributed_fiji.settings import Settings
from distributed_fiji.state.record import from_document, new_run, to_document
from tests.policy.test_grants import settings

XLARGE = MachineType("m5.xlarge", 4, 16_384, ("x86_64",))
NOW = datetime(2026, 11, 27, tzinfo=timezone.utc).timestamp()


def offer(price: float = 0.08, **more: object) -> Offer:
    values = {"spot": {"us-east-1a": price}, "month": (price, price), "on_demand": 0.192, "band": 0}
    return Offer(XLARGE, **{**values, **more})  # type: ignore[arg-type]


def shape(**more: object) -> Shape:
    values = {
        "machines": 2,
        "tasks": 1,
        "volume_gb": 73,
        "public_address": True,
        "heartbeat": 60,
        "dashboard": False,
        "thumbnails": False,
        "price_limit": 0.2,
        "starting": Span(0, 0, 0),
    }
    return Shape(**{**values, **more})  # type: ignore[arg-type]


def work(jobs: int = 120, seconds: float = 60, **more: object) -> Workload:
    return Workload(jobs, Span(seconds, seconds, seconds), "a test", False, **more)  # type: ignore[arg-type]


def test_machines_are_paid_from_their_start_until_they_are_ended() -> None:
    quote = Quote(offer(), work(), shape(starting=Span(90, 150, 210)))

    # 120 minutes of work, and twice 150 s of starting and 30 s of being idle.
    hours = 2 + 2 * 180 / 3600
    assert quote.machine_hours.likely == pytest.approx(hours)
    assert quote.items["machines"].likely == pytest.approx(hours * 0.08)
    assert quote.items["public addresses"].likely == pytest.approx(hours * 0.005)
    assert quote.items["volumes"].likely == pytest.approx(hours * 0.008)
    assert quote.machine_hours.low < hours < quote.machine_hours.high
    assert quote.hours.likely == pytest.approx((60.5 * 60 + 180) / 3600)


def test_a_million_jobs_cost_what_was_counted_for_them() -> None:
    fleet = shape(machines=1000, tasks=4, price_limit=1.0)
    quote = Quote(offer(0.0776), work(1_000_000, files=3), fleet)
    items = {name: span.likely for name, span in quote.items.items()}

    assert quote.hours.likely == pytest.approx(4.2, rel=0.02)
    assert items["machines"] == pytest.approx(326, rel=0.02)
    assert items["S3 writes"] == pytest.approx(20.1)
    assert items["S3 reads"] == pytest.approx(1.2)
    assert items["SQS"] == pytest.approx(1.64)
    assert items["logs"] + items["alarms"] + items["S3 lists"] == pytest.approx(2.24, rel=0.25)


def test_each_kind_of_request_costs_what_workers_ask_for() -> None:
    def costs(seconds: float = 1, inputs: float = 1, **more: object) -> dict[str, float]:
        items = Quote(offer(), work(1_000_000, seconds, inputs=inputs), shape(**more)).items
        return {name: round(items[name].likely, 2) for name in ("S3 writes", "S3 reads", "SQS")}

    # One output, manifest, a share of the lines; manifest, HEAD and GET; send, receive and delete.
    assert costs() == {"S3 writes": 10.1, "S3 reads": 1.2, "SQS": 0.84}
    assert costs(thumbnails=True)["S3 writes"] == 15.1
    assert costs(inputs=3)["S3 reads"] == 2.8
    assert costs(seconds=3600)["SQS"] == pytest.approx(0.84 + 120 * 0.4)


def test_the_highest_price_allowed_stands_where_none_is_known() -> None:
    unknown = Quote(offer(spot={}, month=None), work(), shape())
    dear = Quote(offer(month=(0.05, 0.9)), work(), shape())

    assert unknown.items["machines"].likely == pytest.approx(unknown.machine_hours.likely * 0.2)
    assert dear.items["machines"].high == pytest.approx(dear.machine_hours.high * 0.2)
    assert dear.items["machines"].low == pytest.approx(dear.machine_hours.low * 0.05)


def test_lost_machines_cost_more_where_more_are_lost_and_most_where_nobody_knows() -> None:
    def losses(band: int | None) -> Span:
        return Quote(offer(band=band), work(jobs=10_000), shape()).items["spot losses"]

    assert 0 < losses(0).likely < losses(4).likely
    assert losses(None).high >= losses(1).high
    assert losses(4).low == 0


def test_storage_of_outputs_counts_where_their_bytes_are_known() -> None:
    known = Quote(offer(), work(jobs=1000, output_bytes=1e9), shape())

    assert known.items["storage, one month"].likely == pytest.approx(1000 * 0.023)
    assert Quote(offer(), work(), shape()).items["storage, one month"].likely == 0


def test_more_work_never_costs_less() -> None:
    for tasks in (1, 2, 4):
        costs = [Quote(offer(), work(jobs), shape(tasks=tasks)).total.likely for jobs in range(1, 60)]
        assert costs == sorted(costs), tasks


def test_the_snapshot_covers_the_types_that_people_use_and_says_its_age() -> None:
    default = Settings.model_fields["MACHINE_TYPE"].default
    assert len(pricelist.families()) >= 30
    for family in pricelist.families().values():
        for size, vcpus in pricelist.SIZES.items():
            kind = MachineType(f"{family.name}.{size}", vcpus, 0, ())
            price = pricelist.on_demand(kind, pricelist.PRICED_REGION)
            assert price is not None and 0.02 < price / vcpus < 0.1, kind.name
            assert pricelist.on_demand(kind, "eu-west-1") is None
            assert pricelist.interruption_band(kind.name, "us-east-1") in (None, 0, 1, 2, 3, 4)
        for bands in family.bands.values():
            assert bands == "-" or len(bands) == len(pricelist.SIZES), family
    for name in default if isinstance(default, list) else ["m5.xlarge", "c5.large", "m6i.2xlarge"]:
        assert pricelist.interruption_band(name, "us-east-1") is not None, name
    assert pricelist.on_demand(XLARGE, "us-east-1") == pytest.approx(0.192)
    assert pricelist.interruption_band("x1e.xlarge", "us-east-1") is None
    assert pricelist.interruption_band("m5.9xlarge", "us-east-1") is None
    assert "old" in pricelist.age(date(2025, 6, 28), NOW)
    assert pricelist.age(date(2026, 7, 20), NOW) == "of 2026-07-20"


def test_types_of_a_size_are_of_one_architecture() -> None:
    names = {kind.name for kind in pricelist.types_of_size(4, "x86_64")}

    assert {"m5.xlarge", "c6a.xlarge", "r7i.xlarge"} <= names
    assert not any("g." in name for name in names)
    assert {kind.memory_mib for kind in pricelist.types_of_size(2, "arm64")} == {4096, 8192, 16_384}
    assert pricelist.types_of_size(3, "x86_64") == []


def test_a_script_that_is_a_file_is_known_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "a.ijm").write_text("print(1);")

    assert len(find_script_hash(settings(SCRIPT_DOWNLOAD_URL="a.ijm"), tmp_path)) == 64
    assert find_script_hash(settings(SCRIPT_DOWNLOAD_URL="b.ijm"), tmp_path) == ""
    assert find_script_hash(settings(SCRIPT_DOWNLOAD_URL="s3://b/a.ijm"), tmp_path) == ""


def test_the_record_keeps_the_estimate_and_the_last_line_compares_it() -> None:
    estimate = Estimate(work(), (Quote(offer(), work(), shape()),), (), ("a source",))
    run = new_run(settings(), started=1.0, run_id="t", local=False)
    kept = from_document({**to_document(run), "estimate": estimate.kept(NOW)})

    assert kept.estimate["likely"] == pytest.approx(estimate.machines.likely)
    assert cost_line(kept, 0.2) == (
        f"The machines cost about $0.2000; the estimate was ${estimate.machines.likely:.4f}"
        f" (${estimate.machines.low:.4f}–${estimate.machines.high:.4f})."
    )
    assert cost_line(run, 12.345) == "The machines cost about $12.35."
    assert cost_line(run, None) == cost_line(run, 0.0) == ""
    assert as_document(estimate)["rows"][0]["machine_type"] == "m5.xlarge"


@pytest.mark.parametrize("columns", [80, 110])
def test_on_a_narrow_terminal_no_price_is_cut(columns: int) -> None:
    quote = Quote(offer(month=(0.0351, 0.0902)), work(), shape())
    out = io.StringIO()
    estimate = Estimate(quote.work, (quote,), (), ())

    Console(file=out, width=columns).print(estimate_table(estimate))

    said = "".join(out.getvalue().split())
    assert "…" not in said
    assert "0.0351" in said and "0.0902" in said
