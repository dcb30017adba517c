"""Where a record is found, and where results are after a redrive."""

from __future__ import annotations

from pathlib import Path

import pytest

from distributed_fiji.commands.redrive import output_location
from distributed_fiji.state.recordfile import find_record
from distributed_fiji.state.submissions import Submission


def test_a_record_is_found_by_its_path_from_here_from_the_checkout_and_by_the_apps_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout, elsewhere = tmp_path / "checkout", tmp_path / "elsewhere"
    record = checkout / "files" / "AppSpotFleetRequestId.json"
    record.parent.mkdir(parents=True)
    record.write_text("{}")
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    for given in ("App", "files/AppSpotFleetRequestId.json", str(record), "../checkout/files/" + record.name):
        assert find_record(Path(given), checkout).resolve() == record
    for given in ("Other", "x" * 300, "none.json"):
        assert find_record(Path(given), checkout) == Path(given)


def test_results_of_redriven_jobs_are_where_their_submission_said() -> None:
    def submission(name: str, location: str, *jobs: str) -> Submission:
        return Submission(name, f"{name}.json", "1", 0.0, jobs, location)

    sent = [
        submission("first", "results/{Well}", "a", "b"),
        submission("second", "other", "c"),
        submission("redrive", "", "a"),
    ]
    assert output_location(frozenset("a"), sent) == "results/{Well}"
    assert output_location(frozenset("c"), sent) == "other"
    assert output_location(frozenset("x"), sent) == ""
