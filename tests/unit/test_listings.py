"""A listing reads as botocore reads it, whatever S3 names and sizes there are."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

import botocore.session
import pytest
from botocore.parsers import create_parser
from hypothesis import given, settings
from hypothesis import strategies as st

from distributed_fiji.aws.listings import read_quickly

MODEL = botocore.session.get_session().get_service_model("s3").operation_model("ListObjectsV2")
PARSER = create_parser(MODEL.service_model.metadata["protocol"])

#: What XML 1.0 can carry; S3 sends other characters of a key in %XX (EncodingType=url), as boto3 asks it to.
TEXT = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufffe\uffff"), min_size=1
)
WHEN = (
    st.datetimes().filter(lambda when: when.year >= 1970).map(lambda when: f"{when:%Y-%m-%dT%H:%M:%S}.000Z")
)
QUOTED = {'"': "&quot;", "'": "&#39;", "/": "&#x2F;"}


@st.composite
def one_object(draw: st.DrawFn) -> str:
    """Return an object as S3 writes it, with some or all of its elements, in any order."""
    parts = [
        f"<Key>{escape(draw(TEXT), QUOTED)}</Key>",
        f"<LastModified>{draw(WHEN)}</LastModified>",
        f"<Size>{draw(st.integers(0, 5 * 1024**4))}</Size>",
        *draw(
            st.lists(
                st.sampled_from(
                    [
                        "<ETag>&quot;d41d8cd98f00b204e9800998ecf8427e-2&quot;</ETag>",
                        "<StorageClass>DEEP_ARCHIVE</StorageClass>",
                        "<ChecksumType>FULL_OBJECT</ChecksumType>",
                        "<Owner><DisplayName>who</DisplayName><ID>x</ID></Owner>",
                        "<RestoreStatus><IsRestoreInProgress>true</IsRestoreInProgress></RestoreStatus>",
                    ]
                ),
                unique=True,
            )
        ),
    ]
    return f"<Contents>{draw(st.sampled_from(['', chr(10)])).join(draw(st.permutations(parts)))}</Contents>"


@st.composite
def usual_object(draw: st.DrawFn) -> str:
    """Return an object with S3's elements in S3's order, some of them left out."""
    algorithms = "<ChecksumAlgorithm>CRC32</ChecksumAlgorithm>" * draw(st.integers(0, 2))
    kind = draw(st.sampled_from(["", "<ChecksumType>FULL_OBJECT</ChecksumType>"]))
    storage = draw(st.sampled_from(["", "<StorageClass>STANDARD</StorageClass>"]))
    return (
        f"<Contents><Key>{escape(draw(TEXT), QUOTED)}</Key><LastModified>{draw(WHEN)}</LastModified>"
        f"<ETag>{escape(draw(TEXT), QUOTED)}</ETag>{algorithms}{kind}"
        f"<Size>{draw(st.integers(0, 5 * 1024**4))}</Size>{storage}</Contents>"
    )


def page_of(objects: list[str]) -> bytes:
    head = (
        "<Name>b</Name><KeyCount>1</KeyCount><IsTruncated>true</IsTruncated><EncodingType>url</EncodingType>"
    )
    tail = "<NextContinuationToken>a&amp;b</NextContinuationToken>"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"{head}{''.join(objects)}{tail}</ListBucketResult>"
    ).encode()


def parsed(body: bytes, quickly: bool) -> dict[str, Any]:
    """Do what botocore's endpoint does with an answer (botocore.endpoint, `_do_get_response`)."""
    answer: dict[str, Any] = {"status_code": 200, "headers": {}, "body": body}
    custom: dict[str, Any] = {}
    if quickly:
        read_quickly(answer, custom)
    return dict(PARSER.parse(answer, MODEL.output_shape)) | custom


@settings(deadline=None)
@given(st.lists(one_object(), max_size=4) | st.lists(usual_object(), max_size=4))
def test_a_page_reads_as_botocore_reads_it(objects: list[str]) -> None:
    body = page_of(objects)
    quickly, slowly = parsed(body, quickly=True), parsed(body, quickly=False)
    for item in slowly.get("Contents", []):
        item.pop("ChecksumAlgorithm", None)
    assert quickly == slowly


@pytest.mark.parametrize("body", [b"<Error><Code>NoSuchBucket</Code></Error>", b"", b"not XML at all"])
def test_an_answer_that_is_no_listing_is_left_to_botocore(body: bytes) -> None:
    answer: dict[str, Any] = {"status_code": 404, "headers": {}, "body": body}
    custom: dict[str, Any] = {}
    read_quickly(answer, custom)
    assert (answer["body"], custom) == (body, {})


def test_the_quick_way_is_the_one_that_usual_pages_go() -> None:
    usual = (
        "<Contents><Key>a/b%20c.tif</Key><LastModified>2026-11-27T00:00:00.000Z</LastModified>"
        "<ETag>&quot;x&quot;</ETag><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm>"
        "<ChecksumType>FULL_OBJECT</ChecksumType><Size>5</Size><StorageClass>STANDARD</StorageClass></Contents>"
    )
    answer: dict[str, Any] = {"status_code": 200, "headers": {}, "body": page_of([usual])}
    custom: dict[str, Any] = {}
    read_quickly(answer, custom)
    assert b"<Contents>" not in answer["body"]
    assert [item["Key"] for item in custom["Contents"]] == ["a/b%20c.tif"]
