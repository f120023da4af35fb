"""
Tests for L{machat.cli.pager} and L{machat.cli.older}.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from prompt_toolkit.utils import Event
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from machat.cli.display import Line
from machat.cli.layout import Fragments
from machat.cli.older import COUNT, Older, OlderLines
from machat.cli.pager import Pager
from machat.cli.scrollback import MAX_LINES, Scrollback
from machat.limits import DEFAULTS
from tests.cli.test_conversation import ConversationTestCase

UP, DOWN = "\x1b[5~", "\x1b[6~"


class Screen(DummyOutput):
    """
    A screen of ten rows. The last one is the bottom line.
    """

    def get_size(self) -> Size:
        return Size(rows=10, columns=60)


def lines(first: int, last: int) -> list[Fragments]:
    """
    @return: numbered lines
    """
    return [[("bold", "line "), ("", str(number))] for number in range(first, last)]


class PagerTests(SynchronousTestCase):
    """
    Tests of the view on a screen in memory.
    """

    def view(
        self,
        shown: list[Fragments],
        answers: list[tuple[list[Fragments], str]],
        use: Callable[[Viewer], Awaitable[None]],
    ) -> Viewer:
        """
        Show lines.

        @param answers: the results of the requests for older lines
        @param use: uses the view
        @return: the user, after leaving the view
        """

        async def run() -> Viewer:
            with create_pipe_input() as keys:
                viewer = Viewer(shown, answers, keys.send_text)
                viewer.pager = Pager(shown, lambda: 0, viewer.older, keys, Screen())
                running = asyncio.ensure_future(viewer.pager.run())
                try:
                    await viewer.rendered()
                    await use(viewer)
                finally:
                    keys.send_text("q")
                    await running
                viewer.end()
                return viewer

        return asyncio.run(run())

    def test_older(self) -> None:
        """
        When the first line is visible, older ones are loaded. The lines on the screen stay where
        they are, and the older ones are above them.
        """

        async def use(viewer: Viewer) -> None:
            await viewer.press(UP, UP, UP)
            self.assertEqual(viewer.requests, 1)
            before = viewer.top
            self.assertEqual(before, "line 100")
            await viewer.answer()
            self.assertEqual(viewer.top, before)
            await viewer.press(UP)
            self.assertEqual(viewer.top, "line 91")
            await viewer.press(UP, UP)
            await viewer.answer()
            self.assertEqual(viewer.bottom, "the beginning")
            await viewer.press(UP, UP, UP)
            self.assertEqual((viewer.top, viewer.requests), ("line 80", 2))

        self.view(lines(100, 125), [(lines(80, 100), ""), ([], "the beginning")], use)

    def test_few(self) -> None:
        """
        If there is less than one page, older lines are loaded at once, and shown above.
        """

        async def use(viewer: Viewer) -> None:
            self.assertEqual(viewer.requests, 1)
            await viewer.answer()
            self.assertEqual(viewer.top, "line 3")

        self.view(lines(10, 12), [(lines(0, 10), "")], use)

    def test_left(self) -> None:
        """
        A request for older lines ends with the view. Otherwise, the next view would request the
        same lines again, and they would be added twice.
        """

        async def use(viewer: Viewer) -> None:
            self.assertEqual(viewer.requests, 1)

        self.assertTrue(self.view(lines(0, 2), [], use).cancelled)

    def test_escaped(self) -> None:
        """
        Control characters in a reason are shown as escapes.
        """

        async def use(viewer: Viewer) -> None:
            await viewer.answer()
            self.assertEqual(viewer.bottom, "\\x1b[2J")

        self.view(lines(0, 2), [([], "\x1b[2J")], use)


class Viewer:
    """
    Someone who uses the view.

    @ivar requests: the number of requests for older lines
    @ivar cancelled: whether the last of them had been cancelled when the view was left
    """

    pager: Pager

    def __init__(
        self,
        shown: list[Fragments],
        answers: list[tuple[list[Fragments], str]],
        keys: Callable[[str], object],
    ) -> None:
        self.requests = 0
        self.cancelled = False
        self._answers = answers
        self._keys = keys
        self._waiting: asyncio.Future[None] | None = None

    async def older(self) -> tuple[list[Fragments], str]:
        """
        Wait until C{answer} is called.
        """
        self.requests += 1
        self._waiting = asyncio.get_running_loop().create_future()
        await self._waiting
        return self._answers.pop(0)

    def end(self) -> None:
        """
        Note that the user has left the view.
        """
        self.cancelled = self._waiting is not None and self._waiting.cancelled()

    async def answer(self) -> None:
        """
        Answer a request.
        """
        assert self._waiting is not None
        self._waiting.set_result(None)
        while self.pager.loading:
            await asyncio.sleep(0)
        await self.rendered()

    async def press(self, *keys: str) -> None:
        """
        Press keys, one after the other.
        """
        for key in keys:
            pressed = self._next(self.pager.application.key_processor.after_key_press)
            self._keys(key)
            await pressed
            await self.rendered()

    async def rendered(self) -> None:
        """
        Wait until the view is drawn again.
        """
        await self._next(self.pager.application.after_render)

    def _next(self, event: Event[Any]) -> asyncio.Future[None]:
        """
        @return: fires when this event happens
        """
        happened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def happen(_: object) -> None:
            event.remove_handler(happen)
            happened.set_result(None)

        event.add_handler(happen)
        return happened

    @property
    def top(self) -> str:
        """
        The first visible line.
        """
        info = self.pager.window.render_info
        assert info is not None
        return self.pager.buffer.document.lines[info.first_visible_line()]

    @property
    def bottom(self) -> str:
        """
        The bottom line without the keys.
        """
        return self.pager.status().partition("; q: back")[0]


class OlderTests(ConversationTestCase):
    """
    Tests for the messages above the scrollback.
    """

    def setUp(self) -> None:
        self.setUpChat(DEFAULTS)
        for number in range(150):
            self.chat.service.say(self.bot, "dev", str(number))
            self.chat.turn()
        self.setUpClient()
        self.scrollback = Scrollback()
        self.older = OlderLines(self.conversation, self.scrollback)

    def load(self) -> Older:
        """
        @return: the result of one request
        """
        loading = Deferred.fromCoroutine(self.older.load())
        self.seen()
        return self.successResultOf(loading)

    def test_load(self) -> None:
        """
        The messages before the first one are loaded, until the stored history begins. They are not
        printed.
        """
        self.seen()
        self.conversation.typed("mine")
        self.seen()
        self.assertEqual(self.load().lines[-1].text, "mine")
        shown = list(self.scrollback)
        self.assertEqual(len(shown), COUNT)
        self.assertEqual([line.text for line in self.load().lines], [str(n) for n in range(51)])
        self.assertEqual(
            [line.text for line in self.scrollback][51:], [each.text for each in shown]
        )
        self.assertEqual(self.load(), Older([], "the stored history of dev begins here"))

    def test_failed(self) -> None:
        """
        Without a room or a connection, the reason is shown.
        """
        self.seen()
        self.chat.endpoint.refuses = True
        self.chat.endpoint.cut()
        reason = "the room is not joined on the current connection"
        self.assertEqual(self.load(), Older([], f"older messages could not be loaded: {reason}"))
        self.conversation.room = None
        self.assertEqual(self.load(), Older([], "you are not in a room"))

    def test_full(self) -> None:
        """
        Lines are added while there is space.
        """
        self.seen()
        for number in range(MAX_LINES - 30):
            self.scrollback.add(Line(str(number)))
        self.assertEqual(len(self.load().lines), 30)
        text = "no more lines fit here: /history shows older messages"
        self.assertEqual(self.load(), Older([], text))
        self.assertEqual(len(list(self.scrollback)), MAX_LINES)
        self.scrollback.add(Line("new"))
        self.assertEqual(self.scrollback.first("dev"), 122)
