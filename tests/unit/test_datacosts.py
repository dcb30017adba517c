"""Which keys a bucket's lifecycle rules keep free of the parts of broken uploads."""

from __future__ import annotations

from typing import Any

import pytest

from distributed_fiji.commands.datacosts import aborted_below

ABORTS = {"Status": "Enabled", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}


@pytest.mark.parametrize(
    ("rules", "starts"),
    [
        ([], []),
        ([{"Filter": {}, "Status": "Enabled", "Expiration": {"Days": 9}}], []),
        ([{"Filter": {}, **ABORTS, "Status": "Disabled"}], []),
        ([{"Filter": {}, **ABORTS}], [""]),
        ([{"Filter": {"Prefix": ""}, **ABORTS}, {"Filter": {"Prefix": "a/"}, **ABORTS}], ["", "a/"]),
        (
            [{"Filter": {"And": {"Prefix": "b/"}}, **ABORTS}, {"Filter": {"Prefix": "a/"}, **ABORTS}],
            ["a/", "b/"],
        ),
        ([{"Filter": {"And": {"Prefix": "", "ObjectSizeGreaterThan": 1}}, **ABORTS}], []),
        ([{"Filter": {"Tag": {"Key": "tmp", "Value": "1"}}, **ABORTS}], []),
        ([{"Prefix": "", **ABORTS}], [""]),
        ([{"Prefix": "old/", **ABORTS}], ["old/"]),
    ],
)
def test_a_lifecycle_rule_counts_for_the_keys_that_its_filter_names(
    rules: list[dict[str, Any]], starts: list[str]
) -> None:
    assert aborted_below(rules) == starts
