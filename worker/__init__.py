"""What runs in the container: take one job after another from SQS and run FIJI on it.

`__main__` reads the environment and starts `job.service`, which puts the parts together. A room imports only
rooms below it (tests/unit/test_floors.py); docs/design.md shows the whole.

job       the lanes that a job passes through: receive, prepare, FIJI, finish; what happens to its message
records   what is written about a job in the bucket, who may write an output, if a manifest is still valid
fiji      FIJI as it runs: command line, process, console, display; `fiji.check` tests a FIJI
verdict   how a run went: done, or failed with a class, a sentence and advice; pure
storage   S3 and local disk: listing, downloads, cache, outputs, checksums
aws       the queue, leases, scale-in protection, the machine's metadata, log streams
host      folders, processes, memory, versions
contract  what both sides agree on: messages, manifests, keys, environment; standard library only

`imagej` builds ImageJ core and the Java runner and agent; `image` is what the Dockerfiles use. Neither runs
in a job.
"""

VERSION = "1.0.0"
