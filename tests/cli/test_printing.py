"""
Tests for L{machat.cli.printing}.
"""

from __future__ import annotations

import asyncio

from prompt_toolkit import PromptSession
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from twisted.trial.unittest import SynchronousTestCase

from machat.cli.display import Line
from machat.cli.printing import MAX_WAITING, Printer
from machat.cli.settings import Settings
from tests.cli.test_pager import Screen


class PrinterTests(SynchronousTestCase):
    """
    Tests on a screen in memory, with an input line.
    """

    def test_full(self) -> None:
        """
        If many lines wait when the view is opened, the client reads on: the view limits their
        number. They are printed when the user leaves the view.
        """
        calls: list[str] = []

        async def run() -> None:
            session: PromptSession[str] = PromptSession()
            printer = Printer(
                Settings(), lambda: calls.append("pause"), lambda: calls.append("resume")
            )
            reading = asyncio.ensure_future(session.prompt_async("> "))
            while not session.app.is_running:
                await asyncio.sleep(0)
            printer.page()
            for number in range(MAX_WAITING):
                printer.show(Line(str(number)))
            self.assertEqual(calls, ["pause"])
            while len(calls) < 2:
                await asyncio.sleep(0)
            self.assertFalse(printer.current)
            await printer.finish()
            self.assertTrue(printer.current)
            self.assertEqual(calls, ["pause", "resume", "resume"])
            session.app.exit(result="")
            await reading

        with create_pipe_input() as keys, create_app_session(input=keys, output=Screen()):
            asyncio.run(asyncio.wait_for(run(), 60))
