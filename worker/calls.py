"""What a call of AWS may raise."""

from __future__ import annotations

import http.client

import urllib3.exceptions
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError


class GarbledAnswer(BotoCoreError):
    """Raised when an answer is not what AWS answers: a proxy's, a login page's, or half of one."""

    fmt = "the answer is not one that AWS gives ({reason})"


#: An error that AWS tells, one of botocore's own, or, where an answer breaks off in the middle, what lies
#: below botocore: it does not wrap all of that (the body of an error is read outside of its own handling).
CALL_ERRORS = (
    BotoCoreError,
    ClientError,
    ResponseParserError,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
)
