"""R18 and R19: jobs with the same output, and scripts that leave processes behind which rewrite outputs."""

from __future__ import annotations

import contextlib
import functools
import random
from collections import Counter
from collections.abc import Callable, Iterator

import psutil

from tests.faults.audit import audit, outcomes
from tests.faults.ground import Ground, finish, side_by_side
from tests.faults.leases import BOTH
from tests.faults.report import Report
from tests.faults.twice import Twice
from tests.worker import harness
from tests.worker.harness import Run, submit
from worker.contract.jobs import FailureClass, Job, Value

#: How many files are uploaded besides the shared one.
MANY = ",".join(f"{{0}}/{number}.bin" for number in range(30))
#: How many workers are killed for every ten jobs.
KILLS_FOR_TEN = 1


def one_name(place: str) -> list[Job]:
    """Three wells, one location, one name."""
    return [_job(place, Well=well, names="result.bin") for well in ("A01", "A02", "A03")]


def kinds_of_values(place: str) -> list[Job]:
    """Values of different types that give the same location."""
    return [_job(f"{place}/{well}", Well=well, names="result.bin") for well in ("0", 0)]


def nested(place: str) -> list[Job]:
    """A location inside another one."""
    return [
        _job(place, Well="A01", names="deep/result.bin,own.bin"),
        _job(f"{place}/deep", Well="A02", names="result.bin"),
    ]


def one_of_many(place: str) -> list[Job]:
    """Thirty files that belong to each job alone, and one that both want."""
    return [_job(place, Well=well, names=f"{MANY.format(well)},shared.bin") for well in ("A01", "A02")]


def linked(place: str) -> list[Job]:
    """One name that is a link for one of the jobs."""
    link = "mv output/own.bin kept.bin; ln -s ../kept.bin output/result.bin"
    return [
        _job(place, Well="A01", names="own.bin", shell=link),
        _job(place, Well="A02", names="result.bin"),
    ]


WAYS: tuple[Callable[[str], list[Job]], ...] = (one_name, kinds_of_values, nested, one_of_many, linked)


def _job(place: str, **metadata: Value) -> Job:
    return Job({"content": "random", "bytes": 200, **metadata}, place)


def groups(chance: random.Random, jobs: int) -> Iterator[list[Job]]:
    """Yield groups of jobs that compete for an output, until there are so many jobs."""
    made = 0
    ways: list[Callable[[str], list[Job]]] = []
    while made < jobs:
        ways = ways or chance.sample(WAYS, len(WAYS))
        way = ways.pop()
        group = way(f"results/{way.__name__}{made}")
        made += len(group)
        yield [
            Job({**job.metadata, "sleep": round(chance.uniform(0, 0.4), 2)}, job.output_file_location)
            for job in group
        ]


