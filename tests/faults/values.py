"""R12 and S4: values of every type reach the script as sent, and hostile ones reach nothing else."""

from __future__ import annotations

import functools
import json
import random
import string
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.faults.audit import audit
from tests.faults.ground import Ground, finish, side_by_side
from tests.faults.report import Report
from tests.imagej import imagej_core
from tests.worker import harness
from tests.worker.harness import Run, submit
from worker.contract.jobs import Job, Value

LANGUAGES = ("ijm", "py", "groovy")
#: Separates two values in what the scripts write; occurs in no value.
BETWEEN = "\x1f"
#: The declared types of a job's parameters, in turn.
KINDS = ("String", "String", "String", "String", "Integer", "Double", "Boolean", "String")

PIECES = (
    *string.ascii_letters,
    *string.digits,
    *"'\"\\,;=()[]{}<>|&$`~!?*#@%^:/.-+_ ",
    *"\n\r\t",
    *"éüßµçñøÅ日本語漢字Ωλя",
    "😀",
    "👩‍🔬",
    "\u202e",
    "\u00a0",
    "''",
    '""',
    "\\n",
    "\\",
    "${x}",
    "%s",
    "$(id)",
    "`id`",
    "/home/ubuntu/data/",
    "C:\\new\\temp",
    "k=v, ",
    "//",
    "/*",
    "-x",
    "--run",
)
WHOLE = (
    "",
    " ",
    "2026-11-25",
    "25/11/2026",
    "007",
    "1e3",
    "1.50",
    "true",
    "null",
    "NaN",
    "A01",
    "plate 1, well B02",
    "../up/a b.tif",
    "/data/Plate (1)/it's.tif",
    "it's",
    'say "x"',
)


def a_value(kind: str, chance: random.Random) -> Value:
    """Return a value for a parameter of a declared type. None is an input."""
    if kind == "Integer":
        return chance.choice([0, 1, -1, 7, 2**31 - 1, -(2**31), chance.randrange(-(10**6), 10**6)])
    if kind == "Double":
        return chance.choice([0.5, -0.25, 1e-3, 123456.75, round(chance.uniform(-1000, 1000), 3)])
    if kind == "Boolean":
        return chance.random() < 0.5
    if chance.random() < 0.2:
        return chance.choice(WHOLE)
    return "".join(chance.choice(PIECES) for _ in range(chance.randrange(1, 25)))


def names_of(count: int) -> list[tuple[str, str]]:
    """Return the names of a job's parameters with their types."""
    return [(f"p{number}", KINDS[number % len(KINDS)]) for number in range(count)]


def writer(language: str, count: int) -> str:
    """Return a script that writes its parameters, in order, to output/values.txt."""
    named = names_of(count)
    declared = "".join(f"#@ {kind} {name}\n" for name, kind in named)
    if language == "ijm":
        shown = {"Double": "d2s({0}, 6)", "Integer": "d2s({0}, 0)", "Boolean": "d2s({0}, 0)"}
        lines = [f"s = s + {shown.get(kind, '{0}').format(name)} + between;\n" for name, kind in named]
        head, tail = 'between = fromCharCode(31);\ns = "";\n', 'File.saveString(s, "output/values.txt");\n'
        return declared + head + "".join(lines) + tail
    if language == "py":
        lines = [f"v.append({name} if {kind == 'String'} else repr({name}))\n" for name, kind in named]
        head = "import codecs\nv = []\n"
        tail = (
            'out = codecs.open("output/values.txt", "w", "utf-8")\n'
            'for one in v:\n    out.write(one)\n    out.write(u"\\x1f")\nout.close()\n'
        )
        return declared + head + "".join(lines) + tail
    lines = [f'v << "" + {name}\n' for name, _ in named]
    tail = 'new File("output/values.txt").setText(v.collect { it + "\\u001f" }.join(""), "UTF-8")\n'
    return declared + "def v = []\n" + "".join(lines) + tail


def as_written(value: Value, kind: str, language: str) -> str:
    """Return how a language writes a value that arrived as sent."""
    if kind == "String":
        return str(value)
    if language == "ijm":
        return f"{float(value):.6f}" if kind == "Double" else str(int(value))
    if kind == "Boolean":
        return str(value) if language == "py" else str(value).lower()
    return repr(float(value)) if kind == "Double" else str(int(value))


