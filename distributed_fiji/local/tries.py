"""The course of `tryScript`: look, run, report, write."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from distributed_fiji import tryscript
from distributed_fiji.clock import SystemClock
from distributed_fiji.commandline import Context
from distributed_fiji.errors import InvalidInput
from distributed_fiji.jobs import parse_job_file, read_job_file
from distributed_fiji.local import cloud, state, trial
from distributed_fiji.local.trial import Tried
from distributed_fiji.scripts import locate_script
from distributed_fiji.terminal import shown


def try_on_images(
    context: Context, path: Path, images: Sequence[Path], files: tuple[Path, bool], checkout: Path
) -> list[Tried]:
    """Try a script on images; return what became of its jobs.

    `files`: the folder for job file and settings, and whether to write them anew. Raises InvalidInput.
    """
    terminal, (folder, overwrite) = context.terminal, files
    path = path.absolute()
    tryscript.check_images(images)
    settings = tryscript.trial_settings(path)
    clients = context.connect(settings.AWS_REGION, settings.AWS_PROFILE, set())
    cloud.ensure_bucket(clients.s3, tryscript.BUCKET)
    script, problems = locate_script(settings, clients.s3, Path(), context.languages())
    if script is None or problems:
        raise InvalidInput(str(path), problems)
    job_file, config = tryscript.file_names(path, folder)
    own_file = job_file.exists() and not overwrite
    document = tryscript.job_document(script, images)
    jobs = list(read_job_file(job_file) if own_file else parse_job_file(document, path.name))
    terminal.say(f"{path.name}: {tryscript.describe(script)[0]}")
    for line in tryscript.describe(script)[1:]:
        terminal.say(f"  {line}")
    terminal.note(
        f"Running {len(jobs)} job{'s' * (len(jobs) != 1)} here" + (f", by {job_file}" if own_file else "")
    )
    for image in images:
        clients.s3.upload_file(str(image), tryscript.BUCKET, f"{tryscript.IMAGES}/{image.name}")
    tried = trial.run_jobs(settings, clients, (script, jobs), checkout, SystemClock(), terminal.note)
    for one in tried:
        for line in tryscript.told(one):
            terminal.say(line)
    answers = tryscript.unanswered(tried)
    if answers:
        terminal.say(f"Answers to begin with, to be edited in {job_file}:")
        terminal.say(json.dumps({"answers": answers}, ensure_ascii=False))
        document |= {"answers": answers, "groups": document.pop("groups")}
    for file, text in (
        (job_file, tryscript.as_json(document)),
        (config, tryscript.config_text(path, tried)),
    ):
        terminal.note(tryscript.write_new(file, text, overwrite=overwrite))
    _say_next(context, tried, config, job_file)
    return tried


def _say_next(context: Context, tried: Sequence[Tried], config: Path, job_file: Path) -> None:
    if all(one.is_done for one in tried):
        outputs = state.Folders(cloud.ROOT).buckets / "try-script" / "results"
        context.terminal.note(f"The outputs are in {shown(outputs)}")
        context.terminal.note(f"Next: fill in {config.name}; python run.py --config {shown(config)} setup")
    else:
        context.terminal.note(f"Next: edit {shown(job_file)}, then the same command once more")
