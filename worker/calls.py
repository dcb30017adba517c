"""The errors that a call to AWS may raise."""

from __future__ import annotations

import http.client

import urllib3.exceptions
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError


class GarbledAnswer(BotoCoreError):
    """Raised when an answer is not AWS's: a proxy's, a login page's, or only half of one."""

    fmt = "the answer is not one that AWS gives ({reason})"


#: An error reported by AWS, one of botocore's own or, if an answer breaks off in the middle, one from below
#: botocore, which does not wrap all of those (it reads the body of an error outside of its own handling).
CALL_ERRORS = (
    BotoCoreError,
    ClientError,
    ResponseParserError,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
)
