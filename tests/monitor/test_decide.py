"""What the monitor decides, from what was seen alone."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from distributed_fiji.aws.queues import Counts
from distributed_fiji.aws.tasks import Task, TaskEnd
from distributed_fiji.monitor.actions import (
    Action,
    AddAlarm,
    DeleteAlarms,
    End,
    EndMachines,
    LowerService,
    LowerTarget,
    TakeDown,
)
from distributed_fiji.monitor.decide import Limits, Memory, decide
from distributed_fiji.monitor.snapshot import Jobs, Machine, Snapshot
from distributed_fiji.state.record import Run

RUN = Run(
    run_id="token",
    app_name="Plate",
    region="us-east-1",
    fleet_id="sfr-1",
    cluster="default",
    service="PlateService",
    task_family="PlateTask",
    launch_template="PlateLaunchTemplate",
    queue_name="PlateQueue",
    dead_letter_queue="PlateDeadMessages",
    bucket="bucket",
    destination_bucket="bucket",
    output_locations=(),
    log_group="Plate",
    machine_log_group="Plate_perInstance",
    script_sha256="",
    tasks_per_machine=1,
    started=0.0,
    dashboard=True,
    image="user/fiji:1",
    script="s3://bucket/script.ijm",
    machines=2,
    machine_types=("m5.large",),
    machine_price=0.0,
    visibility_seconds=180,
    auto_monitor=True,
)
LIMITS = Limits()


def ids(*numbers: int) -> frozenset[str]:
    return frozenset(f"{number:016x}" for number in numbers)


def seen(
    now: float = 1000, *, left: int = 0, machines: int = 2, at_work: int | None = None, **more
) -> Snapshot:
    """Return a look at a run whose machines each hold one task, `at_work` of them with a job."""
    working = machines if at_work is None else at_work
    base = Snapshot(
        now=now,
        jobs=Jobs(),
        queue=Counts(left, 0, 0),
        fleet_state="active",
        target_capacity=machines,
        machines=tuple(Machine(f"i-{n}", "running", 0.0, f"place-{n}", 1) for n in range(machines)),
        tasks=tuple(Task(f"task-{n}", f"place-{n}", "RUNNING", n < working) for n in range(machines)),
        desired=machines,
        alarms=frozenset(f"i-{n}" for n in range(machines)),
    )
    return replace(base, **more)


def after(*looks: Snapshot, run: Run = RUN, cheapest: bool = False) -> list[Action]:
    """Return what is decided at the last of several looks."""
    memory, actions = Memory(), []
    for look in looks:
        actions, memory = decide(run, LIMITS, look, memory, cheapest=cheapest)
    return actions


def ended(actions: list[Action]) -> list[list[str]]:
    """Return the machines that each action ends."""
    return [
        [machine.instance_id for machine in action.machines]
        for action in actions
        if isinstance(action, EndMachines)
    ]


def end_of(*looks: Snapshot) -> End | None:
    """Return why the run is taken down at the last look, or None."""
    return next((action.end for action in after(*looks) if isinstance(action, TakeDown)), None)


def test_jobs_that_were_counted_at_an_earlier_look_end_nothing_but_costs_do() -> None:
    jobs = Jobs(submitted=ids(1, 2), done_ids=ids(1, 2))
    looks = [seen(time, jobs=jobs, at_work=0, counted=900) for time in range(1000, 2000, 30)]

    assert end_of(*looks) is None
    assert end_of(*looks, seen(2000, jobs=jobs, at_work=0)) == End.ACCOUNTED
    costly = [replace(look, spent=5.0) for look in looks]
    assert after(costly[0], run=replace(RUN, max_cost=4.0)) == [TakeDown(End.COST)]


def test_the_run_is_over_when_every_submitted_job_is_done_or_dead() -> None:
    jobs = Jobs(submitted=ids(1, 2, 3), done_ids=ids(1, 2), dead=ids(3))

    assert after(seen(jobs=jobs, at_work=0)) == [TakeDown(End.ACCOUNTED)]


def test_an_empty_queue_ends_nothing_while_a_submitted_job_is_unaccounted_for() -> None:
    jobs = Jobs(submitted=ids(1, 2), done_ids=ids(1))

    assert not any(
        isinstance(action, TakeDown) for action in after(seen(1000, jobs=jobs), seen(1100, jobs=jobs))
    )


def test_other_peoples_messages_are_waited_for_though_every_submitted_job_is_done() -> None:
    jobs = Jobs(submitted=ids(1), done_ids=ids(1))
    looks = [seen(time, left=4, jobs=jobs) for time in range(1000, 1200, 30)]
    empty = [seen(time, jobs=jobs, at_work=0) for time in range(1210, 1330, 30)]
    assert end_of(*looks, *empty[:-1]) is None
    assert end_of(*looks, *empty, seen(1330, jobs=jobs, at_work=0)) == End.ACCOUNTED


def test_a_count_that_lags_behind_the_last_manifest_is_waited_for_once() -> None:
    jobs = Jobs(submitted=ids(1), done_ids=ids(1))

    busy = seen(980, left=1, jobs=Jobs(submitted=ids(1)), at_work=1)
    late = seen(1000, left=1, jobs=jobs, at_work=0)

    assert end_of(busy, late) is None
    assert after(busy, late, seen(1030, jobs=jobs, at_work=0)) == [TakeDown(End.ACCOUNTED)]


def test_a_task_with_somebody_elses_job_is_waited_for_though_every_submitted_job_is_done() -> None:
    jobs = Jobs(submitted=ids(1), done_ids=ids(1))

    assert end_of(seen(1000, jobs=jobs, at_work=1), seen(1030, jobs=jobs, at_work=1)) is None


def test_jobs_of_others_that_were_counted_for_a_while_are_waited_for_when_the_counts_read_zero() -> None:
    busy = [seen(time, left=5, jobs=Jobs(submitted=ids(1)), at_work=1) for time in range(800, 1000, 30)]
    over = [
        seen(time, jobs=Jobs(submitted=ids(1), done_ids=ids(1)), at_work=0) for time in range(1000, 1101, 20)
    ]

    assert end_of(*busy, *over[:-1]) is None
    assert end_of(*busy, *over) == End.ACCOUNTED


def test_jobs_that_only_an_earlier_run_has_done_are_not_done() -> None:
    jobs = Jobs(submitted=ids(1, 2), outdated=ids(1, 2))

    assert jobs.done == 0
    assert end_of(*(seen(time, jobs=jobs, at_work=0) for time in range(1000, 1361, 60))) == End.LOST


def test_what_costs_ends_though_the_jobs_cannot_be_looked_at_and_nothing_else_does() -> None:
    unread = {"unread": "AccessDenied", "queue": None, "desired": None, "tasks": (), "target_capacity": 9}
    run = replace(RUN, max_cost=5.0)

    assert after(*(seen(time, **unread) for time in range(1000, 9000, 60)), run=run) == []
    assert after(seen(spent=5.1, **unread), run=run) == [TakeDown(End.COST)]
    assert after(seen(machines=0, fleet_state="cancelled", **unread), run=run) == [TakeDown(End.NO_FLEET)]


def test_jobs_of_others_are_worked_off_when_the_queue_reads_empty_and_no_task_has_a_job_for_a_while() -> None:
    busy = seen(900, left=1, at_work=1)
    looks = [seen(time, at_work=0) for time in range(1000, 1101, 20)]

    assert end_of(busy, *looks[:-1]) is None
    assert end_of(busy, *looks) == End.SETTLED
    assert end_of(busy, *looks[:3], seen(1060, left=1), *looks[4:]) is None
    assert end_of(busy, *looks[:3], seen(1060, at_work=1), *looks[4:]) is None
    assert end_of(busy, looks[0], looks[-1]) is None


def test_a_queue_must_read_empty_for_minutes_where_no_task_says_whether_it_has_a_job() -> None:
    unknown = (Task("task", "place", "RUNNING"),)
    looks = [seen(time, left=0, tasks=unknown) for time in range(1000, 1241, 60)]

    assert end_of(*looks[:-1]) is None
    assert end_of(*looks) == End.SETTLED
    assert end_of(*looks[:2], seen(1120, tasks=unknown, jobs=Jobs(failed_attempts=1)), *looks[3:]) is None


def test_a_manifest_that_comes_contradicts_a_queue_that_reads_empty() -> None:
    looks = [seen(1000 + 60 * n, jobs=Jobs(others=n)) for n in range(10)]

    assert after(*looks) == []


def test_submitted_jobs_that_vanished_end_the_run_as_lost_and_never_while_a_task_is_at_work() -> None:
    jobs = Jobs(submitted=ids(1, 2), done_ids=ids(1))
    times = range(1000, 1400, 60)

    assert after(*(seen(time, jobs=jobs, at_work=0) for time in times)) == [TakeDown(End.LOST)]
    assert not any(
        isinstance(action, TakeDown) for action in after(*(seen(t, jobs=jobs, at_work=1) for t in times))
    )


def test_a_fleet_that_ended_with_its_machines_ends_the_run_though_jobs_wait() -> None:
    jobs = Jobs(submitted=ids(1))

    ended = seen(left=1, jobs=jobs, machines=0, fleet_state="cancelled", target_capacity=2)
    assert after(ended) == [TakeDown(End.NO_FLEET)]
    assert after(seen(left=1, jobs=jobs, machines=1, fleet_state="cancelled_running")) == []


def test_a_queue_that_is_missing_at_one_look_ends_nothing() -> None:
    missing = [seen(time, queue=None, machines=3, at_work=3) for time in (1000, 1030, 1060)]

    assert after(missing[0]) == []
    assert end_of(missing[0], seen(1030, left=4), missing[2]) is None
    assert end_of(*missing) == End.QUEUE_GONE


def test_a_fleet_that_ec2_does_not_know_yet_ends_nothing() -> None:
    young = replace(RUN, started=900.0)
    looks = [seen(time, left=4, machines=0, fleet_state="") for time in (1000, 1060, 1120)]
    late = [seen(time, left=4, machines=0, fleet_state="") for time in (1201, 1261)]

    assert TakeDown(End.NO_FLEET) not in after(*looks, run=young)
    assert after(*looks, *late, run=young) == [TakeDown(End.NO_FLEET)]
    assert end_of(seen(2000, left=4, machines=0, fleet_state="", desired=2)) is None


def test_service_and_fleet_go_down_to_the_jobs_that_are_left() -> None:
    jobs = Jobs(submitted=ids(*range(10)), done_ids=ids(*range(7)))

    actions = after(seen(machines=5, at_work=3, left=3, jobs=jobs))

    assert actions == [LowerTarget(3), LowerService(3)]


def test_the_service_is_not_lowered_where_it_is_not_known_which_tasks_hold_a_job() -> None:
    jobs = Jobs(submitted=ids(1))
    unknown = tuple(Task(f"task-{n}", f"place-{n}", "RUNNING") for n in range(5))

    assert after(seen(machines=5, left=1, jobs=jobs, tasks=unknown)) == [LowerTarget(1)]


def test_the_service_is_not_lowered_while_no_worker_was_seen_to_protect_itself() -> None:
    busy, last = (Jobs(submitted=ids(*range(count))) for count in (9, 1))

    assert after(seen(machines=5, left=1, jobs=last, at_work=0)) == [LowerTarget(1)]
    looks = seen(1000, machines=5, left=9, jobs=busy), seen(1060, machines=5, left=1, jobs=last, at_work=0)
    assert LowerService(5) not in after(*looks)
    assert any(isinstance(action, LowerService) for action in after(*looks))


def test_tasks_at_work_keep_their_places_though_fewer_jobs_are_counted() -> None:
    jobs = Jobs(submitted=ids(1))

    assert after(seen(machines=5, at_work=4, left=1, jobs=jobs)) == [LowerTarget(4), LowerService(4)]


def test_only_machines_without_a_task_are_ended() -> None:
    jobs = Jobs(submitted=ids(1))
    machines = (
        Machine("i-0", "running", 0.0, "place-0", 0),
        Machine("i-1", "running", 0.0, "place-1", 1),
        Machine("i-2", "running", 0.0, "place-2", 0),
    )
    task = (Task("task", "place-1", "RUNNING", True),)
    look = seen(left=1, jobs=jobs, machines=3)

    actions = after(replace(look, machines=machines, tasks=task, desired=1, target_capacity=1))

    assert ended(actions) == [["i-0", "i-2"]]


def test_a_thousand_idle_machines_are_ended_a_hundred_at_a_time() -> None:
    idle = tuple(Machine(f"i-{n}", "running", 0.0, f"place-{n}", 0) for n in range(1, 1000))
    busy = Machine("i-0", "running", 0.0, "place-0", 1)
    task = (Task("task", "place-0", "RUNNING", True),)
    look = seen(left=1, jobs=Jobs(submitted=ids(1)), machines=1)

    waves = ended(after(replace(look, machines=(busy, *idle), tasks=task)))

    assert [len(wave) for wave in waves] == 9 * [100] + [99]
    assert {one for wave in waves for one in wave} == {machine.instance_id for machine in idle}


def test_an_idle_machine_stays_while_tasks_wait_for_a_place() -> None:
    jobs = Jobs(submitted=ids(*range(10)))
    idle = (Machine("i-0", "running", 0.0, "place-0", 0),)

    assert (
        after(
            seen(machines=1, left=10, jobs=jobs, tasks=(), desired=1)
            and replace(seen(machines=1, left=10, jobs=jobs, tasks=(), desired=1), machines=idle)
        )
        == []
    )


def test_nothing_is_lowered_before_the_service_was_started() -> None:
    assert after(seen(100, machines=5, left=0, desired=0)) == []


def test_a_start_that_was_cut_off_ends_what_costs_after_a_quarter_of_an_hour() -> None:
    assert end_of(seen(14 * 60, left=3, desired=0, jobs=Jobs(submitted=ids(1, 2, 3)))) is None
    assert end_of(seen(15 * 60, left=3, desired=0, jobs=Jobs(submitted=ids(1, 2, 3)))) == End.NOT_STARTED
    assert End.NOT_STARTED.keeps_queue


def test_a_run_ends_when_it_has_cost_what_it_may_and_keeps_its_jobs() -> None:
    limited = replace(RUN, max_cost=2.0)
    jobs = Jobs(submitted=ids(*range(9)), done_ids=ids(1))
    look = seen(left=8, jobs=jobs)

    assert after(replace(look, spent=1.99), run=limited) != [TakeDown(End.COST)]
    assert after(replace(look, spent=2.0), run=limited) == [TakeDown(End.COST)]
    assert end_of(replace(look, spent=1000.0)) is None
    assert End.COST.keeps_queue


def test_a_run_whose_jobs_are_all_done_is_over_whatever_it_has_cost() -> None:
    jobs = Jobs(submitted=ids(1), done_ids=ids(1))

    assert after(seen(jobs=jobs, at_work=0, spent=9.0), run=replace(RUN, max_cost=2.0)) == [
        TakeDown(End.ACCOUNTED)
    ]


def test_one_low_count_of_jobs_that_nobody_submitted_lowers_nothing() -> None:
    low = seen(1030, left=1, machines=5)

    assert after(seen(1000, left=50, machines=5), low) == []


def test_the_cheapest_mode_replaces_no_machine_after_fifteen_minutes() -> None:
    jobs = Jobs(submitted=ids(*range(50)))

    early = seen(14 * 60, left=50, machines=5, jobs=jobs)
    late = seen(16 * 60, left=50, machines=5, jobs=jobs)
    assert after(early, cheapest=True) == []
    assert after(late, cheapest=True) == [LowerTarget(1)]
    assert after(late) == []


def test_machines_get_an_alarm_and_those_of_machines_that_are_gone_are_deleted() -> None:
    jobs = Jobs(submitted=ids(*range(50)))

    actions = after(seen(left=50, jobs=jobs, alarms=frozenset({"i-1", "i-gone"})))

    assert actions == [AddAlarm("i-0"), DeleteAlarms(("i-gone",))]


def test_many_machines_get_their_alarms_some_at_a_look_and_after_all_else() -> None:
    jobs = Jobs(submitted=ids(*range(500)))
    lost = Machine("i-lost", "running", 0.0)
    look = seen(20 * 60, left=500, machines=100, jobs=jobs, alarms=frozenset())

    actions = after(replace(look, machines=(*look.machines, lost)))

    assert isinstance(actions[0], EndMachines)
    assert [type(action) for action in actions[1:]] == 20 * [AddAlarm]


def test_a_machine_that_never_joined_is_ended() -> None:
    jobs = Jobs(submitted=ids(*range(50)))
    lost = Machine("i-0", "running", 0.0)
    look = seen(20 * 60, left=50, machines=1, jobs=jobs, tasks=(), desired=1)

    actions = after(replace(look, machines=(lost,)))

    assert ended(actions) == [["i-0"]]


WORK = Jobs(submitted=ids(*range(50)))


def ends(count: int, lived: float | None = 8, code: str = "EssentialContainerExited") -> tuple[TaskEnd, ...]:
    """Return the ends of tasks, the latest first."""
    return tuple(
        TaskEnd(f"task-{n}", code, "Essential container in task exited", 1, "", lived) for n in range(count)
    )


def idle(minutes: range, **more: Any) -> list[Snapshot]:
    """Return looks, one a minute, at machines on which no task holds a job."""
    machines = tuple(Machine(f"i-{n}", "running", 0.0, f"place-{n}", 0) for n in range(2))
    base = {"left": 50, "jobs": WORK, "at_work": 0, "tasks": (), "machines": 2}
    return [
        replace(seen(60 * minute, **{**base, **{k: v for k, v in more.items() if k != "alive"}}),
                machines=more.get("alive", machines))
        for minute in minutes
    ]  # fmt: skip


def test_tasks_that_end_at_once_again_and_again_end_the_run_after_ten_minutes() -> None:
    failing = {"ends": ends(3)}

    assert end_of(*idle(range(1, 11), **failing)) is None
    assert end_of(*idle(range(1, 12), **failing)) == End.NOTHING_RUNS
    assert end_of(*idle(range(1, 12), ends=ends(3, lived=None, code="TaskFailedToStart"))) == End.NOTHING_RUNS
    assert End.NOTHING_RUNS.keeps_queue


def test_tasks_that_find_no_place_end_the_run_after_ten_minutes() -> None:
    assert end_of(*idle(range(1, 12))) == End.NOTHING_RUNS


def test_tasks_that_wait_for_their_image_and_machines_that_boot_are_waited_for() -> None:
    pending = (Task("task-0", "place-0", "PENDING"),)
    booting = (Machine("i-0", "running", 0.0),)

    assert end_of(*idle(range(1, 40), tasks=pending)) is None
    assert end_of(*idle(range(1, 48), tasks=pending)) == End.NOTHING_RUNS
    assert end_of(*idle(range(1, 20), alive=booting)) is None


def test_machines_none_of_which_ever_joined_end_the_run_and_are_not_replaced() -> None:
    strangers = tuple(Machine(f"i-{n}", "running", 0.0) for n in range(2))

    assert end_of(*idle(range(1, 20), alive=strangers)) is None
    assert end_of(*idle(range(1, 21), alive=strangers)) == End.NOTHING_RUNS


def test_a_run_in_which_anything_runs_goes_on_whatever_ends_beside_it() -> None:
    looks = range(1, 30)
    at_work = (Task("task-0", "place-0", "RUNNING", True, 0.0),)
    waiting = (Task("task-0", "place-0", "RUNNING", False, 0.0),)

    assert end_of(*idle(looks, tasks=at_work, ends=ends(9))) is None
    assert end_of(*idle(looks, tasks=waiting, ends=ends(9))) is None
    assert end_of(*idle(looks, ends=ends(9, code="SpotInterruption"), tasks=waiting)) is None


def test_a_task_that_waits_for_the_retry_of_a_failed_job_has_got_to_its_work() -> None:
    """The time in which nothing runs is told after ten minutes: it must not pass while jobs are hidden."""
    young = (Task("task-0", "place-0", "RUNNING", False, 719.0),)
    failed = replace(WORK, failing=ids(1), failed_attempts=1)
    hidden = Counts(visible=0, in_flight=1, delayed=0)

    def passed(**more: Any) -> float:
        looks = idle(range(10, 13), tasks=young, jobs=failed, ends=())
        memory = Memory()
        for look in looks:
            _, memory = decide(RUN, Limits(), replace(look, **{"queue": hidden, **more}), memory)
        return memory.nothing_ran

    assert passed() == 0
    assert passed(jobs=WORK) == 120
    assert passed(queue=Counts(visible=1, in_flight=1, delayed=0)) == 120
    assert passed(queue=Counts(visible=0, in_flight=0, delayed=1)) == 0, "sent on alone, out of a bundle"
    assert passed(tasks=()) == 120
    assert passed(ends=ends(3)) == 120


def test_while_no_machine_is_there_the_fleet_is_waited_for() -> None:
    some, none = idle(range(1, 8), ends=ends(3)), idle(range(8, 60), alive=(), ends=ends(3))

    assert end_of(*some, *none) is None


def test_a_job_that_was_done_meanwhile_begins_the_time_anew() -> None:
    before = idle(range(1, 10), ends=ends(3))
    done = idle(range(10, 15), ends=ends(3), jobs=replace(WORK, done_ids=ids(1)))

    assert end_of(*before, *done) is None


def test_bundles_need_as_many_tasks_as_there_are_messages_once_their_count_can_be_believed() -> None:
    """Twenty jobs in two messages: two of the four machines have nothing to do."""
    jobs = Jobs(submitted=ids(*range(20)), bundled=True)
    look = partial(seen, left=2, machines=4, at_work=2, jobs=jobs)

    assert after(look(1000)) == []
    actions = after(look(1000), look(1060), look(1120))
    assert LowerTarget(2) in actions
    assert LowerService(2) in actions
    assert after(look(1000, left=30), look(1060, left=30), look(1120, left=30)) == []
    high = after(look(1000, left=9), look(1060, left=9), look(1120, left=1))
    assert high == [], "a message that is taken apart is several, and one low count proves nothing"
