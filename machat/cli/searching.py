"""
The command C{/search}: it shows the stored messages of a room that contain words, page by page.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from machat.cli.pages import Page
from machat.client import ChatClient
from machat.events import Message

#: The number of messages on one page.
LIMIT = 20

#: The number of requests for one page. The server limits the work for each request, so that the
#: answer may have no message although older ones contain the words.
REQUESTS = 10


class SearchPages:
    """
    Searches backwards in a room. Each page begins before the messages that were searched last.
    """

    def __init__(self, show: Callable[[Message], object], note: Callable[[str], object]) -> None:
        """
        @param show: called with each message, in order
        @param note: called with each text about them
        """
        self._show = show
        self._note = note

    def page(self, client: ChatClient, room: str, words: str) -> Page:
        """
        @return: shows the first page
        """
        return partial(self._page, client, room, words, None)

    async def _page(
        self, client: ChatClient, room: str, words: str, before: int | None
    ) -> Page | None:
        found: list[Message] = []
        for _ in range(REQUESTS):
            answer = await client.history(room, before, LIMIT, words)
            found = sorted(answer.messages[-LIMIT:], key=lambda message: message.seq)
            before = answer.searched or 0
            if found or before <= 1:
                break
        more = before is not None and before > 1
        self._showAll(f'messages of {room} with "{words}"', found, more)
        return partial(self._page, client, room, words, before) if more else None

    def _showAll(self, what: str, found: list[Message], more: bool) -> None:
        rest = "/more searches older ones" if more else "there are no older ones"
        if not found:
            self._note(f"--- no {what} found; {rest} ---" if more else f"--- no {what} ---")
            return
        self._note(f"--- {what} ---")
        for message in found:
            self._show(message)
        self._note(f"--- end of the messages found; {rest} ---")
