"""Broken set-ups, each with the finding that names the problem, and unusual ones that are right."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cli.conftest import BUCKET, configure

JOB = {"output_file_location": "out/{Well}", "groups": [{"Well": "A01"}, {"Well": "A02"}]}


@dataclass(frozen=True)
class SetUp:
    """A user's files. `job`, `fleet`: None if `check` gets none. `files`: more, next to config.py.

    `id`, `words`, `severity`: the expected finding; '' for a set-up that nothing may stop.
    """

    id: str = ""
    words: str = ""
    severity: str = "stop"
    settings: dict[str, Any] = field(default_factory=dict)
    script: str = "print('hello');\n"
    name: str = "script.ijm"
    job: dict[str, Any] | str | None = None
    fleet: dict[str, Any] | str | None = None

    def write(self, folder: Path) -> list[str]:
        """Write the files; return the arguments of `check`."""
        configure(folder, **{"SCRIPT_DOWNLOAD_URL": self.name, **self.settings})
        if self.script:
            (folder / self.name).write_text(self.script, encoding="utf-8")
        arguments = []
        job = JOB if self.job is None and self.fleet is not None else self.job
        for name, document in (("job.json", job), ("fleet.json", self.fleet)):
            if document is not None:
                text = document if isinstance(document, str) else json.dumps(document)
                (folder / name).write_text(text, encoding="utf-8")
                arguments.append(name)
        return arguments


def config(words: str, **settings: Any) -> SetUp:
    return SetUp("config", words, settings=settings)


def job(kind: str, words: str, *, severity: str = "stop", **parts: Any) -> SetUp:
    return SetUp(kind, words, severity, job={**JOB, **parts})


def script(kind: str, words: str, text: str, name: str = "script.ijm", **more: Any) -> SetUp:
    return SetUp(kind, words, script=text, name=name, **more)


def declared(kind: str, words: str, header: str, severity: str = "stop", **shared: Any) -> SetUp:
    """A macro that declares something, and jobs with shared metadata."""
    return SetUp(
        kind, words, severity, script=f"{header}\nprint(1);\n", job={**JOB, "shared_metadata": shared}
    )


def fleet(kind: str, words: str, *, settings: dict[str, Any] | None = None, **document: Any) -> SetUp:
    return SetUp(kind, words, settings=settings or {}, fleet=document)


BROKEN = {
    # config.py
    "no bucket": config("AWS_BUCKET", AWS_BUCKET=""),
    "placeholder": config(
        "AWS_BUCKET = 'your-bucket-name' is still the example's", AWS_BUCKET="your-bucket-name"
    ),
    "app with a space": config("APP_NAME = 'my app': must be a letter", APP_NAME="my app"),
    "memory in GB": config("MEMORY = 4: Input should be greater than or equal to 512", MEMORY=4),
    "memory as text": config("MEMORY = 'much'", MEMORY="much"),
    "no machines": config("CLUSTER_MACHINES = 0", CLUSTER_MACHINES=0),
    "free machines": config("MACHINE_PRICE = 0", MACHINE_PRICE=0),
    "no type": config("MACHINE_TYPE", MACHINE_TYPE=[]),
    "family for a type": config("MACHINE_TYPE[0] = 'm5': must be an EC2 instance type", MACHINE_TYPE=["m5"]),
    "region in words": config("AWS_REGION = 'N. Virginia': must be a region", AWS_REGION="N. Virginia"),
    "heartbeat too slow": config("HEARTBEAT_SECONDS = 100: must be at most a third", HEARTBEAT_SECONDS=100),
    "job longer than SQS": config("JOB_TIMEOUT_MINUTES = 800", JOB_TIMEOUT_MINUTES=800),
    "flag that is none": config("ASSIGN_IP = 'maybe': must be True or False", ASSIGN_IP="maybe"),
    "unknown upload flag": config("UPLOAD_FLAGS", UPLOAD_FLAGS="--recursive"),
    "small disk": config("EBS_VOL_SIZE = 8", EBS_VOL_SIZE=8),
    "mail to two": config("NOTIFY_EMAIL = 'a@b.c,d@e.f'", NOTIFY_EMAIL="a@b.c,d@e.f"),
    "unknown setting": SetUp(
        "config", "unknown setting MEMROY, ignored; did you mean MEMORY?", "warn", settings={"MEMROY": 1}
    ),
    "plugins of CellProfiler": SetUp(
        "config", "USE_PLUGINS is ignored", "warn", settings={"USE_PLUGINS": True}
    ),
    "contradicting displays": config(
        "contradicts DISPLAY_MODE = 'headless'", USE_XVFB=True, DISPLAY_MODE="headless"
    ),
    # fit
    "memory of all tasks": SetUp(
        "memory", "so some tasks would never start", settings={"MEMORY": 4000, "TASKS_PER_MACHINE": 2}
    ),
    "memory that the kernel keeps": SetUp(
        "memory", "a c5.large has 3635 of 4096 MiB", settings={"MEMORY": 3800, "MACHINE_TYPE": "c5.large"}
    ),
    "processors": SetUp("processors", "a m5.large has only 2 processors", settings={"CPU_CORES": 4}),
    "two architectures": SetUp(
        "machine-type",
        "mixes architectures (m5.large is x86_64",
        settings={"MACHINE_TYPE": ["m5.large", "m6g.large"]},
    ),
    "unlike sizes": SetUp(
        "machine-type",
        "mixes processors",
        settings={"MACHINE_TYPE": ["m5.large", "m5.xlarge"], "TASKS_PER_MACHINE": 2},
    ),
    "burstable among others": SetUp(
        "machine-type",
        "mixes burstable types (t3.large)",
        settings={"MACHINE_TYPE": ["t3.large", "m5.large"]},
    ),
    "a Mac": SetUp(
        "machine-type", "EC2 does not offer mac1.metal as a spot", settings={"MACHINE_TYPE": ["mac1.metal"]}
    ),
    "a type that is none": SetUp("machine-type", "m5.tiny", settings={"MACHINE_TYPE": ["m5.tiny"]}),
    "time-out after the fleet": SetUp(
        "time-limits",
        "JOB_TIMEOUT_MINUTES = 300: the fleet ends after MAX_HOURS = 2",
        "warn",
        settings={"JOB_TIMEOUT_MINUTES": 300, "MAX_HOURS": 2},
    ),
    "stall after time-out": SetUp(
        "time-limits",
        "STALL_TIMEOUT_MINUTES = 60: JOB_TIMEOUT_MINUTES = 30 ends each job before",
        "warn",
        settings={"JOB_TIMEOUT_MINUTES": 30, "STALL_TIMEOUT_MINUTES": 60},
    ),
    # quotas
    "a thousand machines": SetUp(
        "spot-quota",
        "1,000 × m5.xlarge want 4,000 vCPU, this account has 640",
        "warn",
        settings={"CLUSTER_MACHINES": 1000, "MACHINE_TYPE": "m5.xlarge"},
    ),
    "no graphics": SetUp(
        "spot-quota", "want 12 vCPU, this account has 0: 0 machines", settings={"MACHINE_TYPE": "g4dn.xlarge"}
    ),
    "a quota without a figure": SetUp(
        "spot-quota",
        "AWS names no spot quota for x2gd.medium",
        "unknown",
        settings={"MACHINE_TYPE": "x2gd.medium"},
    ),
    "tasks beyond ECS": SetUp(
        "fleet-limits",
        "TASKS_PER_MACHINE = 6 × CLUSTER_MACHINES = 1000 is 6,000 tasks; a service of ECS has 5,000 at most",
        settings={"CLUSTER_MACHINES": 1000, "TASKS_PER_MACHINE": 6},
    ),
    # the script
    "no script": script("script", "this file does not exist", "", name="nope.ijm"),
    "a bucket for a script": SetUp(
        "script", "does not name an object", settings={"SCRIPT_DOWNLOAD_URL": f"s3://{BUCKET}"}
    ),
    "an object that is not there": SetUp(
        "script", "this object does not exist", settings={"SCRIPT_DOWNLOAD_URL": f"s3://{BUCKET}/none.ijm"}
    ),
    "plain http": SetUp(
        "script", "https:// and s3:// only", settings={"SCRIPT_DOWNLOAD_URL": "http://a.example/x.ijm"}
    ),
    "a page of GitHub": SetUp(
        "script",
        "leads to a web page that shows the script",
        settings={"SCRIPT_DOWNLOAD_URL": "https://github.com/a/b/blob/main/x.ijm"},
    ),
    "a web page": script("script", "", "<!DOCTYPE html><html><body>404</body></html>"),
    "a picture": script("script", "", "%PDF-1.4 picture"),
    "unknown language": script("script", "", "print 1", name="script.xyz"),
    "comma missing": script(
        "header",
        "line 1: SciJava cannot read the attributes: a comma is missing",
        "#@ Integer (value=3 min=1) n\n",
    ),
    "quote missing": script("header", "a quotation mark is missing", '#@ String (label="Name) n\n'),
    "dot first": script("header", "a number must not begin with a dot", "#@ Double (value=.5) n\n"),
    "quote doubled": script("header", "a comma is missing before", "#@ String (value='it''s') n\n"),
    "unicode escape": script("header", "write the letter itself", '#@ String (label="\\u00b5m") n\n'),
    "type in small letters": script("header", "no type 'integer'; write 'Integer'", "#@ integer n\n"),
    "type in capitals": script("header", "no type 'FILE'; write 'File'", "#@ FILE image\n", name="script.py"),
    # jobs against the script
    "nothing given": declared(
        "parameter-missing", "'sigma' has no default, and no job sets it", "#@ Double sigma"
    ),
    "required text": declared("parameter-missing", "'stain' has no default", "#@ String stain"),
    "useless default": declared("parameter-missing", "'n' has no default", "#@ Integer (value=abc) n"),
    "old header": declared("parameter-missing", "'n' has no default", "// @Integer n"),
    "given to some": script(
        "parameter-missing",
        "1 of 2 jobs do not set it",
        "#@ Integer n\n",
        job={**JOB, "groups": [{"Well": "A01", "n": 1}, {"Well": "A02"}]},
    ),
    "typing error": declared(
        "parameter-unknown", "'simga'; did you mean 'sigma'?", "#@ Double (value=1) sigma", "warn", simga=2
    ),
    "text for a number": declared(
        "parameter-value", "shared_metadata.n = 'three' is no Integer", "#@ Integer n", n="three"
    ),
    "half a number": declared("parameter-value", "n = 7.9 is no Integer", "#@ Integer n", n=7.9),
    "too large": declared("parameter-value", "n = 3000000000 is no Integer", "#@ Integer n", n=3_000_000_000),
    "truth for a number": declared("parameter-value", "n = True is no Double", "#@ Double n", n=True),
    "yes": declared("parameter-value", "flag = 'yes' is no Boolean", "#@ Boolean flag", flag="yes"),
    "two letters": declared("parameter-value", "c = 'ab' is no char", "#@ char c", c="ab"),
    "list for a number": declared("parameter-value", "n = [1, 2] is no Integer", "#@ Integer n", n=[1, 2]),
    "no choice": declared(
        "parameter-value",
        "'Otsy' is not one of the parameter's choices 'Otsu', 'Li'",
        '#@ String (choices={"Otsu", "Li"}) method',
        method="Otsy",
    ),
    "below the least": declared(
        "parameter-range", "n = 0 is outside 1 to 9", "#@ Integer (min=1, max=9) n", "warn", n=0
    ),
    "typing error in an answer": SetUp(
        "answer",
        "the script does not ask 'Sise (px)'; did you mean 'Size (px)'?",
        "warn",
        script='getNumber("Size (px)", 3);\n',
        job={**JOB, "answers": {"Sise (px)": 1}},
    ),
    # the job file
    "no JSON": SetUp("job-file", "", job="{'a': 1}"),
    "no groups": job("job-file", "groups is empty", groups=[]),
    "no location": job("job-file", "output_file_location is missing", output_file_location=None),
    "absolute location": job("job-file", "must not start with /", output_file_location="/out/{Well}"),
    "unknown name": job(
        "job-file", "{Wel} in output_file_location or inputs is not", output_file_location="out/{Wel}"
    ),
    "doubled braces": job("job-file", "names go in single braces", output_file_location="out/{{Well}}"),
    "CellProfiler's groups": job(
        "job-file", "the form of Distributed-CellProfiler", groups=[{"Metadata": "Well=A01"}]
    ),
    "a whole bucket": job("job-file", "names a whole bucket", inputs=["s3://cli-bucket/"]),
    "a bucket of another": job("job-file", "that the workers may not read", inputs=["s3://not-ours/a.tif"]),
    "same place": job(
        "job-file", "have the same output_file_location", severity="warn", output_file_location="out"
    ),
    "same group": job(
        "job-file", "groups[1] and groups[2] are the same job", severity="warn", groups=[{"Well": "A01"}] * 2
    ),
    # the fleet file
    "fleet of no object": SetUp("fleet-file", "it must be a JSON object", fleet="[]"),
    "unknown fleet key": fleet("fleet-file", "Subnet: unknown fleet key", Subnet="subnet-1"),
    "fleet placeholder": fleet("fleet-file", "still the example's placeholder", Subnets=["subnet-WWWWWWWW"]),
    "unknown strategy": fleet(
        "fleet-file", "AllocationStrategy = 'cheap': must be one of", AllocationStrategy="cheap"
    ),
    "unknown subnet": fleet("fleet", "subnet-0123456789abcdef0", Subnets=["subnet-0123456789abcdef0"]),
    "unknown key pair": fleet("fleet", "this key pair does not exist", KeyName="nobody"),
    "unknown image": fleet(
        "fleet", "this image does not exist in the region", ImageId="ami-0123456789abcdef0"
    ),
    "unknown profile": fleet("fleet", "lab-machines", IamInstanceProfile="lab-machines"),
    # the account
    "no such bucket": SetUp(
        "bucket", "this bucket does not exist", settings={"AWS_BUCKET": "no-such-bucket-here"}
    ),
    "no such sources": SetUp(
        "bucket", "SOURCE_BUCKET = 'nowhere-at-all'", settings={"SOURCE_BUCKET": "nowhere-at-all"}
    ),
    "no such role": SetUp("role", "your account has no such role", settings={"TASK_ROLE": "lab-worker"}),
    "a role of another service": SetUp(
        "role", "does not let ecs-tasks.amazonaws.com assume it", settings={"TASK_ROLE": "check-wrong-trust"}
    ),
    "example image": SetUp(
        "image",
        "still the example's placeholder",
        settings={"DOCKERHUB_TAG": "your-docker-user/distributed-fiji:latest"},
    ),
    "a region that is none": SetUp(
        "credentials", "does not know this AWS region", settings={"AWS_REGION": "us-esat-1"}
    ),
    "China": SetUp("credentials", "is in AWS partition aws-cn", settings={"AWS_REGION": "cn-north-1"}),
}


def odd(
    text: str = "print(1);\n",
    name: str = "script.ijm",
    *,
    settings: dict[str, Any] | None = None,
    **shared: Any,
) -> SetUp:
    """A valid script, and jobs with shared metadata."""
    return SetUp(script=text, name=name, settings=settings or {}, job={**JOB, "shared_metadata": shared})


ODD = {
    "nothing but the least": SetUp(),
    "flags as texts": odd(settings={"ASSIGN_IP": "True", "CHECK_IF_DONE_BOOL": "False"}),
    "settings of the original": odd(settings={"CPU_SHARES": 1024, "DOCKER_CORES": 4, "SECONDS_TO_START": 60}),
    "no time-out": odd(settings={"JOB_TIMEOUT_MINUTES": 0, "STALL_TIMEOUT_MINUTES": 0}),
    "a short fleet and default time-outs": odd(settings={"MAX_HOURS": 1}),
    "all of a machine's memory": odd(settings={"MEMORY": 7526}),
    "types of one size": odd(
        settings={"MACHINE_TYPE": ["m5.large", "m5a.large", "m4.large"], "TASKS_PER_MACHINE": 2}
    ),
    "unlike sizes, one task": odd(settings={"MACHINE_TYPE": ["m5.large", "m5.xlarge"]}),
    "burstable types": odd(settings={"MACHINE_TYPE": ["t3.large", "t3a.large"]}),
    "machines of Arm": odd(settings={"MACHINE_TYPE": "m6g.large"}),
    "as many machines as the quota": odd(settings={"CLUSTER_MACHINES": 200}),
    "no logs, no mail": odd(settings={"LOG_GROUP_NAME": "", "AUTO_MONITOR": False}),
    "upload flags": odd(settings={"UPLOAD_FLAGS": "--acl bucket-owner-full-control --sse"}),
    "subnets with a NAT of one's own": odd(settings={"ASSIGN_IP": False}),
    "byte order mark": odd("\ufeffprint(1);\n"),
    "a macro named txt": odd(name="macro.txt"),
    "Python": odd("#@ String Well\nprint Well\n", name="script.py"),
    "Groovy": odd("#@ String Well\nprintln Well\n", name="script.groovy"),
    "BeanShell": odd("// @String Well\nprint(Well);\n", name="script.bsh"),
    "JavaScript": odd("#@ String Well\nprint(Well)\n", name="script.js"),
    "attributes in capitals": odd("#@ String(LABEL='it is (one)', Value=bare, required=FALSE) s\n"),
    "attributes in another order": odd(
        '#@Integer(max=9,min=1,choices={1,2,3},style="radioButtonHorizontal",value=2)n\n'
        '#@ File[] (style="files") more\n#@output Integer count\n#@ LogService log\n'
    ),
    "arithmetic in attributes": odd("#@ Integer (value=2*3, max=1024*1024) n\n", n=5),
    "number as a text": odd("#@ Integer n\n#@ Double d\n#@ Boolean b\n", n=" 7 ", d="1.5e3", b="1"),
    "whole number as a float": odd("#@ Integer n\n#@ Long l\n", n=7.0, l="3000000000"),
    "number for a text": odd("#@ String s\n#@ String t\n", s=5, t=[1, 2]),
    "a choice by number": odd("#@ Integer (choices={1, 2}) n\n", n="2"),
    "unticked box, first choice, folders": odd(
        '#@ Boolean flag\n#@ String (choices={"a","b"}) c\n'
        '#@ File (style="directory") where\n#@ String output_dir\n'
    ),
    "a message and a service": odd(
        '#@ String (visibility=MESSAGE, value="Hello") m\n#@ UIService ui\n#@ ImagePlus imp\n'
    ),
    "an annotation and a mail address": odd("// me@lab.org\n/** @author me */\n// x @Integer n\n"),
    "metadata of any language": SetUp(job={**JOB, "groups": [{"Well": "Größe µ", "Wirkstoff": 1}]}),
    "comments in files": SetUp(job={**JOB, "_comment": "mine"}, fleet={"_comment": "mine"}),
    "braces in values": SetUp(job={**JOB, "groups": [{"Well": "A01", "note": "{x} s3"}]}),
    "the original's place": SetUp(job={**JOB, "output_file_location": "/home/ubuntu/bucket/out/{Well}"}),
    "a fleet that asks once": SetUp(fleet={"Type": "request", "AllocationStrategy": "lowestPrice"}),
    "the original's fleet keys": SetUp(
        fleet={"TargetCapacity": 2, "SpotPrice": "0.1", "ValidFrom": "2017-01-01"}
    ),
}