def generated_values(ground: Ground, *, values: int, each: int) -> Report:
    """Every generated value arrives as sent, in each language. A job has `each` of them."""
    report = Report()
    named = names_of(each)

    def lane(language: str) -> None:
        # The same values in each language.
        chance = ground.chance("R12")
        with ground.run(f"values-{language}", retries=1) as run:
            sets = [{name: a_value(kind, chance) for name, kind in named} for _ in range(-(-values // each))]
            jobs = [Job(metadata, f"results/{number}") for number, metadata in enumerate(sets)]
            _work_in_imagej(run, writer(language, each), language, jobs)
            for job in jobs:
                _compare(run, job, language, report)
            audit(run, jobs, report)

    side_by_side(functools.partial(lane, language) for language in LANGUAGES)
    return report


def _work_in_imagej(run: Run, script: str, language: str, jobs: Sequence[Job]) -> None:
    key = f"scripts/script.{language}"
    run.cloud.s3.put_object(Bucket=run.bucket, Key=key, Body=script.encode("utf-8"))
    submit(run, jobs)
    harness.start_worker(run, FIJI_HOME=imagej_core(), SCRIPT_DOWNLOAD_URL=f"s3://{run.bucket}/{key}")
    finish(run, 60 + 15 * len(jobs))


def _compare(run: Run, job: Job, language: str, report: Report) -> None:
    report.injected[f"values to .{language}"] += len(job.metadata)
    if not harness.manifest(run, job):
        return
    key = f"{job.output_file_location}/values.txt"
    arrived = harness.content(run, key).decode("utf-8").split(BETWEEN)
    for (name, kind), found in zip(names_of(len(job.metadata)), arrived, strict=False):
        wanted = as_written(job.metadata[name], kind, language)
        as_numbers = kind == "Double" and language != "ijm"
        same = float(found) == float(wanted) if as_numbers else found == wanted
        report.outcomes["as sent"] += same
        report.expect(same, f"{language}: {job.metadata[name]!r} arrived as {found!r}")


#: What a value must not do: run CANARY in a shell, or create a file of that name anywhere.
ATTACKS = (
    "$(touch CANARY)",
    "`touch CANARY`",
    "; touch CANARY",
    "| touch CANARY",
    "&& touch CANARY",
    "|| touch CANARY",
    "& touch CANARY &",
    "> CANARY",
    ">> CANARY",
    "'; touch CANARY; '",
    '"; touch CANARY; "',
    "\n touch CANARY \n",
    "\r\ntouch CANARY\r\n",
    "${IFS}touch${IFS}CANARY",
    "$(>CANARY)",
    "<(touch CANARY)",
    "CANARY",
    "../../CANARYNAME",
    "../" * 12 + "CANARY",
    "/CANARY",
    "~/CANARYNAME",
    "..\\..\\CANARYNAME",
    "--help; touch CANARY",
    "-o CANARY",
    "%0atouch CANARY",
    "*",
    "?",
    "{a,b}",
    "!!",
    "$HOME",
    "/etc/passwd",
    "file:///etc/passwd",
    "\\$(touch CANARY)",
    "';run(\"Quit\");'",
    '"); File.saveString("x", "CANARY"); print("',
    "'''\nopen('CANARY','w')\n'''",
)


def hostile_jobs(count: int, canary: Path, chance: random.Random) -> list[Job]:
    """Return jobs whose values, output names, locations and inputs are hostile."""
    jobs = []
    for number in range(count):
        attack = (
            ATTACKS[number % len(ATTACKS)].replace("CANARYNAME", canary.name).replace("CANARY", str(canary))
        )
        around = "".join(chance.choice("ab '\"$") for _ in range(chance.randrange(3)))
        value = f"{around}{attack}{around}" if number >= len(ATTACKS) else attack
        location = f"results/{number}/{value}" if number % 3 == 0 else f"results/{number}"
        inputs = (f"in/{value}",) if number % 7 == 3 else ()
        metadata: dict[str, Value] = {"number": number, "echo": True, "value": value}
        jobs.append(Job(metadata, location, {"also": value}, inputs=inputs))
    return jobs


def hostile_values(ground: Ground, *, jobs: int, workers: int) -> Report:
    """No shell runs a value; nothing is written outside a job's folder and its outputs' place."""
    report = Report()
    with ground.run("hostile", retries=1) as run:
        _attack(run, jobs, ground.chance("S4"), workers, report)
    return report


def _attack(run: Run, jobs: int, chance: random.Random, workers: int, report: Report) -> None:
    canary = run.folder / f"canary-{uuid.uuid4().hex}"
    sent = hostile_jobs(jobs, canary, chance)
    run.cloud.s3.put_object(Bucket=run.bucket, Key="in/a.txt", Body=b"A")
    before = _paths(run)
    submit(run, sent)
    for _ in range(workers):
        harness.start_worker(run, HOME=run.folder / "home")
    finish(run, 60 + jobs)
    report.injected["hostile jobs"] += len(sent)
    audit(run, sent, report)
    for job in sent:
        _check_echo(run, job, report)
    made = _paths(run) - before - {worker.log for worker in run.workers}
    report.expect(not made, f"made outside of a job's folder: {sorted(made)[:3]}")
    climbing = [Path("/") / canary.name, Path("/tmp") / canary.name, Path.home() / canary.name]
    found = [str(path) for path in (canary, *climbing) if path.exists()]
    report.expect(not found, f"a shell or a script made {found}")
    places = tuple(f"{job.output_file_location.strip('/')}/" for job in sent)
    strange = [
        key
        for key in harness.keys(run)
        if not key.startswith((*places, "scripts/", "in/", f"distributed-fiji/{run.app_name}/"))
    ]
    report.expect(not strange, f"objects out of place: {strange[:3]}")
    report.outcomes["canaries"] += len(found)


def _paths(run: Run) -> set[Path]:
    """Return everything in a run's folder except scratch and traces."""
    apart = (run.scratch, run.traces)
    return {path for path in run.folder.rglob("*") if not any(path.is_relative_to(one) for one in apart)}


def _check_echo(run: Run, job: Job, report: Report) -> None:
    """What arrived is what was sent; a job with a missing input has failed, naming it."""
    if harness.manifest(run, job) is None:
        return
    manifest: Mapping[str, object] = harness.manifest(run, job) or {}
    outputs = [str(one["key"]) for one in manifest["outputs"]]  # type: ignore[attr-defined]
    (key,) = [one for one in outputs if one.endswith("parameters.json")]
    arrived = json.loads(harness.content(run, key))
    report.expect(arrived["value"] == job.metadata["value"], f"{job.metadata['value']!r} arrived otherwise")
    report.outcomes["as sent"] += 1
