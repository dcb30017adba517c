"""Distributed-FIJI's commands; `VERSION` is that of pyproject.toml.

`run.py` reads arguments and calls one function of `commands`. A room imports only rooms below it
(tests/unit/test_floors.py); docs/design.md shows the whole.

commands     one module a command, and what only commands need
review       what happened to the jobs: facts, causes in groups, tables, plate maps
checks       what is wrong with a set-up: findings, decided from what `aws` has read
permissions  what users and roles must be allowed, as documents for `policy`
janitor      the monitor as a Lambda on a five-minute schedule, for runs whose computer is off
monitor      look at a run (`observe`), decide what to do, do it (`perform`), take it down (`takedown`)
state        a run's state in the bucket and in files/: record, submissions, open runs, what manifests say
aws          AWS, one module a service, with its documents; it knows nothing of runs
local        the embedded cloud that --local uses: emulators of AWS, and machines that run the tasks

All rooms may use the ground: settings, job and fleet files, jobs' inputs, names, errors, terminal, clock. Of
`worker`, only `worker.contract` is used, which both sides share; `local` also builds ImageJ core
(`worker.imagej`).
"""

VERSION = "1.0.0"
