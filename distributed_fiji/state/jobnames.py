"""The names by which people know jobs, which are their metadata, in an object beside each submission.

Everything else uses job IDs; names are read only when jobs have to be named. Standard library only, because
the janitor's Lambda reads them too.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from distributed_fiji.aws.clients import pages
from distributed_fiji.jobnames import printable
from distributed_fiji.state.statefiles import pass_over
from worker.contract.jobs import state_key
from worker.contract.state import MOST_BYTES

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: A submission's ID, which sorts by time.
OBJECT = re.compile(r"[A-Za-z0-9-]+\.tsv\.gz\Z")

#: Bytes that are compressed at a time.
CHUNK = 1024 * 1024

#: Most bytes that are read of an object, whatever it says about itself.
MOST_LINES, LONGEST_LINE = 10_000_000, 10_000


def write_names(
    s3: S3Client, bucket: str, app_name: str, submission_id: str, names: Iterable[tuple[str, str]]
) -> None:
    """Write the names of a submission's jobs, one line each: ID and name."""
    kept = io.BytesIO()
    packer = gzip.GzipFile(fileobj=kept, mode="wb", compresslevel=1, mtime=0)
    with packer, io.BufferedWriter(packer, CHUNK) as lines:
        for job, name in names:
            lines.write(f"{job}\t{' '.join(name.split())}\n".encode("utf-8", "replace"))
    key = state_key(app_name, "names", f"{submission_id}.tsv.gz")
    s3.put_object(Bucket=bucket, Key=key, Body=kept.getvalue())


def read_names(s3: S3Client, bucket: str, app_name: str, jobs: Iterable[str]) -> dict[str, str]:
    """Return the names of jobs by their IDs, without those that no object names."""
    wanted, found = set(jobs), dict[str, str]()
    prefix = state_key(app_name, "names", "")
    listed = [item["Key"] for item in pages(s3, "list_objects_v2", "Contents", Bucket=bucket, Prefix=prefix)]
    for key in sorted(listed, reverse=True):
        if not wanted - found.keys():
            break
        if OBJECT.match(key, len(prefix)):
            found |= _names_in(s3, bucket, key, wanted - found.keys())
        else:
            pass_over(bucket, key, "it does not contain names in our format")
    return found


def _names_in(s3: S3Client, bucket: str, key: str, wanted: set[str]) -> dict[str, str]:
    """Return the wanted names, read line by line, because a submission may have a million."""
    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read(MOST_BYTES)
    found: dict[str, str] = {}
    try:
        with gzip.open(io.BytesIO(body), "rt", encoding="utf-8", errors="replace") as lines:
            for _ in range(MOST_LINES):
                job, _tab, name = lines.readline(LONGEST_LINE).rstrip("\n").partition("\t")
                if not job or len(found) == len(wanted):
                    break
                if job in wanted:
                    found[job] = printable(name)
    except (OSError, EOFError, zlib.error) as error:
        pass_over(bucket, key, f"it cannot be read ({error})")
    return found
