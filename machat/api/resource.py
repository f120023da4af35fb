"""
The HTTP API as a resource of L{twisted.web}.
"""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from machat import names
from machat.addresses import describe
from machat.api.access import Access, argument
from machat.api.cors import checkOrigin, preflight
from machat.api.dialect import readId
from machat.api.endpoints import ENDPOINTS, Context, Endpoint
from machat.api.exchange import Exchange
from machat.api.limits import API_DEFAULTS, ApiLimits, Counts
from machat.api.openapi import description
from machat.api.requests import Broadcast, InRoom, Rooms
from machat.api.statuses import refused, succeeded
from machat.api.streams import Streams, Wish
from machat.auth.apikeys import READ, ApiKey, ApiKeys
from machat.errors import BAD_COMMAND, BUSY, FAILED, NOT_ALLOWED, TOO_LONG, ChatError
from machat.http.messages import Answer
from machat.http.origins import Origins
from machat.http.resource import canTakeOver, fieldOf, takeOver
from machat.service import ChatService
from machat.service.stop import STOPPING
from machat.wire.commands import oneLine

#: The paths that are not endpoints, and the methods of each path.
EVENTS, OPENAPI = "events", "openapi.json"
METHODS = {name: "POST, OPTIONS" for name in ENDPOINTS}
METHODS |= {EVENTS: "GET, HEAD, OPTIONS", OPENAPI: "GET, HEAD, OPTIONS"}

#: The number of open rooms that C{rooms} examines at the cost of one more request.
EXAMINED = 100

_DECODERS = {name: msgspec.json.Decoder(each.request) for name, each in ENDPOINTS.items()}

#: The head of the answer of an event stream, which ends with the connection (RFC 9112 section 6.3).
_HEAD = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx passes each event on at once
    "X-Content-Type-Options": "nosniff",
}


