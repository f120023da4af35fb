"""
The services of C{twistd machat}. This is the only package that may import the global reactor.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from msgspec.structs import replace
from twisted.application.service import IService, MultiService
from twisted.internet.interfaces import IProtocolFactory

from machat.api import ApiResource, ApiService, ApiSite
from machat.api.limits import API_DEFAULTS
from machat.clock import useMonotonic
from machat.monitor import Monitor
from machat.service import ChatService
from machat.tap.collector import Collector
from machat.tap.descriptors import raiseDescriptors
from machat.tap.hosts import defaultHosts
from machat.tap.listener import Listener
from machat.tap.logs import writeLogApart
from machat.tap.options import Options as Options
from machat.tap.options import globalReactor
from machat.tap.parent import Parent
from machat.tap.serving import Root, Server
from machat.tap.webhooks import WebhookOfChats
from machat.tcp import ChatFactory
from machat.workers.monitor import WorkersMonitor, answerOf
from machat.workers.worker import Worker
from machat.ws import ChatWebSocketFactory

#: The protocol to select on endpoints for browsers, if the client offers a choice (ALPN).
_HTTP = (b"http/1.1",)


def makeService(options: Options) -> IService:
    """
    Build the services: one chat with its endpoints as children, or two with C{--separate}.

    @param options: the parsed command line
    @return: the service. If an endpoint cannot be used, the service ends the process when it is
        started
    """
    reactor: Any = globalReactor()
    useMonotonic(reactor)
    parent: dict[str, Any] = options.parent or {}
    daemonized = not parent.get("nodaemon", True)
    raiseDescriptors()
    if options.divided:
        return _makeParent(reactor, options, daemonized)
    chats = [
        ChatService(reactor, options["limits"], store, portal=options["portal"])
        for store in options["stores"]
    ]
    for chat in chats:
        chat.listing.patterns = options["list-rooms"]
        chat.sockets.leads = True
    webhook = options["webhook"] and WebhookOfChats(reactor, chats, options)
    monitor = None
    worker = Worker.current
    if options["monitor"] is not None or worker is not None:
        monitor = Monitor(reactor, chats, _monitorHosts(reactor, options))
    server = Server(reactor, chats, monitor, options["shutdown-timeout"])
    Collector(reactor).setServiceParent(server)
    if webhook:
        server.reloads.append(webhook.reload)
    if monitor is not None and worker is not None:
        worker.connect(reactor, partial(answerOf, monitor))
        worker.setServiceParent(server)
    elif monitor is not None:
        site = Listener("monitor", options["monitor"], monitor.site, daemonized, _HTTP)
        _add(site, monitor, server)
    _addEndpoints(chats, server, reactor, options, daemonized)
    if options["api"]:
        _addApi(chats[0], server, options, daemonized)
    writeLogApart(server, parent)
    return server


def _addEndpoints(
    chats: Sequence[ChatService], server: Server, reactor: Any, options: Options, daemonized: bool
) -> None:
    """
    Add the endpoints for lines to the first chat, and those for WebSockets to the last one.
    """
    for option, chat, protocols in (("tcp", chats[0], ()), ("ws", chats[-1], _HTTP)):
        for endpoint in options[option]:
            factory = _factory(reactor, option, endpoint, chat, options)
            listener = Listener(option, endpoint, factory, daemonized, protocols)
            _add(listener, chat, server)


def _addApi(chat: ChatService, server: Server, options: Options, daemonized: bool) -> None:
    """
    Add the endpoints of the HTTP API. They read the keys again on a reload.
    """
    keys = options["keys"]
    limits = replace(API_DEFAULTS, rate=options["api-rate"])
    api = ApiResource(chat, keys, options["api-origins"], options["trust-proxy"], limits)
    sites = [ApiSite(chat, api) for _ in options["api"]]
    for endpoint, site in zip(options["api"], sites, strict=True):
        _add(Listener("api", endpoint, site, daemonized, _HTTP), chat, server)
    ApiService(chat, api, sites).setServiceParent(chat)
    server.reloads.append(keys.reload)


def _makeParent(reactor: Any, options: Options, daemonized: bool) -> IService:
    """
    Build the services of the parent of workers.
    """
    server = Parent(reactor, options, daemonized)
    if options["monitor"] is not None:
        monitor = WorkersMonitor(server.pool, _monitorHosts(reactor, options))
        site = Listener("monitor", options["monitor"], monitor.site, daemonized, _HTTP)
        _add(site, server, server)
    writeLogApart(server, options.parent or {})
    return server


def _add(listener: Listener, parent: MultiService, root: Root) -> None:
    """
    Add an endpoint to a service. The process reloads its certificates.
    """
    listener.setServiceParent(parent)
    root.reloads.append(listener.reload)


def _monitorHosts(reactor: Any, options: Options) -> Sequence[str]:
    endpoint = options["monitor"]
    hosts = () if endpoint is None else defaultHosts(reactor, endpoint, False, False)
    return [*hosts, *options["hosts"]] if hosts else ()


def _factory(
    reactor: Any, option: str, endpoint: str, chat: ChatService, options: Options
) -> IProtocolFactory:
    if option == "tcp":
        return ChatFactory(chat)
    proxies = options["trust-proxy"]
    closed = options["portal"] is not None and not options["anonymous"]
    hosts = options["hosts"] or defaultHosts(reactor, endpoint, bool(proxies), closed)
    page = options["page-token-url"] or not options["no-page"]
    return ChatWebSocketFactory(chat, page, options["origins"], proxies, hosts)
