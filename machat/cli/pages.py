"""
Requests whose answers are shown page by page: C{/list} and C{/search}. C{/more} shows the next
page.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from machat.cli import texts
from machat.errors import ChatError

#: Shows a page. The result is a function that shows the next page; C{None} after the last page.
Page = Callable[[], Awaitable[Any]]


class Pages:
    """
    The pages of one conversation's last request. One page is requested at a time.

    @ivar loading: whether a page is waiting for its answer
    """

    def __init__(self, note: Callable[[str], object]) -> None:
        """
        @param note: called with each text to show
        """
        self.loading = False
        self._note = note
        self._next: Page | None = None

    def more(self) -> Deferred[bool]:
        """
        Show the next page, as L{show} does.
        """
        if self._next is not None or self.loading:
            return self.show(self._next)
        self._note("there is nothing more to show: use /list or /search first")
        return succeed(True)

    def show(self, page: Page | None) -> Deferred[bool]:
        """
        Show a page.

        @return: fires with whether the request was answered. If not, the reason is shown
        """
        if page is not None and not self.loading:
            return Deferred.fromCoroutine(self._show(page))
        self._note("the answer to the last /list or /search has not arrived yet")
        return succeed(True)

    async def _show(self, page: Page) -> bool:
        self.loading = True
        self._next = page  # to try again after a failure
        try:
            self._next = await page()
        except ChatError:
            self._note(f"the request failed: {texts.refusal(Failure())}")
            return False
        finally:
            self.loading = False
        return True
