"""What bills unnoticed: volumes that outlived their machines, and parts of incomplete uploads."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from distributed_fiji.aws.clients import error_code, pages
from distributed_fiji.jobs import MOUNT
from distributed_fiji.state.statefiles import find_state
from worker.contract.jobs import APP_TAG, state_key
from worker.contract.locations import prefix_of
from worker.contract.state import Unreadable, texts

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_s3 import S3Client

#: In the inventory's form: kind, name, state, place.
Found = Iterator[tuple[str, str, str, str]]

#: Separates an upload's key and its id, as in its address (S3 API reference, AbortMultipartUpload).
UPLOAD_ID = "?uploadId="

#: A name in braces in a location.
NAME_IN_BRACES = re.compile(r"\{[^{}]*\}")

#: S3's answers if there is no such bucket or upload.
GONE = ("NoSuchBucket", "NoSuchUpload", "404")


def volumes(ec2: EC2Client, app: str) -> Found:
    """Yield the app's volumes, by tag. Those of running machines end with them."""
    filters = [{"Name": f"tag:{APP_TAG}", "Values": [app]}]
    for volume in pages(ec2, "describe_volumes", "Volumes", Filters=filters):
        if volume["State"] != "deleted":
            yield "volume", volume["VolumeId"], f"{volume['Size']} GB, {volume['State']}", ""


def remove_volume(ec2: EC2Client, volume_id: str) -> None:
    """Delete a volume. Raises ClientError while it is attached to a machine."""
    try:
        ec2.delete_volume(VolumeId=volume_id)
    except ClientError as error:
        if error_code(error) != "InvalidVolume.NotFound":
            raise


def uploads(s3: S3Client, app: str, environment: Mapping[str, str]) -> Found:
    """Yield uploads that were neither completed nor aborted, below the last run's own places.

    `environment`: its workers'. A place that begins with a name in braces could be anywhere, so it is not
    searched: we must not end other people's uploads.
    """
    bucket = environment.get("AWS_BUCKET")
    if not bucket:
        return
    destination = environment.get("DESTINATION_BUCKET", bucket)
    own = {(destination, location) for location in _locations_of(s3, bucket, app)}
    for place, location in sorted({(bucket, state_key(app, "")), *own}):
        start, is_below = below(location)
        try:
            for item in pages(s3, "list_multipart_uploads", "Uploads", Bucket=place, Prefix=start):
                if is_below(item["Key"]):
                    name = f"{item['Key']}{UPLOAD_ID}{item['UploadId']}"
                    yield "upload", name, f"begun {item['Initiated']:%Y-%m-%d %H:%M}", place
        except ClientError as error:
            if error_code(error) not in GONE:
                raise


def below(location: str) -> tuple[str, Callable[[str], bool]]:
    """Return the beginning of all keys below a location, and a test for them: `out` is not `output/a.tif`.

    `location`: as in a job file; a name in braces stands for anything.
    """
    start, *rest = NAME_IN_BRACES.split(prefix_of(MOUNT.sub("", location)))
    pattern = re.compile(".+".join(map(re.escape, (start, *rest))), re.DOTALL)
    return start, lambda key: pattern.match(key) is not None


def remove_upload(s3: S3Client, bucket: str, name: str) -> None:
    """Abort an upload, which removes its parts."""
    key, _, upload = name.rpartition(UPLOAD_ID)
    try:
        s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
    except ClientError as error:
        if error_code(error) not in GONE:
            raise


def _locations_of(s3: S3Client, bucket: str, app: str) -> list[str]:
    """Return where the last run's outputs went, except places that could be anywhere in the bucket."""
    try:
        locations = find_state(s3, bucket, state_key(app, "run.json"), lambda record: _locations(record, app))
    except s3.exceptions.NoSuchBucket:
        return []
    return [location for location in locations or () if below(location)[0]]


def _locations(record: dict[str, Any], app: str) -> tuple[str, ...]:
    """Return the output locations in a record. Raises Unreadable."""
    if record.get("MONITOR_APP_NAME") != app:
        raise Unreadable("it belongs to another app")
    return texts(record, "output_locations")
