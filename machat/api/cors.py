"""
Requests from pages of other origins (WHATWG Fetch, section 3.2, CORS protocol). They are refused
unless the operator allows the origin.
"""

from __future__ import annotations

from typing import Any

from machat.api.statuses import refused
from machat.errors import NOT_ALLOWED, ChatError
from machat.http.messages import Answer
from machat.http.origins import Origins, readAuthority, readOrigin
from machat.http.resource import fieldOf

_ALLOWED_FIELDS = "Authorization, Content-Type, Last-Event-ID, X-API-Key"

#: The time for which a browser may remember the answer to a preflight request, seconds.
_MAX_AGE = 600


def checkOrigin(request: Any, origins: Origins) -> tuple[dict[str, str], Answer | None]:
    """
    @param request: a request of L{twisted.web}
    @return: the fields that let the page read the answer; and the refusal, if the origin of the
        page is not allowed
    """
    value = fieldOf(request, b"origin")
    if value is None:
        return {}, None  # not a page, or a page of this host that only reads
    host = readAuthority(fieldOf(request, b"host") or "")
    origin = readOrigin(value)
    if origin is None or host is None or not origins.allows(origin, host):
        shown = "this page" if origin is None else str(origin)
        remedy = "" if origin is None else f": start MaChat with --api-origin {origin}"
        text = f"the origin of {shown} may not use the API{remedy}"
        return {"Vary": "Origin"}, refused(ChatError(NOT_ALLOWED, text))
    return {
        "Access-Control-Allow-Origin": value,
        "Access-Control-Expose-Headers": "Retry-After",
        "Vary": "Origin",
    }, None


def preflight(methods: str, fields: dict[str, str]) -> Answer:
    """
    @param methods: the methods of the path
    @param fields: the result of L{checkOrigin}
    @return: the answer to C{OPTIONS}
    """
    allowed = {"Allow": methods}
    if fields:
        allowed["Access-Control-Allow-Methods"] = methods
        allowed["Access-Control-Allow-Headers"] = _ALLOWED_FIELDS
        allowed["Access-Control-Max-Age"] = str(_MAX_AGE)
    return Answer(204, allowed)
