"""
Hold a conversation that uses all features of the chat, with C{machat} in a terminal, C{curl} and a
bot on one server, and write the transcript::

    python -m tools.conversation > docs/conversation.rst

It needs C{tmux} and C{curl}. The exit status is 1 if somebody does not see what the others do.
"""

from __future__ import annotations

import json
import sys
import unittest
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from textwrap import wrap
from typing import Any

from tests.processes import ServerTestCase
from tools.scenes import SCENES
from tools.stage import Bot, Screen, Stage

TITLE = """A conversation with all features
================================

This is the transcript of one conversation. Mina uses ``machat`` in a terminal (:doc:`terminal`),
without times, and is a moderator. Deploy is a script that uses ``curl`` and the HTTP API
(:doc:`http`). Robo is a bot that uses ``machat.aio`` (:doc:`asyncio`). The server has accounts
(``--auth jwt:keyfile=secret``), stores the messages in a file (``--store sqlite:machat.sqlite``)
and serves the HTTP API.

``python -m tools.conversation`` holds the conversation and writes this page. It fails if a line is
missing on Mina's screen, in the answers to ``curl``, or among the events of the bot. A test repeats
it. ``AT`` and ``EPOCH`` stand for values that differ each time.

* *Mina types* and *screen* are the keys and the new lines of the terminal; *below* is its bottom
  line.
* *curl* and *answer* are the requests and the answers of the HTTP API.
* *Robo calls*, *result* and *Robo gets* are the calls of the bot, their results and its events.
"""


class Conversation(ServerTestCase):
    """
    The conversation.

    @ivar transcript: what was done and seen, scene by scene
    @ivar mina: the terminal
    @ivar robo: the bot
    """

    mina: Screen
    robo: Bot

    @contextmanager
    def other(self, name: str, label: str) -> Iterator[None]:
        """
        Make another bot the current one for a time.
        """
        robo, self.robo = self.robo, self.stage.bot(name)
        self.robo.label = label
        yield
        self.robo = robo

    def runTest(self) -> None:
        """
        Hold the conversation.
        """
        self.hold()

    def hold(self) -> None:
        """
        Play the scenes.
        """
        self.transcript: list[str] = []
        self.stage = Stage(self)
        for scene in SCENES:
            text = " ".join((scene.__doc__ or "").split())
            title, _, text = text.partition(". ")
            self.transcript += [title, "-" * len(title), "", *wrap(text, 100), ""]
            self.transcript += [".. code-block:: text", "   :class: measured", ""]
            scene(self)
            self.transcript.append("")

    def note(self, who: str, text: str) -> None:
        """
        Add lines to the transcript.
        """
        for number, line in enumerate(text.split("\n")):
            self.transcript.append(f"   {'' if number else who:<11} | {line}".rstrip())

    def types(self, text: str, *seen: str) -> None:
        """
        Type a line, or several, in the terminal.

        @param seen: a text in the last line of each part of the answer
        """
        self.mina.type(text)
        self.mina.press("Enter")
        self.note("Mina types", text)
        self.screen(*seen)

    def screen(self, *seen: str) -> None:
        """
        Wait for lines in the terminal.

        @param seen: texts in these lines, in this order
        """
        for text in seen:
            self.note("screen", "\n".join(self.mina.lines(text)))

    def below(self, text: str, again: Callable[[], object] = lambda: None) -> None:
        """
        Wait for a text in the bottom line of the terminal.

        @param again: called repeatedly
        """
        self.note("below", self.mina.bottom(text, again))

    def curl(self, path: str, fields: dict[str, Any], *seen: str) -> None:
        """
        Send a request to the HTTP API.

        @param seen: texts in the answer
        """
        command, answer = self.stage.curl(path, json.dumps(fields, ensure_ascii=False))
        self.note("curl", command)
        self.note("answer", answer)
        for text in seen:
            self.assertIn(text, answer)

    def calls(self, code: str, *seen: str) -> None:
        """
        Have the current bot call something.

        @param seen: texts in the result
        """
        result = self.robo.call(code)
        self.note(f"{self.robo.label} calls", code)
        if result:
            self.note("result", result)
        for text in seen:
            self.assertIn(text, result)

    def gets(self, type: str, *seen: str) -> None:
        """
        Wait for an event of the current bot.

        @param seen: texts in the event
        """
        event = self.robo.event(type)
        self.note(f"{self.robo.label} gets", event)
        for text in seen:
            self.assertIn(text, event)


def page(transcript: list[str]) -> str:
    """
    @return: the document
    """
    return "\n".join([TITLE, *transcript]).rstrip() + "\n"


def main() -> int:
    """
    @return: the exit status
    """
    case = Conversation()
    result = unittest.TestResult()
    case.run(result)
    sys.stdout.write(page(case.transcript))
    for _, text in [*result.errors, *result.failures, *result.skipped]:
        print(text, file=sys.stderr)
    return int(not result.wasSuccessful() or bool(result.skipped))


if __name__ == "__main__":
    sys.exit(main())
