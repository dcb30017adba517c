"""The forms of AWS names, as types for settings: buckets, roles, profiles, policies."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, StringConstraints


def _general_purpose(name: str) -> str:
    """Refuse names of special buckets that do not work with everything here.

    Suffixes: S3 user guide, "Bucket naming rules". Directory buckets have ETags that are not MD5s, no tags,
    and another way to sign in. Access point aliases have their own permissions.
    """
    for suffixes, kind in (
        (("--x-s3",), "a directory bucket (S3 Express One Zone)"),
        (("-s3alias", "--ol-s3", ".mrap"), "an access point's alias"),
        (("--table-s3",), "a table bucket"),
    ):
        if name.endswith(suffixes):
            raise ValueError(f"is {kind}; you need a general purpose bucket")
    return name


#: General purpose bucket names (S3 user guide, "Bucket naming rules").
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
Bucket = Annotated[
    str,
    StringConstraints(pattern=f"^{BUCKET.pattern}$"),
    AfterValidator(_general_purpose),
]
#: Names and ARNs in IAM (IAM user guide, "IAM identifiers"); '' if setup creates the role itself.
_NAME = r"[A-Za-z0-9_+=,.@-]+"
GivenRole = Annotated[
    str, StringConstraints(pattern=rf"^(arn:aws:iam::[0-9]{{12}}:role/(.+/)?{_NAME}|{_NAME})?$")
]
GivenProfile = Annotated[
    str, StringConstraints(pattern=rf"^(arn:aws:iam::[0-9]{{12}}:instance-profile/(.+/)?{_NAME}|{_NAME})?$")
]
Boundary = Annotated[
    str, StringConstraints(pattern=rf"^(arn:aws:iam::([0-9]{{12}}|aws):policy/(.+/)?{_NAME})?$")
]
