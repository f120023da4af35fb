"""
HTTP as far as a WebSocket's endpoint needs it: the head of a request, and short answers (RFC 9110,
RFC 9112). Pure.

One request is read from a connection, so a body and what comes after it are never looked at.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from machat.http.origins import Authority, readAuthority

_FIRST = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~]+) HTTP/(\d)\.(\d)", re.ASCII)
_FIELDS = re.compile(r"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*\r\n)*", re.ASCII)
_ABSOLUTE = re.compile(r"https?://([^/?#]*)([/?#].*)?", re.ASCII | re.IGNORECASE)

#: The fields of which two are a contradiction; two of any other are a list.
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

    @ivar fields: its header fields, without its length and whether the connection goes on
    """

    status: int
    fields: dict[str, str]
    body: bytes = b""

    def encode(self, method: str) -> bytes:
        """
        @param method: the request's
        @return: the answer as a whole. The connection is to be closed behind it
        """
        fields = {**self.fields}
        fields["Connection"] = "Upgrade, close" if "Upgrade" in fields else "close"
        if self.status not in (204, 304):
            fields["Content-Length"] = str(len(self.body))
        lines = [f"{name}: {value}\r\n" for name, value in fields.items()]
        head = f"HTTP/1.1 {self.status} {_REASONS[self.status]}\r\n{''.join(lines)}\r\n"
        return head.encode("latin-1") + (b"" if method == "HEAD" else self.body)


def line(status: int, text: str, **fields: str) -> Answer:
    """
    @param text: one line for a person
    @param fields: more header fields, with C{_} for C{-}
    @return: an answer of this line
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
    A request that cannot be read.

    @ivar answer: what to answer
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.answer = line(status, text)


class Request(NamedTuple):
    """
    The head of a request.

    @ivar path: without the query; C{*} if the whole server is asked
    @ivar host: the host that is asked; C{None} if a request of HTTP/1.0 does not say it
    @ivar modern: whether it is HTTP/1.1, so that it can ask for an upgrade
    @ivar fields: the values by their names in lower case
    """

    method: str
    path: str
    query: str
    host: Authority | None
    modern: bool
    fields: dict[str, str]

    def asks(self, name: str, token: str) -> bool:
        """
        @param token: in lower case
        @return: whether it is in the list that is the value of a field
        """
        value = self.fields.get(name, "").lower()
        return value == token or token in (part.strip(" \t") for part in value.split(","))


def readRequest(head: bytes) -> Request:
    """
    @param head: the head of a request, with the empty line that ends it
    @raise BadRequest: it is none, or none that is answered
    """
    first, _, rest = head.decode("latin-1")[:-2].partition("\r\n")
    match = _FIRST.fullmatch(first)
    if match is None:
        raise BadRequest(400, "This is no HTTP request.")
    if match[3] != "1":
        raise BadRequest(505, "HTTP/1.1 and HTTP/1.0 are answered here, no other version.")
    fields = _read(rest)
    modern = match[4] != "0"
    target, host = match[2], fields.get("host")
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is not None:  # its host is the one that counts (RFC 9112 section 3.2.2)
        host, target = absolute[1], absolute[2] or "/"
        target = target if target[0] == "/" else f"/{target}"
    if target[0] != "/" and target != "*":
        raise BadRequest(400, "The request's target has to be a path.")
    path, _, query = target.partition("?")
    return Request(match[1], path, query, _hostOf(host, modern), modern, fields)


def _read(text: str) -> dict[str, str]:
    if _FIELDS.fullmatch(text) is None:
        raise BadRequest(400, "A line of the request's head is not a valid header field.")
    fields: dict[str, str] = {}
    for each in text.split("\r\n")[:-1]:
        name, _, value = each.partition(":")
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
        raise BadRequest(400, "The request's Host is not a valid host.")
    return host
