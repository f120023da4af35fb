"""
An HTTP API in memory, and its clients.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, NamedTuple

import msgspec
from twisted.internet.address import IPv4Address

from machat.api import ApiKeys, ApiLimits, ApiResource, ApiService, ApiSite
from machat.auth.apikeys import ApiKey, makeKey
from machat.interfaces import IChatHooks, IStore
from machat.limits import DEFAULTS, Limits
from machat.testing import MemoryChat, MemoryTransport

SECRET = "machat_the-key-of-the-test"


def keyOf(
    secret: str = SECRET,
    label: str = "bot",
    rights: str = "publish,read,moderate",
    rooms: str = "*",
) -> ApiKey:
    """
    @return: the key with this secret
    """
    return makeKey(label, rights, rooms, sha256(secret.encode()).digest())


class Response(NamedTuple):
    """
    An answer.

    @ivar fields: the header fields, with names in lower case
    @ivar body: the body
    """

    status: int
    fields: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """
        The body, decoded.
        """
        return msgspec.json.decode(self.body)

    @property
    def code(self) -> str:
        """
        The code of the error.
        """
        code: str = self.json["error"]["code"]
        return code


class ApiClient:
    """
    One connection to the API.

    @ivar transport: the server's side of it
    """

    def __init__(self, api: MemoryApi, host: str = "127.0.0.1") -> None:
        self._chat = api.chat
        self.channel: Any = api.site.buildProtocol(None)
        self.transport = MemoryTransport(peerAddress=IPv4Address("TCP", host, 1))
        self.transport.protocol = self.channel
        self.channel.makeConnection(self.transport)

    @property
    def connected(self) -> bool:
        """
        Whether the server has not closed the connection.
        """
        return bool(self.transport.connected)

    def send(self, method: str, path: str, body: bytes = b"", **fields: str) -> None:
        """
        Send a request.

        @param fields: header fields, with C{_} instead of C{-}
        """
        lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items()]
        if body or method == "POST":
            lines.append(f"Content-Length: {len(body)}\r\n")
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{''.join(lines)}\r\n"
        self.transport.protocol.dataReceived(head.encode() + body)

    def received(self) -> bytes:
        """
        @return: the bytes since the last call
        """
        data: bytes = self.transport.value()
        self.transport.clear()
        return data

    def response(self) -> Response:
        """
        @return: the answer that has been received
        """
        head, _, body = self.received().partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = {line.partition(": ")[0].lower(): line.partition(": ")[2] for line in lines}
        return Response(int(first.split()[1]), fields, body)

    def close(self) -> None:
        """
        Close the connection.
        """
        self.transport.loseConnection()


class MemoryApi:
    """
    The API of a chat in memory.

    @ivar chat: the chat
    @ivar keys: the keys: one with the secret L{SECRET}
    """

    def __init__(
        self,
        limits: Limits = DEFAULTS,
        api: ApiLimits | None = None,
        store: IStore | None = None,
        hooks: IChatHooks | None = None,
        origins: tuple[str, ...] = (),
        proxies: int = 0,
    ) -> None:
        self.chat = MemoryChat(limits, store, hooks)
        self.keys = ApiKeys([keyOf()])
        service = self.chat.service
        self.resource = ApiResource(service, self.keys, origins, proxies, api or ApiLimits())
        self.site = ApiSite(service, self.resource)
        ApiService(service, self.resource, [self.site]).setServiceParent(service)

    def client(self, host: str = "127.0.0.1") -> ApiClient:
        """
        @return: a new connection
        """
        return ApiClient(self, host)

    def call(self, name: str, secret: str | None = SECRET, /, **fields: Any) -> Response:
        """
        Send a request on a new connection.

        @param fields: the fields of the body; C{by} is C{from}, and C{seconds} is C{for}
        @return: its answer, at the end of the turn
        """
        for given, meant in (("by", "from"), ("seconds", "for")):
            if given in fields:
                fields[meant] = fields.pop(given)
        return self.post(name, msgspec.json.encode(fields), secret)

    def post(self, name: str, body: bytes, secret: str | None = SECRET) -> Response:
        """
        Send a request with any body on a new connection.
        """
        client = self.client()
        headers = {} if secret is None else {"X_API_Key": secret}
        client.send("POST", f"/api/{name}", body, **headers)
        self.chat.turn()
        try:
            return client.response()
        finally:
            client.close()

    def stream(self, query: str = "room=dev", **fields: str) -> ApiClient:
        """
        @return: an event stream
        """
        client = self.client()
        if "token=" not in query:
            fields.setdefault("X_API_Key", SECRET)
        client.send("GET", f"/api/events?{query}", b"", **fields)
        return client
