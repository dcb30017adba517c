"""Which parts of uploads are an app's: those below the places of its outputs, and no others."""

from __future__ import annotations

import pytest

from distributed_fiji.commands.leftovers import below


@pytest.mark.parametrize(
    ("location", "start", "own", "others"),
    [
        ("out", "out/", ["out/a.tif", "out/b/c.tif"], ["output/a.tif", "out.tif", "my/out/a.tif"]),
        ("/out/", "out/", ["out/a.tif"], ["outs/a.tif"]),
        ("r/{Plate}/x", "r/", ["r/P1/x/a.tif"], ["r/P1/xy/a.tif", "r/x/a.tif", "r/P1/a.tif"]),
        ("r/p{Plate}", "r/p", ["r/p1/a.tif"], ["r/p/a.tif", "r/q1/a.tif"]),
        ("/home/ubuntu/bucket/r", "r/", ["r/a.tif"], ["home/ubuntu/bucket/r/a.tif"]),
    ],
)
def test_what_lies_below_a_location(location: str, start: str, own: list[str], others: list[str]) -> None:
    begins, is_below = below(location)

    assert begins == start
    assert all(map(is_below, own))
    assert not any(map(is_below, others))


def test_a_location_that_may_be_anywhere_has_no_start() -> None:
    assert below("{Plate}/x")[0] == ""
    assert below("")[0] == ""
