"""
The site of a monitor, and its answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import CollectorRegistry
from twisted.internet.interfaces import IProtocolFactory
from twisted.web.http import Request
from twisted.web.server import Site
from zope.interface import implementer_only

from machat.http.messages import Answer
from machat.http.origins import Hosts
from machat.http.resource import Document, Late, Missing, fieldOf


@implementer_only(IProtocolFactory)  # not of ALPN, which L{machat.transport.tls} implements
class _Site(Site):
    noisy = False

    def log(self, request: Request) -> None:
        """
        Write no access log: monitoring systems send requests every few seconds.
        """


def siteOf(hosts: Sequence[str], documents: Mapping[str, Callable[[Request], Late]]) -> Site:
    """
    @param hosts: the only hosts that requests may name, see L{Hosts}; an empty sequence means all
    @param documents: the functions that answer requests, by path
    @return: a site without an access log
    """
    allowed = Hosts(hosts)
    root = Missing(allowed, f"The paths are /{', /'.join(documents)}.")
    made = {path: Document(allowed, make, root) for path, make in documents.items()}
    for path, document in made.items():
        parent, _, name = path.rpartition("/")
        made.get(parent, root).putChild(name.encode(), document)
    return _Site(root)


def freshJSON(value: Any) -> Answer:
    """
    @return: the value in JSON, see L{fresh}
    """
    return fresh("application/json", msgspec.json.encode(value))


def exposed(request: Request, registry: CollectorRegistry) -> Answer:
    """
    @return: the metrics of a registry, in the format that the request accepts, see L{fresh}
    """
    encode, kind = choose_encoder(fieldOf(request, b"accept") or "")
    return fresh(kind, encode(registry))


def fresh(kind: str, body: bytes) -> Answer:
    """
    @return: an answer that no cache may store
    """
    return Answer(200, {"Content-Type": kind, "Cache-Control": "no-store"}, body)
