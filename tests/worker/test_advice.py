"""What a failure's sentence advises, where no plugin is at hand to try it with."""

from __future__ import annotations

import pytest

from worker.advice import tell
from worker.contract import FailureClass
from worker.image.plugins import Site, read_list
from worker.plugins import SITES, line_of


def test_each_known_update_site_is_a_line_that_the_image_can_read() -> None:
    for _, sites in SITES:
        for site in sites:
            assert read_list(line_of(site)) == [Site(site.name.replace(" ", "_"), site.address, "")]


@pytest.mark.parametrize(
    ("message", "statement", "words"),
    [
        ('Unrecognized command: "3D Manager"', "", "update site 3D ImageJ Suite brings it"),
        (
            'Unrecognized command: "Analyze Skeleton (2D/3D)"',
            "",
            "FIJI itself brings it, ImageJ core does not",
        ),
        ('Unrecognized command: "Anything"', "", "spelt as in FIJI's menu"),
        (
            "ImportError: No module named sc",
            "from sc.fiji.analyzeSkeleton import X",
            "no sc.fiji.analyzeSkeleton",
        ),
        ("ImportError: cannot import name BF", "from loci.plugins import BF", "FIJI itself brings it"),
        ("unable to resolve class inra.ijpb.label.LabelImages", "", "update site IJPB-plugins"),
        (
            "Could not load class de.csbdresden.stardist.StarDist2D",
            "",
            "update sites StarDist and CSBDeep bring it",
        ),
    ],
)
def test_what_a_fiji_lacks_is_named_with_the_place_to_get_it(
    message: str, statement: str, words: str
) -> None:
    told = tell(
        {"kind": "script_error", "message": message, "statement": statement}, headless=True, is_core=True
    )

    assert words in f"{told.what}. {told.advice}"


@pytest.mark.parametrize("headless", [True, False])
def test_the_bio_formats_importer_is_told_as_what_it_is(headless: bool) -> None:
    trace = (
        "java.lang.VerifyError: Bad type … 'ij/gui/GenericDialog' is not assignable to 'java/awt/Container'"
    )
    message = f'"Bio-Formats Importer" threw {trace}'

    told = tell(
        {"kind": "plugin_error", "message": message, "trace": trace}, headless=headless, is_core=False
    )

    assert told.failure is FailureClass.NEEDS_DISPLAY
    assert "Ext.openImagePlus" in told.advice
    assert ("DISPLAY_MODE" in told.advice) is headless
