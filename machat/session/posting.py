"""
The messages and other entries that a client of the C{events} dialect sends.
"""

from __future__ import annotations

from math import inf
from typing import Any

from twisted.internet.defer import Deferred

from machat.auth.users import ANYBODY, requireSay
from machat.entries import Content
from machat.events import Ack, Receipt
from machat.interfaces import IChatRoom, ISessionTransport
from machat.session.contents import Sending, contentOf, sizeOf
from machat.session.interfaces import IClientSession
from machat.session.memberships import Memberships

#: The maximum number of a client's unacknowledged messages that are stored in parallel. Above it,
#: the client's commands wait.
UNACKNOWLEDGED = 64


class Posting:
    """
    Sends the entries of one client when the byte rates allow it, and acknowledges those with an id.

    @ivar paced: whether there are byte rates, see L{IChatRoom.pace}
    """

    __slots__ = (
        "paced",
        "_chat",
        "_client",
        "_connection",
        "_rooms",
        "_pacing",
        "_unacknowledged",
    )

    def __init__(
        self,
        chat: IChatRoom,
        client: IClientSession,
        connection: ISessionTransport,
        rooms: Memberships,
    ) -> None:
        self.paced = chat.limits.rate != inf
        self._chat = chat
        self._client = client
        self._connection = connection
        self._rooms = rooms
        self._pacing: Deferred[None] | None = None
        self._unacknowledged = 0

    def send(self, command: Sending) -> Deferred[Any] | None:
        """
        Send an entry to a room that the client is in.

        @return: C{None}, or a C{Deferred} for which the next command has to wait
        @raise ChatError: the entry is refused. The C{Deferred} may fail with it as well
        """
        room, content = self._rooms.here(command.room), contentOf(command)
        if self.paced:
            size = sizeOf(content, room, self._client.name)
            self._pacing = self._chat.pace(self._client, room, size)
            if self._pacing is not None:
                return self._pacing.addCallback(lambda _: self._resume(command, content))
        return self._post(command, content, room)

    def _resume(self, command: Sending, content: str | Content) -> Deferred[Any] | None:
        self._pacing = None
        return self._post(command, content, self._rooms.here(command.room))

    def _post(self, command: Sending, content: str | Content, room: str) -> Deferred[Any] | None:
        if self._client.user is not ANYBODY:
            requireSay(self._client.user, room)
        if command.id is None and isinstance(content, str):
            return self._chat.say(self._client, room, content)
        posting = self._chat.post(self._client, room, content, command.id)
        posting.addCallback(self._posted, command.id)
        if self._unacknowledged >= UNACKNOWLEDGED:
            return posting
        self._unacknowledged += 1
        posting.addErrback(self._client.failed, command).addBoth(self._settled)
        return None

    def _posted(self, receipt: Receipt, id: str | None) -> None:
        if id is not None:
            room, seq = receipt.room, receipt.seq
            ack = Ack(id=id, room=room, seq=seq, duplicate=receipt.duplicate)
            self._connection.write(self._client.dialect.encodeEvent(ack))

    def _settled(self, _: object) -> None:
        self._unacknowledged -= 1

    def end(self) -> None:
        """
        Send nothing that still waits for the byte rates.
        """
        if self._pacing is not None:
            self._pacing.cancel()
