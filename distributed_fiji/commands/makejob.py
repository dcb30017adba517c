"""The steps of `makeJob`: find groups, join layouts, check the job file as submitJob does, write it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distributed_fiji import plates
from distributed_fiji.commands import imagesources, jobsofkeys, tables
from distributed_fiji.commands.commandline import Context
from distributed_fiji.commands.imagesources import Images
from distributed_fiji.commands.jobinputs import check_inputs, check_inputs_for
from distributed_fiji.errors import InvalidInput
from distributed_fiji.jobs import JobFile, parse_job_file
from distributed_fiji.monitor.result import counted
from distributed_fiji.settings import Settings, load_settings
from distributed_fiji.terminal import shown, typed

#: How many names fit in one line.
MOST_NAMED = 12
#: How many similar problems are shown.
MOST_ALIKE = 3


@dataclass(frozen=True)
class Wanted:
    """The values of the options."""

    pattern: str | None = None
    per: str | None = None
    csv: Path | None = None
    layout: tuple[Path, ...] = ()
    wells: str | None = None
    plate: tuple[str, ...] = ()
    rows: str | None = None
    columns: str | None = None
    inputs: tuple[str, ...] = ()
    uploaded_to: str | None = None
    output: str | None = None
    to: Path = Path("job.json")
    groups_to: Path | None = None
    overwrite: bool = False

    @property
    def names_per(self) -> list[str]:
        """The names in --per."""
        return [name.strip() for name in (self.per or "").split(",") if name.strip()]

    @property
    def has_plate(self) -> bool:
        """Whether wells are given by numbers."""
        return bool(self.wells or (self.rows and self.columns))


@dataclass
class Made:
    """Groups for a job file, the input patterns, and warnings."""

    groups: list[dict[str, Any]]
    inputs: list[str]
    per: list[str]
    told: str
    warnings: list[str] = field(default_factory=list)


def make_job(context: Context, wanted: Wanted) -> None:
    """Write a job file as the options say. Raises InvalidInput, and then writes nothing."""
    _check(wanted)
    expected = _expected(wanted)
    layouts = [tables.read_table(path) for path in wanted.layout]
    settings = _settings(context)
    if wanted.pattern:
        made = _from_keys(
            context, imagesources.read_place(wanted.pattern, wanted.uploaded_to), wanted, settings
        )
        layouts = [*([tables.read_table(wanted.csv)] if wanted.csv else []), *layouts]
    elif wanted.csv:
        made = _from_rows(tables.read_table(wanted.csv), wanted)
    else:
        made = _from_plate(wanted, expected)
    for layout in layouts:
        _join(made, layout)
    if wanted.pattern or (wanted.csv and expected):
        made.warnings += _wells(made.groups, expected)
    document = _document(made, wanted.output)
    file = _checked(document, str(wanted.to), settings)
    if wanted.groups_to:
        lines = [json.dumps(group, ensure_ascii=False) + "\n" for group in document["groups"]]
        _write("--groups-to", wanted.groups_to, "".join(lines), overwrite=wanted.overwrite)
        document["groups"] = os.path.relpath(wanted.groups_to, wanted.to.parent)
    _write("--to", wanted.to, job_file_text(document), overwrite=wanted.overwrite)
    for line in [*made.warnings, *file.warnings, *_said_twice(file)]:
        context.terminal.warn(line)
    context.terminal.say(f"{shown(wanted.to)}: {counted(len(file.job_ids), 'job')}, {made.told}")
    context.terminal.note(f"Next: python run.py submitJob {typed(wanted.to)}")


def _check(wanted: Wanted) -> None:
    """Raise InvalidInput for options that exclude each other, and if a file would be overwritten."""
    problems = []
    if not wanted.pattern and not wanted.csv and not wanted.has_plate:
        problems.append(
            "name a pattern of keys, --csv, --wells, or --rows and --columns: what jobs are made of"
        )
    if wanted.pattern and wanted.inputs:
        problems.append("--inputs are found from the pattern: leave one of them out")
    if wanted.uploaded_to is not None and not wanted.pattern:
        problems.append("--uploaded-to belongs to a pattern that is a local folder")
    if wanted.plate and (wanted.pattern or wanted.csv):
        problems.append("--plate names plates where neither a pattern nor a CSV does")
    if not wanted.has_plate and (wanted.rows or wanted.columns):
        problems.append("--rows and --columns go together, or with --wells")
    if wanted.per is not None and not wanted.names_per:
        problems.append("--per names nothing")
    problems += _target_problems("--to", wanted.to, overwrite=wanted.overwrite)
    if wanted.groups_to:
        problems += _target_problems("--groups-to", wanted.groups_to, overwrite=wanted.overwrite)
        if wanted.groups_to.suffix.lower() != ".jsonl":
            problems.append(f"--groups-to {wanted.groups_to}: the name must end with .jsonl")
    if problems:
        raise InvalidInput("No job file is made", problems)


def _target_problems(option: str, path: Path, *, overwrite: bool) -> list[str]:
    """Return why a file cannot be written there."""
    try:
        if path.is_dir():
            return [f"{option} {path} is a folder; name a file"]
        if not path.parent.is_dir():
            return [f"{option} {path}: there is no folder {path.parent}"]
    except OSError as error:
        return [f"{option} {path}: {error.strerror}"]
    if os.path.lexists(path) and not overwrite:
        return [f"{option} {path} exists; --overwrite replaces it, {option} names another file"]
    return []


def _settings(context: Context) -> Settings | None:
    """Return the settings in config.py, None if it is unusable: a job file may come before the settings."""
    try:
        return load_settings(context.config)[0]
    except InvalidInput:
        return None


def _expected(wanted: Wanted) -> list[plates.Place]:
    """Return the wells that the options name. Raises InvalidInput."""
    if not wanted.has_plate:
        return []
    rows, columns = plates.SIZES[int(wanted.wells)] if wanted.wells else (0, 0)
    try:
        named = plates.read_rows(wanted.rows) if wanted.rows else range(1, rows + 1)
        numbered = plates.read_columns(wanted.columns) if wanted.columns else range(1, columns + 1)
    except ValueError as error:
        raise InvalidInput("No job file is made", [str(error)]) from error
    if wanted.wells and (max(named) > rows or max(numbered) > columns):
        last = plates.well_name((rows, columns))
        raise InvalidInput("No job file is made", [f"a plate of {wanted.wells} wells ends with {last}"])
    return plates.places(named, numbered)


def _from_keys(context: Context, place: Images, wanted: Wanted, settings: Settings | None) -> Made:
    """Return the jobs of the keys in a bucket or a local folder."""
    pattern = place.pattern
    per = wanted.names_per or jobsofkeys.default_per(pattern.names)
    if unknown := [name for name in per if name not in pattern.names]:
        have = ", ".join(pattern.names)
        raise InvalidInput(
            "No job file is made", [f"--per {name}: the pattern has {have}" for name in unknown]
        )
    found = _found(context, place, per, settings)
    problems = [*_first(found.ambiguous), *_first(jobsofkeys.value_problems_of(found, per))]
    inputs, wrong = ([], "") if problems else jobsofkeys.choose_inputs(pattern, found, per)
    if wrong:
        problems.append(
            f"no input pattern names just the images of each job: {wrong}; name more in the pattern"
        )
    if problems:
        raise InvalidInput("No job file is made", problems)
    told = f"one for each {', '.join(per)}; {counted(sum(found.jobs.values()), 'image')}"
    if found.within:
        told += f", in each job together: {jobsofkeys.shown_within(found)} (--per changes that)"
    made = Made(jobsofkeys.groups_of(found.jobs, per), [place.input_start + one for one in inputs], per, told)
    if found.unfit:
        made.warnings.append(
            f"{counted(len(found.unfit), 'key')} in no job, not of the pattern: {_some(found.unfit)}"
        )
    usual, others = jobsofkeys.uneven(found)
    if others:
        made.warnings.append(f"most jobs have {counted(usual, 'image')}, but not {_some(others)}")
    if place.folder is not None:
        target = place.input_start or f"s3://{settings.SOURCE_BUCKET if settings else 'SOURCE_BUCKET'}/"
        context.terminal.note(
            f"The jobs take their images from {target}{place.prefix}:"
            f" `aws s3 cp --recursive {place.folder} {target}{place.prefix}` uploads them"
        )
    return made


def _first(problems: Sequence[str]) -> list[str]:
    """Return the first of several similar problems, and how many more there are."""
    more = len(problems) - MOST_ALIKE
    return [*problems[:MOST_ALIKE], *([f"and {more:,} more like these"] if more > 0 else [])]


def _found(
    context: Context, place: Images, per: Sequence[str], settings: Settings | None
) -> jobsofkeys.Found:
    """Return the contents of a listing. Raises InvalidInput with the nearest keys if no key fits."""
    pattern, problems = place.pattern, list[str]()
    if place.folder is not None:
        found = jobsofkeys.find_jobs(pattern, sorted(imagesources.local_keys(place)), per)
        problems = [] if found.keys else [f"{place.folder} holds no files"]
    else:
        bucket = place.bucket or (settings or context.settings()).SOURCE_BUCKET
        if settings and bucket not in settings.readable_buckets:
            problem = f"the workers may not read {bucket!r}: add it to MORE_SOURCE_BUCKETS in config.py"
            raise InvalidInput("No job file is made", [problem])
        s3 = context.connect(*context.place(None), {bucket}).s3
        keys = imagesources.bucket_keys(s3, bucket, pattern.start, context.terminal.note)
        found = jobsofkeys.find_jobs(pattern, keys, per)
        problems = [] if found.keys else imagesources.nothing_there(s3, bucket, pattern.start)
    if found.keys and not found.jobs and not found.ambiguous:
        problems = imagesources.nothing_fits(pattern, found.unfit)
    if problems:
        raise InvalidInput(f"Nothing is found by {place.input_start}{pattern}", problems)
    return found


def _from_rows(table: tables.Table, wanted: Wanted) -> Made:
    """Return the jobs of a CSV: one per row, or one for the rows that agree in --per."""
    per = wanted.names_per
    if unknown := [name for name in per if name not in table.columns]:
        have = ", ".join(table.columns)
        problems = [f"--per {name}: {table.source} has the columns {have}" for name in unknown]
        raise InvalidInput("No job file is made", problems)
    groups = tables.rows_as_groups(table, per)
    folders = per or [name for name in table.columns if name.casefold() == "plate" or tables.is_place(name)]
    told = (
        f"one for each {', '.join(per)} of {table.source}" if per else f"one for each row of {table.source}"
    )
    return Made(groups, list(wanted.inputs), folders, told, list(table.renamed))


def _from_plate(wanted: Wanted, expected: Iterable[plates.Place]) -> Made:
    """Return a job for each well on each of the named plates."""
    named: list[dict[str, Any]] = [{"Plate": plate} for plate in dict.fromkeys(wanted.plate)] or [{}]
    groups = [plate | {"Well": plates.well_name(place)} for plate in named for place in expected]
    per = [*(["Plate"] if wanted.plate else []), "Well"]
    return Made(groups, list(wanted.inputs), per, f"one for each {', '.join(per)}")


def _join(made: Made, table: tables.Table) -> None:
    """Add a table's values to the groups; warn about anything that only one side has."""
    joined = tables.join(made.groups, table)
    made.groups = joined.groups
    made.warnings += table.renamed
    if joined.without:
        made.warnings.append(f"{table.source} says nothing of {_some(joined.without)}")
    if joined.unused:
        made.warnings.append(f"no job for what {table.source} names: {_some(joined.unused)}")


