"""
The commands and the reports of the parts of a client.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from machat.codec import encodeCommand
from machat.commands import Command
from machat.events import Event
from machat.sansio.link import ServerLink
from machat.sansio.outputs import Notify, Output, Settle


class Reporting:
    """
    Appends to the outputs of one client.
    """

    def __init__(self, outputs: deque[Output], link: ServerLink) -> None:
        self._outputs = outputs
        self._link = link
        self.sendLine = link.sendLine

    def send(self, command: Command) -> None:
        """
        Send a command. Does nothing without a welcome.
        """
        self._link.sendLine(encodeCommand(command))

    def reply(self, command: Command) -> None:
        """
        Send a command in reply to an event of the server. Does nothing if this and the earlier
        replies that the server may not have read exceed L{machat.sansio.quota.MAX_UNCONFIRMED}
        bytes.
        """
        self._link.reply(encodeCommand(command))

    def notify(self, event: Event) -> None:
        """
        Report an event to the application.
        """
        self._outputs.append(Notify(event))

    def settle(self, token: Any, result: Any) -> None:
        """
        Report the result of a command, see L{Settle<machat.sansio.Settle>}.
        """
        self._outputs.append(Settle(token, result))
