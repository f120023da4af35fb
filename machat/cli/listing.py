"""
The command C{/list}: it shows the rooms in the server's list of rooms, page by page.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from msgspec.structs import replace

from machat.cli import texts
from machat.cli.pages import Page
from machat.client import ChatClient
from machat.events import RoomList

#: The number of rooms on one page.
LIMIT = 50


class RoomPages:
    """
    The list of rooms.

    @ivar names: the names of the rooms on the last page
    """

    def __init__(self, note: Callable[[str], object]) -> None:
        """
        @param note: called with each text to show
        """
        self.names: list[str] = []
        self._note = note

    def page(self, client: ChatClient, prefix: str) -> Page:
        """
        @param prefix: the beginning of the names of the rooms
        @return: shows the first page
        """
        return partial(self._page, client, prefix, "")

    async def _page(self, client: ChatClient, prefix: str, after: str) -> Page | None:
        answer: RoomList = await client.listRooms(prefix, after, LIMIT)
        rooms = answer.rooms[:LIMIT]
        self.names = [each.name for each in rooms]
        for text in texts.roomList(replace(answer, rooms=rooms), after != ""):
            self._note(text)
        if not answer.more or not rooms:
            return None
        return partial(self._page, client, prefix, rooms[-1].name)