def _wells(groups: Sequence[dict[str, Any]], expected: Sequence[plates.Place]) -> list[str]:
    """Return warnings about wells without images, and wells that the plate does not have."""
    lines = []
    if missing := plates.absent(groups, expected):
        lines.append(f"{counted(len(missing), 'well')} without images: {_some(missing)}")
    met = {place for group in groups if (place := plates.place_of(group))}
    if outside := sorted(met - set(expected)) if expected else []:
        lines.append(
            f"not among the wells that you named: {_some([plates.well_name(one) for one in outside])}"
        )
    return lines


def _some(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _document(made: Made, output: str | None) -> dict[str, Any]:
    """Return the job file. Answers to the script's questions and shared metadata are for the user to add."""
    folders = "/".join(f"{{{name}}}" for name in made.per)
    return {
        "output_file_location": output if output is not None else f"results/{folders}".rstrip("/"),
        **({"inputs": made.inputs} if made.inputs else {}),
        "shared_metadata": {},
        "groups": made.groups,
    }


def _checked(document: dict[str, Any], source: str, settings: Settings | None) -> JobFile:
    """Return the job file, checked as submitJob checks it. Raises InvalidInput."""
    file = parse_job_file(document, source)
    if settings:
        check_inputs_for(settings, file, source)
    else:
        check_inputs(file, source, source_bucket="bucket", values=True)
    return file


def _said_twice(file: JobFile) -> list[str]:
    if not file.duplicates:
        return []
    first, again = file.duplicates[0]
    return [
        f"{counted(len(file.duplicates), 'group')} stand twice and are one job: {first} and {again} are equal"
    ]


def job_file_text(document: dict[str, Any]) -> str:
    """Return a job file's text, with one group per line, or the name of the file that they are in."""
    if isinstance(document["groups"], str):
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    head = {name: value for name, value in document.items() if name != "groups"}
    groups = ",\n    ".join(json.dumps(group, ensure_ascii=False) for group in document["groups"])
    start = json.dumps(head, indent=2, ensure_ascii=False).removesuffix("\n}")
    return f'{start},\n  "groups": [\n    {groups}\n  ]\n}}\n'


def _write(option: str, path: Path, text: str, *, overwrite: bool) -> None:
    """Write a file completely or not at all. An existing one is kept unless it may be overwritten.

    Raises InvalidInput if it cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.write_text(text, encoding="utf-8")
        if not overwrite:
            path.open("xb").close()  # takes the name, or fails if somebody has it by now
        part.replace(path)
    except OSError as error:
        raise InvalidInput("No job file is made", [f"{option} {path}: {error.strerror}"]) from error
    finally:
        part.unlink(missing_ok=True)
