"""
The lines above those of the scrollback: older messages, which the full-screen view loads.
"""

from __future__ import annotations

from typing import NamedTuple

from machat import names
from machat.cli.display import Line
from machat.cli.scrollback import Scrollback
from machat.cli.talk import Talk
from machat.errors import ChatError

#: The number of messages to load at once.
COUNT = 100


class Older(NamedTuple):
    """
    The result of one request.

    @ivar lines: the lines, which were added to the scrollback
    @ivar text: why there are no more; empty if there may be
    """

    lines: list[Line]
    text: str


class OlderLines:
    """
    Loads the messages of the current room that precede the first one in the scrollback.
    """

    def __init__(self, talk: Talk, scrollback: Scrollback) -> None:
        self._talk = talk
        self._scrollback = scrollback

    async def load(self) -> Older:
        """
        Load some messages, and add them to the scrollback.
        """
        client, room = self._talk.client, self._talk.room
        if client is None or room is None:
            return Older([], "you are not in a room")
        before = self._scrollback.first(names.key(room))
        try:
            messages = await self._talk.history.before(client, room, before, COUNT)
        except ChatError as error:
            return Older([], f"older messages could not be loaded: {error.text}")
        if not messages:
            return Older([], f"the stored history of {room} begins here")
        lines = [self._talk.view.line(message, False) for message in messages]
        added = self._scrollback.prepend(lines)
        if added:
            return Older(lines[len(lines) - added :], "")
        return Older([], "no more lines fit here: /history shows older messages")