class ApiResource(Resource):
    """
    The HTTP API of a chat. Put it at C{/api} of a site. Every request needs a key, except for the
    description of the API.

    @ivar access: authenticates requests
    @ivar limits: its limits
    """

    isLeaf = True

    def __init__(
        self,
        chat: ChatService,
        keys: ApiKeys,
        origins: Sequence[str] = (),
        proxies: int = 0,
        limits: ApiLimits = API_DEFAULTS,
    ) -> None:
        """
        @param origins: the origins of pages that may use the API, see L{Origins}
        @param proxies: the number of trusted proxies, see L{machat.addresses.forwardedFor}
        """
        Resource.__init__(self)
        self.limits = limits
        self._chat = chat
        self._keys = keys
        self._origins = Origins(origins)
        self._counts = Counts(chat.clock, limits)
        self._streams = Streams(chat)
        self._idle: list[Deferred[None]] = []
        self.access = Access(chat, keys, self._counts, proxies)
        keys.observers.append(self._keysChanged)

    def _keysChanged(self) -> None:
        self._counts.forget()
        self._streams.check({key.label: key for key in self._keys})

    def whenIdle(self) -> Deferred[None]:
        """
        @return: fires when no request is being carried out
        """
        waiting: Deferred[None] = Deferred()
        self._idle.append(waiting)
        self._checkIdle()
        return waiting

    def _checkIdle(self) -> None:
        if not self._counts.active:
            idle, self._idle = self._idle, []
            for waiting in idle:
                waiting.callback(None)

    def render(self, request: Any) -> Any:
        """
        Answer a request, now or later.
        """
        name = b"/".join(request.postpath or ()).decode("latin-1")
        peer = describe(self.access.addressOf(request))
        exchange = Exchange(self._chat, request, name if name in METHODS else "other", peer)
        try:
            answer = self._answer(exchange, name)
        except ChatError as error:
            self._chat.metrics.refusals[error.code] += 1
            answer = refused(error)
        if answer is not None:
            exchange.finish(answer)
        return NOT_DONE_YET

    def _answer(self, exchange: Exchange, name: str) -> Answer | None:
        """
        @return: the answer; C{None} if it follows later
        """
        request = exchange.request
        exchange.fields, refusal = checkOrigin(request, self._origins)
        if refusal is not None:
            return refusal
        methods = METHODS.get(name)
        if methods is None:
            text = f"the paths here are {', '.join(METHODS)}"
            return refused(ChatError(BAD_COMMAND, text), 404)
        method = request.method.decode("latin-1")
        if method == "OPTIONS":
            return preflight(methods, exchange.fields)
        if method not in methods.split(", "):
            exchange.fields["Allow"] = methods
            text = f"the methods of this path are {methods}"
            return refused(ChatError(BAD_COMMAND, text), 405)
        if name == OPENAPI:
            return succeeded(description())
        self._begin(exchange, name)
        return None

    def _begin(self, exchange: Exchange, name: str) -> None:
        """
        Begin to carry out a request.

        @raise ChatError: it is refused
        """
        request = exchange.request
        streams = name == EVENTS
        key = exchange.key = self.access.authenticate(request, streams)
        payer = self.access.payerOf(request, key, streams)
        self._counts.charge(payer)
        if self._chat.draining:
            raise ChatError(FAILED, STOPPING)
        if self._counts.active >= self.limits.requests:
            text = f"{self.limits.requests} requests are being carried out: try again in 1 s"
            raise ChatError(BUSY, text, retry=1.0)
        if streams:
            wish = self._wishOf(request, key)
            self._run(exchange, self._open(exchange, key, payer, wish))
        else:
            body = self._read(request, name, key)
            context = Context(self._chat, key, self._counts)
            self._run(exchange, self._call(ENDPOINTS[name], context, body))

    def _run(self, exchange: Exchange, coroutine: Coroutine[Any, Any, Answer | None]) -> None:
        self._counts.active += 1
        exchange.run(coroutine, self.limits.answer).addBoth(self._ran)

    def _ran(self, _: object) -> None:
        self._counts.active -= 1
        self._checkIdle()

    async def _call(self, endpoint: Endpoint, context: Context, body: Any) -> Answer:
        return succeeded(await endpoint.call(context, body))

    def _read(self, request: Any, name: str, key: ApiKey) -> Any:
        """
        @return: the decoded body
        @raise ChatError: C{not-allowed}, C{too-long}, C{bad-command} or C{busy}
        """
        right, most = ENDPOINTS[name].right, self.limits.body
        if right not in key.rights:
            raise ChatError(NOT_ALLOWED, f"this key has no right to {right}")
        data = request.content.read(most + 1)
        if len(data) > most or getattr(request, "excessive", False):
            raise ChatError(TOO_LONG, f"the body of a request may have at most {most} bytes")
        try:
            body = _DECODERS[name].decode(data or b"{}")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ChatError(BAD_COMMAND, oneLine(str(error))) from None
        self._counts.charge(key.label, self._costOf(body) - 1)
        if isinstance(body, InRoom):
            return replace(body, room=names.checkRoom(body.room))
        return body

    def _costOf(self, body: Any) -> int:
        """
        @return: the number of requests as which a request counts, by the work that it causes
        """
        if isinstance(body, Broadcast):
            return len(body.rooms)
        return 1 + len(self._chat.rooms) // EXAMINED if isinstance(body, Rooms) else 1

    def _wishOf(self, request: Any, key: ApiKey) -> Wish:
        """
        @return: the arguments of an event stream
        @raise ChatError: C{bad-command}, C{bad-room} or C{not-allowed}
        """
        room = argument(request, "room")
        if room is None:
            raise ChatError(BAD_COMMAND, "the argument room is missing: /api/events?room=ROOM")
        room = names.checkRoom(room)
        Context(self._chat, key, self._counts).require(READ, room)
        history = argument(request, "history") or "0"
        if not (history.isascii() and history.isdigit() and len(history) <= 9):
            raise ChatError(BAD_COMMAND, "history must be a number of messages")
        last = fieldOf(request, b"last-event-id") or argument(request, "since")
        return Wish(room, None if not last else readId(last), int(history))

    async def _open(self, exchange: Exchange, key: ApiKey, payer: str, wish: Wish) -> Answer | None:
        request = exchange.request
        if request.method == b"HEAD":
            return Answer(200, _HEAD)
        if not canTakeOver(request):
            return refused(ChatError(BAD_COMMAND, "event streams require HTTP/1.1"), 505)
        stream, joined = await self._streams.open(key, self.access.addressOf(request), wish)
        self._counts.chargeReading(payer, joined.scanned)
        if exchange.over:
            self._streams.abandon(stream)
            return None
        fields = {**_HEAD, **exchange.fields, "Connection": "close"}
        lines = [f"{name}: {value}\r\n" for name, value in fields.items()]
        exchange.end(200)
        released = getattr(request.channel, "released", None)  # of L{machat.api.site}
        if released is not None:
            released()
        takeOver(request, stream)
        stream.begin(f"HTTP/1.1 200 OK\r\n{''.join(lines)}\r\n".encode("latin-1"), joined)
        return None
