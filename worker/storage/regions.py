"""The regions of buckets, which HeadBucket returns; asked for once (S3 API reference, HeadBucket)."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from worker.calls import CALL_ERRORS

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Regions:
    """Regions of buckets, each looked up once. `environ`: its AWS_REGION is the worker's own region."""

    def __init__(self, s3: S3Client, environ: Mapping[str, str]) -> None:
        self._s3 = s3
        self._own = environ.get("AWS_REGION", "")
        self._lock = threading.Lock()
        self._known: dict[str, str] = {}

    def region_of(self, bucket: str) -> str:
        """Return a bucket's region if it differs from the worker's own; '' if it does not, or is unknown."""
        with self._lock:
            if bucket not in self._known:
                self._known[bucket] = self._ask(bucket)
            return self._known[bucket]

    def _ask(self, bucket: str) -> str:
        try:
            region = str(self._s3.head_bucket(Bucket=bucket).get("BucketRegion") or "")
        except CALL_ERRORS:
            return ""
        return "" if region == self._own else region
