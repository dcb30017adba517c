"""R7: invalid messages, one in ten."""

from __future__ import annotations

import json
from typing import Any

from tests.faults.audit import audit
from tests.faults.ground import Ground, finish
from tests.faults.report import Report
from tests.worker import harness
from tests.worker.harness import a_job, submit
from worker.contract.jobs import encode_message

GOOD: dict[str, Any] = json.loads(encode_message(a_job(1)))
VALUE = GOOD["Metadata"]


def poison_bodies() -> list[str]:
    """Return fifty kinds of invalid message."""
    no_json = [
        "nonsense",
        "{",
        '{"Metadata": ',
        "{'Metadata': {}}",
        "<xml/>",
        "\ufeff{}",
        "{]}",
        "[" * 50_000,
    ]
    no_object = ["[]", "null", "7", '"text"', "true", "[{}]", "1e400", '[["Metadata"]]']
    # Without job_id, or shared_metadata, a message of the original is still a job.
    needed = ("Metadata", "output_file_location")
    parts = [{key: value for key, value in GOOD.items() if key != name} for name in needed]
    metadata: list[Any] = [None, [1], "text", 7, {"a b": 1}, {"": 1}, {"1a": 1}, {"a-b": 1}, {"a.b": 1}]
    values: list[Any] = [None, {"deep": 1}, [1, [2]], "\ud800", "nul\0", float("nan"), float("inf")]
    metadata += [{"a": value} for value in values]
    places: list[Any] = [7, None, [], {}, "../up", "a/../b", "s3://bucket/x", "nul\0", "\udfff"]
    inputs: list[Any] = ["text", {}, [7], [""], ["a/../b"], [None]]
    bodies = [
        *no_json,
        *no_object,
        *(json.dumps(part) for part in ({}, *parts)),
        *(json.dumps({**GOOD, "Metadata": value}) for value in metadata),
        *(json.dumps({**GOOD, "shared_metadata": value}) for value in (None, [1], {"a b": 1}, {"a": None})),
        *(json.dumps({**GOOD, "output_file_location": value}) for value in places),
        *(json.dumps({**GOOD, "inputs": value}) for value in inputs),
        json.dumps({**GOOD, "job_id": "0" * 16}),
        json.dumps({**GOOD, "job_id": 7}),
        json.dumps({**GOOD, "Metadata": {**VALUE, "another": 1}}),
    ]
    return list(dict.fromkeys(bodies))


def poison_in_the_queue(ground: Ground, *, kinds: int, jobs: int, workers: int) -> Report:
    """Every tenth message is poison: it is refused with a reason, and all good jobs are done."""
    report = Report()
    chance = ground.chance("R7")
    bodies = poison_bodies()
    poison = chance.sample(bodies, min(kinds, len(bodies)))
    report.expect(len(poison) == kinds, f"there are only {len(poison)} kinds")
    with ground.run("poison", retries=1) as run:
        good = [a_job(number) for number in range(jobs)]
        mixed: list[Any] = [*good, *poison]
        chance.shuffle(mixed)
        submit(run, mixed)
        for _ in range(workers):
            harness.start_worker(run)
        harness.wait_until_settled(run, 60 + jobs)
        report.expect(all(worker.process.poll() is None for worker in run.workers), "a worker has ended")
        finish(run, 30)
        report.injected["kinds of poison"] += len(poison)
        report.injected["good jobs"] += jobs
        audit(run, good, report, poison=poison)
        report.expect(
            report.outcomes["done"] == jobs, f"{report.outcomes['done']} of {jobs} good jobs are done"
        )
    return report
