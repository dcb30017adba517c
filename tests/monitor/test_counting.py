"""Jobs are counted exactly, in any order of S3's pages, and rarely while a count decides nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from types import SimpleNamespace
from typing import Any

import pytest

from distributed_fiji.aws.clients import Clients
from distributed_fiji.aws.deadletters import read_dead_letters
from distributed_fiji.aws.listings import SHARDS
from distributed_fiji.aws.queues import Counts
from distributed_fiji.aws.tasks import Task
from distributed_fiji.commands.monitor import wait_seconds
from distributed_fiji.commands.view import Progress, figures
from distributed_fiji.monitor.actions import End
from distributed_fiji.monitor.observe import Observer
from distributed_fiji.monitor.rounds import Watcher
from distributed_fiji.monitor.snapshot import Jobs, Snapshot
from distributed_fiji.review.jobstates import read_jobs
from distributed_fiji.settings import parse_settings
from distributed_fiji.state.jobstate import JobState
from distributed_fiji.state.record import Run, new_run
from tests.monitor.builders import a_run, some_jobs
from tests.monitor.crowd import APP, BEFORE, BUCKET, CREATED, STARTED, Letters, World
from worker.contract.jobs import encode_message

SETTINGS, _ = parse_settings({"APP_NAME": APP, "AWS_BUCKET": BUCKET, "SCRIPT_DOWNLOAD_URL": "s3://b/m.ijm"})
RUN: Run = new_run(SETTINGS, started=STARTED, run_id="", local=False)
QUEUE = {"CreatedTimestamp": str(CREATED)}


def observer(world: World, run: Run = RUN) -> Observer:
    clients: Any = SimpleNamespace(s3=world.store, sqs=world.letters)
    return Observer(run, clients)


@pytest.mark.parametrize("seed", range(50))
def test_no_job_is_miscounted_in_any_world(seed: int) -> None:
    world = World(seed)

    found, truth = observer(world).read_jobs(QUEUE), world.truth()

    for one in fields(Jobs):
        if one.name not in ("unfinished", "written"):
            assert getattr(found, one.name) == getattr(truth, one.name), one.name
    assert found.unaccounted == truth.unaccounted
    assert (found.done, found.gone_dead) == (truth.done, truth.gone_dead)
    assert sorted(found.written) == sorted(world.manifests[job] for job in truth.done_ids)
    assert len(found.unfinished) == world.incomplete
    assert found.dead | found.unaccounted == truth.submitted - truth.done_ids
    assert (found.dead | found.unaccounted) & found.outdated == truth.outdated - truth.done_ids
    assert not world.letters.hidden


@pytest.mark.parametrize("seed", range(10))
def test_of_two_lifetimes_of_a_queue_the_later_one_counts(seed: int) -> None:
    world = World(seed)
    now, before = world.truth(), world.truth(BEFORE)
    again = now.submitted

    found = read_jobs(observer(world, replace(RUN, queue_created=str(BEFORE))), None)

    assert found.submitted == before.submitted | again
    assert found.done_ids == (before.done_ids - again) | now.done_ids
    assert found.dead == (before.dead - again) | now.dead
    assert found.unaccounted == found.submitted - found.done_ids - found.dead

    world.letters.life = 0
    gone = read_jobs(observer(world, replace(RUN, queue_created=str(BEFORE))), None)
    assert (gone.submitted, gone.done_ids, gone.dead) == (before.submitted, before.done_ids, before.dead)


def test_a_folder_of_many_pages_is_listed_whole_and_each_object_once(clients: Clients, app: str) -> None:
    run = a_run(clients, app)
    # A first page that ends early in the order of IDs is that of a large folder.
    jobs = [f"{number:016x}" for number in range(1050)] + [f"{digit:x}" * 16 for digit in range(1, 16)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(run.finish, jobs))
    run.fail("rejected-0123456789abcdef", 1, "no job")
    state = JobState(run.record, clients.s3)

    found = [job for job, _ in state.manifests()]

    assert sorted(found) == sorted(jobs)
    assert state.pages == len(SHARDS) + 1  # those of one digit are two pages
    assert list(state.failures()) == ["rejected-0123456789abcdef"]


def test_thousands_of_letters_are_read_once_each_and_hidden_for_as_long_as_that_takes() -> None:
    bodies = [encode_message(job) for job in some_jobs(5000)]
    queue: Any = Letters(sent=[(body, STARTED) for body in bodies])

    found = read_dead_letters(queue, "dead", len(bodies))

    assert sorted(letter.body for letter in found) == sorted(bodies)
    assert (queue.hidden, queue.hidden_for) == (set(), 30 + 5000 // 200)


def looks(world: World) -> Any:
    """Return a function that looks at a world so many seconds after its start, with so many messages."""
    watching = observer(world)
    tasks = (Task("task", "place", "RUNNING", True),)

    def look(now: float, visible: int, *, at_work: bool = True) -> Snapshot:
        queue = Counts(visible, 1, 0)
        base = Snapshot(STARTED + now, Jobs(), queue, "active", 1, tasks=tasks if at_work else (), desired=2)
        return watching.with_jobs(base, QUEUE)

    return look


def a_large_world() -> World:
    """Return a world whose listings have some 1,200 pages: one that is counted every six minutes."""
    world = next(world for world in map(World, range(1, 99)) if len(world.truth().submitted) == 1500)
    world.store.page = 1
    return world


def test_many_jobs_are_counted_rarely_while_work_is_plenty_and_at_once_when_it_is_not() -> None:
    world = a_large_world()
    look = looks(world)
    first = look(0, 900)
    asked = world.store.lists

    second = look(120, 800)

    assert (second.counted, second.jobs) == (STARTED, first.jobs)
    assert world.store.lists - asked < 20
    progress = Progress()
    progress.add(second.now, second.jobs.done)
    assert "as of" in figures(second, progress)["done"]
    assert look(200, 700, at_work=False).counted is None
    assert look(220, 1).counted is None
    assert look(240, 0).counted is None
    assert look(270, 700).counted == STARTED + 240
    world.submit_again()
    assert look(300, 700).counted is None
    assert look(1300, 700).counted is None


def test_a_run_that_has_cost_too_much_does_not_wait_for_a_long_count() -> None:
    watching = observer(a_large_world())
    watching.run = replace(watching.run, max_cost=10.0)

    def look(now: float, spent: float) -> Snapshot:
        base = Snapshot(STARTED + now, Jobs(), Counts(1, 0, 0), "active", 1, desired=2, spent=spent)
        return watching.with_jobs(base, QUEUE)

    first = look(0, 9.0)

    assert look(30, 9.9).counted is None
    assert (look(60, 10.1).counted, look(60, 10.1).jobs) == (STARTED + 30, first.jobs)


def test_a_small_run_is_counted_at_each_look() -> None:
    world = World(3)
    look = looks(world)

    assert [look(now, 900).counted for now in range(0, 1000, 100)] == [None] * 10


def test_a_slow_look_does_not_delay_the_next_one_beyond_half_a_minute() -> None:
    assert wait_seconds(7200, 25) == 30
    assert wait_seconds(10, 0.5) == 5


def test_a_run_that_cannot_be_counted_in_time_still_ends_by_its_costs(clients: Clients, app: str) -> None:
    run = a_run(clients, app)
    run.submit(some_jobs(2))
    told: list[str] = []
    watcher = Watcher(
        replace(run.record, max_cost=0.0001, machine_price=100.0), clients, has_time=lambda: False
    )

    verdict = watcher.step(run.record.started + 3600, told.append)

    assert verdict is not None
    assert verdict.end == End.COST.value
    assert "no time to list more of them (pages read: 1)" in verdict.unread
    assert any("could not be checked" in line for line in told)