def colliding_outputs(ground: Ground, *, jobs: int, workers: int) -> Report:
    """One job of a group has the output; the others fail and name it.

    Some messages come twice, workers are killed, and all jobs are sent once more. Jobs beside them with
    separate names are all done.
    """
    report = Report()

    def lane(emulator: str) -> None:
        with ground.run("collide", on=emulator, retries=12) as run:
            _collide(run, ground.chance(f"R18 {emulator}"), jobs // len(BOTH), workers, report)

    side_by_side(functools.partial(lane, emulator) for emulator in BOTH)
    return report


def _collide(run: Run, chance: random.Random, jobs: int, workers: int, report: Report) -> None:
    made = list(groups(chance, jobs))
    alone = [_job("results/one_name0", Well=f"B{number:02}", names=f"B{number}.bin") for number in range(5)]
    sent = [job for group in made for job in group] + alone
    chance.shuffle(sent)
    with contextlib.closing(Twice(run.cloud.url, chance)) as proxy:
        start = functools.partial(
            harness.start_worker,
            run,
            AWS_ENDPOINT_URL_SQS=proxy.url,
            SQS_MESSAGE_VISIBILITY=12,
            HEARTBEAT_SECONDS=4,
        )
        for _ in range(2):
            submit(run, sent)
            _kill_some(run, [start() for _ in range(workers)], start, chance, len(sent), report)
            finish(run, 120 + 3 * len(sent))
        report.injected.update(proxy.injected)
    report.injected["jobs that collide"] += sum(len(group) for group in made)
    for group in made:
        _check_group(run, group, report)
    audit(run, sent, report)
    done = [job for job in alone if harness.manifest(run, job)]
    report.expect(done == alone, f"{len(alone) - len(done)} jobs with names of their own are not done")


def _kill_some(
    run: Run,
    living: list[harness.WorkerProcess],
    start: Callable[[], harness.WorkerProcess],
    chance: random.Random,
    jobs: int,
    report: Report,
) -> None:
    """Kill workers after some of their jobs, and start others instead."""
    for _ in range(max(1, KILLS_FOR_TEN * jobs // 20)):
        number = chance.randrange(len(living))
        victim = living[number]
        harness.wait_until(
            lambda victim=victim: len(victim.lines()) >= 2 or harness.counts(run) == (0, 0),  # type: ignore[misc]
            60,
            "it has had two jobs",
        )
        victim.process.kill()
        victim.process.wait()
        report.injected["SIGKILL"] += 1
        living[number] = start()


def _check_group(run: Run, group: list[Job], report: Report) -> None:
    """No output is in two manifests, and a job without one was told whose it is."""
    keys: Counter[str] = Counter()
    for job in group:
        document = harness.manifest(run, job)
        if document:
            keys.update(output["key"] for output in document["outputs"])
            continue
        taken = [
            record["sentence"]
            for record in harness.failures(run, job.job_id)
            if record["class"] == FailureClass.OUTPUTS_TAKEN.value
        ]
        report.expect(taken, f"{job.metadata} is not done, for another reason: {harness.told(run, job)}")
        report.expect(all("already" in line for line in taken), f"not told whose: {taken[:1]}")
    twice = [key for key, times in keys.items() if times > 1]
    report.outcomes["outputs of two jobs"] += len(twice)
    report.expect(not twice, f"in two manifests: {twice[:3]}")


REWRITE = "while :; do for file in output/*; do echo more >>$file; done; sleep 0.005; done"
#: What scripts leave running: shell commands.
SURVIVORS = {
    "in its session": f"sh -c '{REWRITE}' &",
    "ignoring TERM": f"sh -c 'trap \"\" TERM HUP; {REWRITE}' &",
    "in a session of its own": f"setsid sh -c '{REWRITE}' >/dev/null 2>&1 &",
    "twice forked, without environment": f"(setsid env -i sh -c '({REWRITE}) &' >/dev/null 2>&1 &)",
    "that replaces itself": (
        "cat >again.sh <<'E'\necho more >>output/out0.bin\n[ -e stop ] || setsid env -i sh again.sh &\nE\n"
        "sh again.sh >/dev/null 2>&1 &"
    ),
    "that adds files": (
        "setsid env -i sh -c 'i=0; while :; do i=$((i+1)); echo x >output/new$i.bin; sleep 0.01; done'"
        " >/dev/null 2>&1 &"
    ),
    "that renames files": (
        "setsid env -i sh -c 'while :; do mv output/out0.bin output/o; mv output/o output/out0.bin; done'"
        " >/dev/null 2>&1 &"
    ),
}


def survivors(ground: Ground, *, jobs: int, workers: int) -> Report:
    """Whatever a script leaves running is gone before its outputs are read, and all of them are as judged."""
    report = Report()
    with ground.run("survive", retries=3) as run:
        sent = []
        for number in range(jobs):
            name, command = list(SURVIVORS.items())[number % len(SURVIVORS)]
            sent.append(harness.a_job(number, files=3, bytes=2_000, content="random", shell=command))
            report.injected[f"a process {name}"] += 1
        submit(run, sent)
        for _ in range(workers):
            harness.start_worker(run)
        finish(run, 60 + 3 * jobs)
        ends = Counter(line["outcome"] for line in outcomes(run))
        report.expect(ends["DONE"] == len(sent), f"{ends} of {len(sent)} jobs")
        left = _living_in(run)
        report.expect(not left, f"still there: {left[:3]}")
        audit(run, sent, report)
    return report


def _living_in(run: Run) -> list[str]:
    """Return the commands of all processes whose working directory is in a worker's scratch."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if str(run.scratch) in process.cwd():
                found.append(" ".join(process.cmdline()))
    return found
