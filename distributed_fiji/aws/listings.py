"""Read S3's listings several times as fast as botocore, whose XML takes most of the time of a long listing.

botocore builds a tree of each page and a dictionary of each of its elements. Here, regular expressions take
the objects out of the page before botocore reads the rest, with the same result. A page with anything unknown
in it is left to botocore.

A folder whose names begin with IDs, which are hashes, is listed by their first digits, at the same time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ListObjectsV2OutputTypeDef as Page
    from mypy_boto3_s3.type_defs import ObjectTypeDef

#: An object as S3 writes it. Checksum algorithms are passed over: there may be several.
USUAL = re.compile(
    r"<Contents><Key>([^<]*)</Key><LastModified>([^<]*)</LastModified><ETag>([^<]*)</ETag>"
    r"(?:<ChecksumAlgorithm>[^<]*</ChecksumAlgorithm>)*(?:<ChecksumType>(\w+)</ChecksumType>)?"
    r"<Size>(\d+)</Size>(?:<StorageClass>(\w+)</StorageClass>)?</Contents>"
)

#: An object of a page, and what it may contain (S3 API reference, "Object"): elements without nested ones.
OBJECT = re.compile(r"<Contents>(.*?)</Contents>", re.DOTALL)
ELEMENT = re.compile(r"<(\w+)>([^<]*)</\1>")
TEXTS = ("Key", "ETag", "StorageClass", "ChecksumType")
NEEDED = frozenset({"Key", "LastModified", "Size"})
#: ChecksumAlgorithm may appear several times; nobody here reads it.
KNOWN = NEEDED | {*TEXTS, "ChecksumAlgorithm"}

ENTITY = re.compile(r"&(?:#x([0-9a-fA-F]+)|#([0-9]+)|(amp|lt|gt|quot|apos));")
NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}

FOUR_DIGITS = re.compile(r"[0-9a-f]{4}\Z")

#: How the names in a folder of the state begin: with a digit of an ID, or with `rejected-`.
SHARDS = "0123456789abcdefr"

#: A folder that seems to have more pages than this is listed by shards: at most twice as many requests.
FEW_PAGES = 16


def list_pages(s3: S3Client, bucket: str, folder: str) -> Iterator[list[ObjectTypeDef]]:
    """Yield the objects whose names in a folder begin as SHARDS say, page by page, in any order.

    `folder`: a prefix that ends with a slash. Only a few pages are in memory at a time. Objects with other
    names may be among them.
    """
    first = s3.list_objects_v2(Bucket=bucket, Prefix=folder)
    if not first.get("IsTruncated") or not _seems_long(first, folder):
        yield from _one_after_another(s3, bucket, folder, first)
        return
    with ThreadPoolExecutor(len(SHARDS)) as pool:
        waiting: dict[Future[Page], str] = {}

        def ask(prefix: str, **token: Any) -> None:
            waiting[pool.submit(s3.list_objects_v2, Bucket=bucket, Prefix=prefix, **token)] = prefix

        for digit in SHARDS:
            ask(folder + digit)
        while waiting:
            for one in wait(waiting, return_when=FIRST_COMPLETED).done:
                page, prefix = one.result(), waiting.pop(one)
                if page.get("IsTruncated"):
                    ask(prefix, ContinuationToken=page["NextContinuationToken"])
                yield page.get("Contents", [])


def _one_after_another(s3: S3Client, bucket: str, folder: str, page: Page) -> Iterator[list[ObjectTypeDef]]:
    yield page.get("Contents", [])
    while page.get("IsTruncated"):
        token = page["NextContinuationToken"]
        page = s3.list_objects_v2(Bucket=bucket, Prefix=folder, ContinuationToken=token)
        yield page.get("Contents", [])


def _seems_long(first: Page, folder: str) -> bool:
    """Whether a folder seems to have many pages, by how far its first one has come in the order of IDs."""
    digits = first["Contents"][-1]["Key"][len(folder) :][:4]
    return bool(FOUR_DIGITS.match(digits)) and (int(digits, 16) + 1) * FEW_PAGES < 16**4


def read_quickly(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Take the objects out of a page of ListObjectsV2, for botocore's event `before-parse`.

    The entries of `customized_response_dict` are added to what botocore reads from the body.
    """
    if response_dict["status_code"] != 200:
        return
    page = response_dict["body"].decode()
    objects: list[dict[str, Any] | None] = [*map(usual_object, USUAL.findall(page))]
    if len(objects) != page.count("<Contents>"):
        objects = [find_object(one) for one in OBJECT.findall(page)]
    if objects and None not in objects:
        customized_response_dict["Contents"] = objects
        response_dict["body"] = OBJECT.sub("", page).encode()


def usual_object(parts: tuple[str, ...]) -> dict[str, Any]:
    """Return an object whose elements are in S3's order."""
    key, modified, etag, kind, size, storage = parts
    found = {"Key": plain_text(key), "LastModified": time_of(modified), "ETag": plain_text(etag)}
    if kind:
        found["ChecksumType"] = kind
    if storage:
        found["StorageClass"] = storage
    found["Size"] = int(size)
    return found


def find_object(text: str) -> dict[str, Any] | None:
    """Return an object as botocore does, except for ChecksumAlgorithm; None if anything in it is unknown."""
    elements = ELEMENT.findall(text)
    parts = dict(elements)
    if text.count("<") != 2 * len(elements) or not NEEDED <= parts.keys() <= KNOWN:
        return None
    found: dict[str, Any] = {name: plain_text(parts[name]) for name in TEXTS if name in parts}
    found["LastModified"] = time_of(parts["LastModified"])
    found["Size"] = int(parts["Size"])
    return found


@lru_cache(maxsize=100_000)
def time_of(text: str) -> datetime:
    """Return a time of S3's, of which many objects of a run have the same."""
    # Python 3.10 cannot parse the Z.
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def plain_text(text: str) -> str:
    """Return text with XML's entities replaced."""
    if "&" not in text:
        return text
    quoted = text.replace("&quot;", '"')  # all that an ETag has
    return ENTITY.sub(_character, text) if "&" in quoted else quoted


def _character(entity: re.Match[str]) -> str:
    as_hex, as_decimal, name = entity.groups()
    return NAMED[name] if name else chr(int(as_hex, 16) if as_hex else int(as_decimal))
