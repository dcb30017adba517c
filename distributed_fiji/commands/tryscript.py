"""The steps of `tryScript`: look, run, report, write."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from distributed_fiji.aws.clients import Clients
from distributed_fiji.clock import SystemClock
from distributed_fiji.commands import trial, tryreport
from distributed_fiji.commands.commandline import Context
from distributed_fiji.commands.jobinputs import check_inputs
from distributed_fiji.commands.scripts import Script, locate_script
from distributed_fiji.commands.trial import Tried
from distributed_fiji.errors import InvalidInput
from distributed_fiji.jobs import JobFile, parse_job_file, read_job_file
from distributed_fiji.local import cloud, state
from distributed_fiji.monitor.result import counted
from distributed_fiji.settings import Settings
from distributed_fiji.terminal import Terminal, shown, typed


def try_on_images(
    context: Context, path: Path, images: Sequence[Path], files: tuple[Path, bool], checkout: Path
) -> list[Tried]:
    """Try a script on images; return what became of its jobs.

    `files`: the folder for job file and settings, and whether to overwrite them. Raises InvalidInput.
    """
    terminal, (folder, overwrite) = context.terminal, files
    path = path.absolute()
    tryreport.check_images(images)
    tryreport.check_folder(folder)
    settings = tryreport.trial_settings(path)
    script = _find_script(settings)
    job_file, config = tryreport.file_names(path, folder)
    own_file = job_file.exists() and not overwrite
    document = tryreport.job_document(script, images)
    jobs = list(_read_jobs(job_file) if own_file else parse_job_file(document, path.name))
    clients = _start(context, settings)
    for line in tryreport.describe(path, script):
        terminal.say(line)
    terminal.note(
        f"Running {counted(len(jobs), 'job')} on this machine" + (f", by {job_file}" if own_file else "")
    )
    for name in tryreport.unread(jobs, images):
        terminal.warn(f"{job_file}: no job reads {name}. Add a group for it, or use --overwrite")
    for image in images:
        clients.s3.upload_file(str(image), tryreport.BUCKET, f"{tryreport.IMAGES}/{image.name}")
    tried = trial.run_jobs(settings, clients, (script, jobs), checkout, SystemClock(), terminal.note)
    document = _say_what_became(terminal, tried, job_file, document)
    texts = {job_file: tryreport.as_json(document), config: tryreport.config_text(path, tried)}
    for file, text in texts.items():
        terminal.note(tryreport.write_new(file, text, overwrite=overwrite))
    _say_next(context, tried, (path, job_file, config))
    return tried


def _find_script(settings: Settings, languages: Collection[str] | None = None) -> Script:
    """Return the script. Raises InvalidInput if it is not one, or is not in one of these languages."""
    called = f"SCRIPT {shown(Path(settings.SCRIPT_DOWNLOAD_URL))}"
    script, problems = locate_script(settings, None, Path(), languages, called)
    if script is None or problems:
        raise InvalidInput("The script was not run", problems)
    return script


def _start(context: Context, settings: Settings) -> Clients:
    """Start the embedded cloud, create the bucket, and check that its FIJI has the script's language."""
    clients = context.connect(settings.AWS_REGION, settings.AWS_PROFILE, set())
    cloud.ensure_bucket(clients.s3, tryreport.BUCKET)
    _find_script(settings, context.languages())
    return clients


def _read_jobs(path: Path) -> JobFile:
    """Read a job file that existed before, and may have been edited."""
    file = read_job_file(path)
    check_inputs(file, str(path), source_bucket=tryreport.BUCKET, values=True)
    return file


def _say_what_became(
    terminal: Terminal, tried: Sequence[Tried], job_file: Path, document: dict[str, Any]
) -> dict[str, Any]:
    """Report what became of the jobs; return the job file's contents, with initial answers."""
    for one in tried:
        for line in tryreport.told(one):
            terminal.say(line)
    answers = tryreport.unanswered(tried)
    if not answers:
        return document
    terminal.say(f"Suggested answers; edit them in {job_file}:")
    terminal.say(json.dumps({"answers": answers}, ensure_ascii=False))
    groups = document.pop("groups")
    return document | {"answers": answers, "groups": groups}


def _say_next(context: Context, tried: Sequence[Tried], files: tuple[Path, Path, Path]) -> None:
    """Say what to do next. `files`: script, job file, settings. Answers are only in the job file."""
    script, job_file, config = files
    if all(one.is_done for one in tried):
        outputs = state.Folders(cloud.ROOT).buckets / "try-script" / "results"
        context.terminal.note(f"The outputs are in {shown(outputs)}")
        setup = f"python run.py --config {typed(config)} setup"
        context.terminal.note(f"Next: {setup}; for AWS, fill in {shown(config)} before")
    else:
        where = shown(job_file) if tryreport.unanswered(tried) else f"{shown(script)} or {shown(job_file)}"
        context.terminal.note(f"Next: edit {where}, then run the same command again")
