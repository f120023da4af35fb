"""
A client of the C{text} dialect: it joins one room, and each of its lines is said there.
"""

from __future__ import annotations

from math import inf
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from machat import commands, wire
from machat.auth.users import ANYBODY, requireJoin, requireSay
from machat.errors import REMOVED, ChatError
from machat.events import Joined
from machat.interfaces import IChatRoom, ISessionTransport
from machat.session.interfaces import IClientSession, IConversation


@implementer(IConversation)
class TextConversation:
    """
    What one client says.
    """

    __slots__ = ("_chat", "_client", "_room", "_joining", "_paced", "_pacing")

    def __init__(
        self, chat: IChatRoom, client: IClientSession, connection: ISessionTransport
    ) -> None:
        self._chat = chat
        self._client = client
        self._room = ""
        self._joining: Deferred[Any] | None = None
        self._paced = chat.limits.rate != inf
        self._pacing: Deferred[None] | None = None

    def begin(self, hello: commands.Hello) -> Deferred[Any]:
        room = hello.room or ""
        requireJoin(self._client.user, room)
        self._joining = self._chat.join(self._client, room)
        return self._joining.addCallback(self._joined)

    def _joined(self, joined: Joined) -> None:
        self._joining = None
        if self._client.ended:  # by a callback of the application
            self._chat.leave(self._client, joined.room)
            return
        self._room = joined.room
        self._client.markJoined()
        self._client.joined(joined)

    def serve(self, lines: list[bytes]) -> list[bytes]:
        client, limit, paced = self._client, self._chat.limits.maxLine, self._paced
        for index, line in enumerate(lines):
            try:
                text = wire.decodeLine(line, limit)
                if client.user is not ANYBODY:
                    requireSay(client.user, self._room)
                waiting = self._pace(text) if paced else self._chat.say(client, self._room, text)
            except ChatError as error:
                client.refuse(error)
                if client.ended:
                    break
            else:
                if waiting is not None:
                    client.hold(waiting.addErrback(client.failed))
                    return lines[index + 1 :]
        return []

    def _pace(self, text: str) -> Deferred[None] | None:
        size = wire.weigh(text, self._room, self._client.name)
        self._pacing = self._chat.pace(self._client, self._room, size)
        if self._pacing is None:
            return self._chat.say(self._client, self._room, text)
        return self._pacing.addCallback(self._say, text)

    def _say(self, _: object, text: str) -> Deferred[None] | None:
        self._pacing = None
        return self._chat.say(self._client, self._room, text)

    def removed(self, room: str, reason: str) -> None:
        self._client.disconnected(REMOVED)  # it is in no other, and has no word for having left

    def end(self) -> None:
        for waiting in (self._joining, self._pacing):
            if waiting is not None:
                waiting.cancel()
        if self._room:
            self._client.leave(self._room)
