"""
A client of the C{text} dialect: it joins one room, and each of its lines is a message there.
"""

from __future__ import annotations

from math import inf
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from machat import commands, wire
from machat.auth.users import ANYBODY, allows, requireJoin, requireSay
from machat.errors import REMOVED, ChatError
from machat.events import Joined
from machat.interfaces import IChatRoom, ISessionTransport
from machat.session.interfaces import IClientSession, IConversation


@implementer(IConversation)
class TextConversation:
    """
    The lines of one client, which are messages of one room.
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

    def begin(self, hello: commands.Hello) -> Deferred[Any] | None:
        room = hello.room or ""
        requireJoin(self._client.user, room)
        self._joining = joining = self._chat.join(self._client, room, key=hello.key)
        if joining.called and not joining.paused and isinstance(joining.result, Joined):
            self._joined(joining.result)  # without three callbacks
            return None
        return joining.addCallback(self._joined)

    def _joined(self, joined: Joined) -> None:
        self._joining = None
        if self._client.ended:  # by a callback of the application
            self._chat.leave(self._client, joined.room)
            return
        self._room = joined.room
        self._client.joined(joined)  # first: it needs the address from the opening
        self._client.markJoined()

    def serve(self, lines: list[bytes]) -> list[bytes]:
        user = self._client.user
        alone = len(lines) == 1  # nearly always
        together = lines[0] if alone else b"\n".join(lines)
        if len(together) <= self._chat.limits.maxLine and (
            user is ANYBODY or allows(user.maySay, self._room)
        ):
            try:
                text = together.decode()
            except UnicodeDecodeError:
                return self._serveEach(lines)
            if "\r" in text:
                text = text.replace("\r\n", "\n").removesuffix("\r")
            texts = (text,) if alone else text.split("\n")
            if self._chat.sayAll(self._client, self._room, texts, self._paced):
                return []
        return self._serveEach(lines)

    def _serveEach(self, lines: list[bytes]) -> list[bytes]:
        """
        Serve lines one by one: some of them may be refused, or may have to wait.
        """
        client, limit = self._client, self._chat.limits.maxLine
        for index, line in enumerate(lines):
            try:
                text = wire.decodeLine(line, limit)
                if client.user is not ANYBODY:
                    requireSay(client.user, self._room)
                waiting = self._pace(text)
            except ChatError as error:
                client.refuse(error)
            else:
                if waiting is not None:
                    client.hold(waiting.addErrback(client.failed))
            if client.ended:
                break
            if client.busy:
                return lines[index + 1 :]
        return []

    def _pace(self, text: str) -> Deferred[None] | None:
        if self._paced:
            size = wire.weigh(text, self._room, self._client.name)
            self._pacing = self._chat.pace(self._client, self._room, size)
            if self._pacing is not None:
                return self._pacing.addCallback(self._say, text)
        return self._chat.say(self._client, self._room, text)

    def _say(self, _: object, text: str) -> Deferred[None] | None:
        self._pacing = None
        return self._chat.say(self._client, self._room, text)

    def removed(self, room: str, reason: str) -> None:
        self._client.disconnected(REMOVED)  # it is in no other room

    def end(self) -> None:
        for waiting in (self._joining, self._pacing):
            if waiting is not None:
                waiting.cancel()
        if self._room:
            self._client.leave(self._room)
