"""
The messages of a client until their outcome is known: sending, sending again, acknowledgements.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from machat.codec import encodeCommand
from machat.commands import Command
from machat.errors import BAD_COMMAND, TOO_LONG, UNKNOWN, ChatError
from machat.events import Ack, Receipt
from machat.sansio.errors import TooMuch, Unknown
from machat.sansio.ids import Ids
from machat.sansio.outgoing import Outgoing, Unacknowledged, sizeOf
from machat.sansio.reporting import Reporting
from machat.sansio.resending import Resending
from machat.sansio.room import RESEND, Membership
from machat.sansio.timers import Timers

#: The text of an L{Unknown}.
MAYBE = "the message may have been published, or not"


class Posting:
    """
    The unacknowledged messages of all rooms of one client.

    @ivar lineLimit: the longest command that the server accepts, bytes; C{None} if unknown
    """

    def __init__(
        self,
        timers: Timers,
        out: Reporting,
        ids: Ids,
        find: Callable[[str], Membership | None],
    ) -> None:
        """
        @param find: returns the room with this name
        """
        self.lineLimit: int | None = None
        self._clock = timers
        self._out = out
        self._ids = ids
        self._find = find
        self._unacknowledged = Unacknowledged()
        self._resending = Resending(timers, self._sendAgain)

    def post(self, room: Membership, command: Command, token: Any) -> None:
        """
        Send a message now, or when the room is joined again.

        @param command: the command without its room. It gets an id, unless it has one
        """
        id = command.id or self._ids.new()
        if self._unacknowledged.find(id) is not None:
            text = "another message with this id is not acknowledged yet"
            self._out.settle(token, ChatError(BAD_COMMAND, text))
            return
        command = replace(command, id=id, room=room.name)
        message = Outgoing(id, room.name, command, sizeOf(command), token)
        try:
            self._unacknowledged.add(message)
        except TooMuch as error:
            self._out.settle(token, error)
            return
        room.add(message)
        self.sendMore(room)

    def sendMore(self, room: Membership) -> None:
        """
        Send as many messages of a room as may be in flight.
        """
        now = self._clock.seconds()
        while (message := room.next()) is not None:
            line = encodeCommand(message.command)
            if message.sent is not None and now - message.sent > RESEND:
                self._settle(message, Unknown(MAYBE))
            elif self.lineLimit is not None and len(line) > self.lineLimit:
                text = "the message is longer than the server accepts"
                self._settle(message, ChatError(TOO_LONG, text))
            else:
                message.sent = now if message.sent is None else message.sent
                self._out.sendLine(line)

    def acknowledged(self, event: Ack) -> None:
        """
        Settle a message that is stored.
        """
        message = self._unacknowledged.find(event.id)
        if message is not None:
            self._settle(message, Receipt(event.room, event.seq, event.duplicate))
            self._sendNext(message)

    def refused(self, error: ChatError) -> bool:
        """
        Settle a message that was refused, or send it again if the server does not know its outcome.

        @return: whether there was a message with this id
        """
        message = self._unacknowledged.find(error.id)
        if message is None:
            return False
        if error.code != UNKNOWN:
            self._settle(message, error)
        elif not self._resending.add(message, error.retry):
            self._settle(message, Unknown(MAYBE))
        self._sendNext(message)
        return True

    def cancel(self, token: Any) -> bool:
        """
        Forget a message: it is not sent, or not sent again.

        @return: whether there was one with this token
        """
        message = self._unacknowledged.ofToken(token)
        if message is None:
            return False
        message.settled = True
        self._unacknowledged.remove(message)
        self._sendNext(message)
        return True

    def fail(self, room: Membership, error: ChatError) -> None:
        """
        Fail all messages of a room.
        """
        for message in room.takeMessages():
            self._settle(message, error)

    def lost(self) -> None:
        """
        Wait for the next connection, which sends all messages again.
        """
        self._resending.stop()

    def _settle(self, message: Outgoing, result: Receipt | ChatError) -> None:
        message.settled = True
        self._unacknowledged.remove(message)
        self._out.settle(message.token, result)

    def _sendNext(self, message: Outgoing) -> None:
        room = self._find(message.room)
        if room is not None:
            self.sendMore(room)

    def _sendAgain(self, message: Outgoing) -> None:
        room = self._find(message.room)
        if room is not None and room.joined is not None:  # otherwise it is sent after the join
            self._out.send(message.command)
