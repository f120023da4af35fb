"""
The answers to refused requests: the HTTP status of each code.
"""

from __future__ import annotations

from math import ceil
from typing import Any

import msgspec

from machat import errors
from machat.api.answers import Error, Refused
from machat.errors import ChatError
from machat.http.messages import Answer

#: The status of each code (RFC 9110 section 15, RFC 6585 section 4). Other codes have status 400.
STATUSES = {
    errors.BAD_CREDENTIALS: 401,
    errors.NOT_ALLOWED: 403,
    errors.MUTED: 403,
    errors.ROOM_LOCKED: 403,
    errors.TOO_MANY_REACTIONS: 403,
    errors.NOT_JOINED: 404,
    errors.NO_SUCH_MESSAGE: 404,
    errors.TOO_LONG: 413,
    errors.TOO_MANY_CONNECTIONS: 429,
    errors.BUSY: 429,
    errors.ROOM_FULL: 503,
    errors.FAILED: 503,
    errors.UNKNOWN: 503,
}

#: The seconds after which to repeat a request that the store could not serve.
RETRY = 1

_FIELDS = {
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}


def succeeded(result: Any) -> Answer:
    """
    @return: the answer to a request that was carried out
    """
    return Answer(200, _FIELDS, msgspec.json.encode(result))


def errorBody(error: ChatError) -> Error:
    """
    @return: the error in JSON
    """
    return Error(code=error.code, message=error.text, retry=error.retry)


def refused(error: ChatError, status: int | None = None) -> Answer:
    """
    @param status: the status, if it is not that of the code
    @return: the answer to a request that was refused
    """
    if status is None:
        status = STATUSES.get(error.code, 400)
    fields = dict(_FIELDS)
    if status == 401:
        fields["WWW-Authenticate"] = 'Bearer realm="machat"'  # RFC 6750 section 3
    if status in (429, 503):
        fields["Retry-After"] = str(max(1, ceil(error.retry or RETRY)))
    return Answer(status, fields, msgspec.json.encode(Refused(error=errorBody(error))))
