"""
The remedies for what a server or a proxy answers to C{machat doctor}.
"""

from __future__ import annotations

from machat import errors
from machat.cli.doctor.address import Address
from machat.cli.doctor.report import CHAT, HTTP, REFUSED, SILENCE, Finding
from machat.cli.doctor.visit import Ended, Refused
from machat.client import reasons

_UPGRADE = (
    "in nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; "
    "proxy_set_header Connection upgrade;"
)
_HOST = (
    "forward the Host of the client (nginx: proxy_set_header Host $http_host;), "
    "or allow the page with --origin {origin}"
)

#: The remedies by HTTP status.
_HTTP = {
    400: "use wss:// if this port has TLS; if the proxy sends the PROXY protocol (HAProxy: "
    "send-proxy), begin the endpoint of --ws with haproxy:; otherwise, check what the proxy "
    "changes",
    401: "the proxy asks for credentials: except the path of the WebSocket from this",
    404: "the WebSocket is at /mychat: check the path, and whether the proxy changes it",
    421: "start MaChat with --host {host}, or forward the Host of the client",
    426: _UPGRADE,
    429: "the proxy limits the rate of requests: raise its limit",
    502: "the proxy cannot reach MaChat: start it, and compare its --ws with the proxy's address; "
    "an endpoint that begins with haproxy: needs the PROXY protocol (HAProxy: send-proxy)",
    503: "the proxy has no server that is up: check its health check and MaChat's log",
    504: "MaChat does not answer the proxy: check MaChat's log and the load of the machine",
}

#: The remedies by the code of an error.
_ERRORS = {
    errors.BAD_CREDENTIALS: "give --name with --password-file or --token-file",
    errors.NOT_ALLOWED: "give a room that this user may join: --room ROOM",
    errors.BAD_NAME: "give another name: --name NAME",
    errors.BAD_ROOM: "give another room: --room ROOM",
    errors.NAME_TAKEN: "give another name: --name NAME",
    errors.ROOM_FULL: "give another room with --room, or raise --max-members",
    errors.ROOM_LOCKED: "give another room with --room, or unlock this one",
    errors.TOO_MANY_CONNECTIONS: "raise --max-connections or --max-per-address; if MaChat sees all "
    "clients at the proxy's address, let the proxy forward theirs and use --trust-proxy 1",
    errors.BUSY: "wait; if MaChat sees all clients at the proxy's address, use --trust-proxy 1",
    errors.BAD_HELLO: "use ws:// if this is a WebSocket endpoint; otherwise, compare the endpoint "
    "with the proxy: haproxy: in MaChat needs send-proxy in HAProxy, and send-proxy needs haproxy:",
    errors.HELLO_TIMEOUT: "the hello did not arrive in time: check what the proxy buffers",
    errors.FAILED: "check the store: MaChat's log and /readyz name the fault",
}

_FOREIGN = (
    "compare the address with MaChat's --tcp and --ws: host:port is for --tcp, ws:// for --ws, and "
    "tls: and wss:// are for endpoints or proxies with TLS"
)

_PROXY_HEADER = (
    "check MaChat's log, and whether it has --max-connections clients; if the endpoint begins with "
    "haproxy:, the proxy must send the PROXY protocol (HAProxy: send-proxy; nginx: proxy_protocol "
    "on)"
)


def ofEnd(ended: Ended, address: Address) -> Finding:
    """
    @return: the problem because of which the connection could not be opened, or ended early
    """
    if ended.bye is not None:
        text = f"the server closed the connection: {ended.bye.code} {ended.bye.reason}"
        remedy = _ERRORS.get(ended.bye.reason, "check MaChat's log")
        return Finding("chat", text, REFUSED, remedy)
    if ended.failure is None:
        return Finding("chat", "the server does not answer", CHAT, _PROXY_HEADER)
    reason = reasons.explain(ended.failure)
    if isinstance(ended.failure.value, reasons.Refused):
        first = reason.text.partition(". ")[0]  # the rest is MaChat's own remedy
        return Finding("HTTP", first, HTTP, _ofStatus(ended.failure.value, address))
    remedy = _FOREIGN if reason.code == reasons.FOREIGN else _PROXY_HEADER
    return Finding("chat", reason.text, CHAT, remedy)


def ofRefusal(refused: Refused) -> Finding:
    """
    @return: the problem because of which the client could not join
    """
    code, text = refused.error.code, refused.error.text
    return Finding("chat", f"{code}: {text}", REFUSED, _ERRORS.get(code, "check MaChat's log"))


def _ofStatus(refused: reasons.Refused, address: Address) -> str:
    status, text = refused.status, refused.text
    if status == 403 and "origin" in text.lower():
        remedy = _HOST
    elif 300 <= status < 400:
        remedy = "use the address to which the server redirects"
    else:
        remedy = _HTTP.get(status, "check the log of the proxy and of MaChat")
    return remedy.format(origin=address.origin, host=address.host)


def ofSilence(ended: Ended, seconds: float, ping: int) -> Finding:
    """
    @param seconds: the time after which the connection ended
    @param ping: the interval of the server's pings, seconds
    @return: the problem
    """
    text = f"the connection closed after {seconds:.0f} s"
    if ended.bye is not None:
        text += f": {ended.bye.code} {ended.bye.reason}"
        remedy = "check MaChat's log"
        if ended.bye.code == errors.NO_PONG.code:
            remedy = "the answers to pings do not arrive: let the proxy pass on all frames at once"
        return Finding("silence", text, SILENCE, remedy)
    if ended.failure is not None and isinstance(ended.failure.value, reasons.Closed):
        closed = ended.failure.value
        text += f": close code {closed.code} {closed.text}"
    remedy = (
        "raise the timeout of the proxy (nginx: proxy_read_timeout 1h, or proxy_timeout 1h in "
        "stream; HAProxy: timeout tunnel 1h, or timeout client and server 1h in mode tcp), "
        f"or let MaChat send pings more often (--ping, now {ping} s)"
    )
    return Finding("silence", text, SILENCE, remedy)
