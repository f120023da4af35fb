"""
HTTP requests and answers of a WebSocket endpoint (RFC 9110, RFC 9112), without I/O.

Only heads of requests are read. A connection is closed after a request with a body.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from machat.http.origins import Authority, readAuthority

_FIRST = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~]+) HTTP/(\d)\.(\d)", re.ASCII)
_FIELDS = re.compile(r"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*\r\n)*", re.ASCII)
_FIELD = re.compile(r"([^:]+):([^\r]*)\r\n", re.ASCII)
_ABSOLUTE = re.compile(r"https?://([^/?#]*)([/?#].*)?", re.ASCII | re.IGNORECASE)

#: The fields that must not appear more than once. Repeated other fields are combined into a list.
_SINGLE = {"host", "origin", "sec-websocket-key", "sec-websocket-version", "content-length"}

_REASONS = {
    200: "OK",
    204: "No Content",
    304: "Not Modified",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    421: "Misdirected Request",
    426: "Upgrade Required",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
    505: "HTTP Version Not Supported",
}


class Answer(NamedTuple):
    """
    An answer to a request.

    @ivar status: the status code
    @ivar fields: the header fields, except C{Content-Length} and C{Connection}
    @ivar body: the body
    """

    status: int
    fields: dict[str, str]
    body: bytes = b""

    def encode(self, method: str, kept: float = 0.0) -> bytes:
        """
        @param method: the method of the request; the answer to C{HEAD} has no body
        @param kept: the time for which the connection stays open, seconds; 0 if it is closed after
            the answer
        @return: the encoded answer
        """
        fields = {**self.fields}
        fields["Connection"] = "Upgrade, close" if "Upgrade" in fields else "close"
        if kept:
            fields.update({"Connection": "keep-alive", "Keep-Alive": f"timeout={int(kept)}"})
        if self.status not in (204, 304):
            fields["Content-Length"] = str(len(self.body))
        lines = [f"{name}: {value}\r\n" for name, value in fields.items()]
        head = f"HTTP/1.1 {self.status} {_REASONS[self.status]}\r\n{''.join(lines)}\r\n"
        return head.encode("latin-1") + (b"" if method == "HEAD" else self.body)


def line(status: int, text: str, **fields: str) -> Answer:
    """
    @param status: the status code
    @param text: one line for a person
    @param fields: additional header fields, with C{_} instead of C{-}
    @return: an answer with this line as its body
    """
    found = {
        "Content-Type": "text/plain; charset=utf-8",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    found.update({name.replace("_", "-"): value for name, value in fields.items()})
    return Answer(status, found, f"{text}\n".encode())


class BadRequest(Exception):
    """
    A request is invalid.

    @ivar answer: the answer to send
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.answer = line(status, text)


class Request(NamedTuple):
    """
    The head of a request.

    @ivar method: the method
    @ivar path: the path without the query; C{*} for a request about the whole server
    @ivar query: the query without C{?}
    @ivar host: the requested host; C{None} if an HTTP/1.0 request has no C{Host}
    @ivar modern: whether the version is HTTP/1.1 or later, so that the request can ask for an
        upgrade
    @ivar fields: the header fields by their names in lower case
    """

    method: str
    path: str
    query: str
    host: Authority | None
    modern: bool
    fields: dict[str, str]

    @property
    def last(self) -> bool:
        """
        Whether the connection must be closed after the answer (RFC 9112 section 9.3).
        """
        fields = self.fields
        body = "transfer-encoding" in fields or fields.get("content-length", "0") != "0"
        return body or not self.modern or self.asks("connection", "close")

    def asks(self, name: str, token: str) -> bool:
        """
        @param name: the name of a field, in lower case
        @param token: a token, in lower case
        @return: whether the list in this field contains the token
        """
        value = self.fields.get(name, "").lower()
        return value == token or token in (part.strip(" \t") for part in value.split(","))


def readRequest(head: bytes) -> Request:
    """
    @param head: the head of a request, including the empty line at its end
    @return: the request
    @raise BadRequest: the request is invalid, or its version is not supported
    """
    first, _, rest = head.decode("latin-1")[:-2].partition("\r\n")
    match = _FIRST.fullmatch(first)
    if match is None:
        raise BadRequest(400, "This is not an HTTP request.")
    if match[3] != "1":
        raise BadRequest(505, "Only HTTP/1.1 and HTTP/1.0 are supported.")
    fields = _read(rest)
    modern = match[4] != "0"
    target, host = match[2], fields.get("host")
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is not None:  # its host takes precedence (RFC 9112 section 3.2.2)
        host, target = absolute[1], absolute[2] or "/"
        target = target if target[0] == "/" else f"/{target}"
    if target[0] != "/" and target != "*":
        raise BadRequest(400, "The request target must be a path.")
    path, _, query = target.partition("?")
    return Request(match[1], path, query, _hostOf(host, modern), modern, fields)


def _read(text: str) -> dict[str, str]:
    if _FIELDS.fullmatch(text) is None:
        raise BadRequest(400, "The request has an invalid header field.")
    pairs = _FIELD.findall(text)
    fields: dict[str, str] = {name.lower(): value.strip(" \t") for name, value in pairs}
    if len(fields) == len(pairs):
        return fields
    fields = {}
    for name, value in pairs:
        name, value = name.lower(), value.strip(" \t")
        if name in fields:
            if name in _SINGLE:
                raise BadRequest(400, f"The request has more than one {name} field.")
            value = f"{fields[name]}, {value}"
        fields[name] = value
    return fields


def _hostOf(value: str | None, modern: bool) -> Authority | None:
    if value is None:
        if modern:
            raise BadRequest(400, "The request has no Host field.")
        return None
    host = readAuthority(value)
    if host is None:
        raise BadRequest(400, "The Host field of the request is invalid.")
    return host
