"""
Answers of L{machat.http.messages} in a site of L{twisted.web}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.web.resource import Resource

from machat.http.messages import Answer, line
from machat.http.origins import Hosts, readAuthority
from machat.http.site import allowed, misdirected, notAllowed


def send(request: Any, answer: Answer) -> bytes:
    """
    @param request: of the site
    @return: what C{render} returns. For C{HEAD} it is empty: of a body, L{twisted.web} would
        complain in the log, with the path as the client has sent it
    """
    request.setResponseCode(answer.status)
    for name, value in answer.fields.items():
        if name != "Upgrade":
            request.setHeader(name, value)
        elif request.channel.transport is not None:  # not over HTTP/2
            request.setHeader(name, value)
            request.setHeader("Connection", name)
    if request.method != b"HEAD":
        return answer.body
    request.setHeader("Content-Length", str(len(answer.body)))
    return b""


def refusedHost(request: Any, hosts: Hosts) -> Answer | None:
    """
    @return: the refusal of a request that names another host
    """
    for value in request.requestHeaders.getRawHeaders("host", []):
        host = readAuthority(value)
        if host is None:
            return line(400, "The request's Host is not a valid host.")
        if not hosts.allows(host):
            return misdirected(host)
    return None


class _Checked(Resource):
    """
    Answers requests for some hosts only.
    """

    def __init__(self, hosts: Hosts) -> None:
        Resource.__init__(self)
        self._hosts = hosts

    def render(self, request: Any) -> bytes:
        return send(request, refusedHost(request, self._hosts) or self.answer(request))

    def answer(self, request: Any) -> Answer:
        """
        @return: the answer to a request that is not refused
        """
        raise NotImplementedError


class Missing(_Checked):
    """
    Nothing, with one line that says so; at C{/}, the answer to a question for the whole server.
    """

    def __init__(self, hosts: Hosts, text: str) -> None:
        """
        @param text: what there is in its place
        """
        _Checked.__init__(self, hosts)
        self._text = text

    def answer(self, request: Any) -> Answer:
        if request.method == b"OPTIONS" and request.path == b"/":
            return allowed()
        return line(404, f"There is nothing at this path. {self._text}")

    def getChild(self, path: bytes, request: Any) -> Resource:
        """
        @return: nothing either
        """
        return Missing(self._hosts, self._text)


class Document(_Checked):
    """
    Something to read at one path.
    """

    def __init__(self, hosts: Hosts, make: Callable[[Any], Answer], missing: Missing) -> None:
        """
        @param make: is called with a request, and makes the answer
        @param missing: what is below it
        """
        _Checked.__init__(self, hosts)
        self._make = make
        self._missing = missing

    def answer(self, request: Any) -> Answer:
        if request.method == b"OPTIONS":
            return allowed()
        if request.method not in (b"GET", b"HEAD"):
            return notAllowed()
        return self._make(request)

    def getChild(self, path: bytes, request: Any) -> Resource:
        """
        @return: nothing
        """
        return self._missing
