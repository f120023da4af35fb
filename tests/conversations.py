"""
The conversations in the documents, repeated with a real server, byte for byte. A line C{> TEXT} is
sent, and C{< TEXT} is what the server sends next on that connection. A word before the mark is the
name of a further connection: C{Ada> TEXT}. C{< (closed 3501)} is the end of the connection, with
its code on a WebSocket. C{# SIGTERM} stops the server.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from tests.processes import RawClient, RawWebSocketClient

_LINE = re.compile(r"(?P<who>\w*)(?P<mark>[<>]) (?P<text>.*)")

STOP = "# SIGTERM"

PING = '{"type":"ping"}'

#: Values that no document can know, and their places in the server's output.
UNKNOWN = {
    "SESSION": re.compile(r'(?<="session":")[^"]+'),
    "EPOCH": re.compile(r'(?<="epoch":")[^"]+'),
    "AT": re.compile(r'(?<="at":)\d+'),
    "ADDRESS": re.compile(r'(?<="address":")[^"]+'),
    "RETRY": re.compile(r'(?<="retry":)[\d.]+'),
    "UNTIL": re.compile(r"(?<=until )\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"),
    "END": re.compile(r'(?<="until":)\d+'),
    "SECONDS": re.compile(r'(?<="seconds":)[\d.]+'),
}


class Line(NamedTuple):
    """
    A line that one side sends.

    @ivar who: the connection
    """

    who: str
    sent: bool
    text: str


def lines(example: str) -> Iterator[Line | None]:
    """
    @return: the lines of the conversation; C{None} marks where the server is stopped
    @raise ValueError: the text is not a conversation
    """
    for line in example.splitlines():
        found = _LINE.fullmatch(line)
        if found is None and line != STOP:
            raise ValueError(f"not a line of a conversation: {line!r}")
        yield found and Line(found["who"], found["mark"] == ">", found["text"])


class TextConversation:
    """
    One connection of a conversation.
    """

    def __init__(self, client: RawClient) -> None:
        self._client = client
        self._framed = isinstance(client, RawWebSocketClient)
        self._events = False
        self._ended = False

    def say(self, text: str) -> None:
        """
        Send a line. The first one selects the dialect.
        """
        self._events = self._events or '"v":' in text
        self._client.sendText(text)

    def hear(self, expected: str = "") -> str:
        """
        @param expected: the text for the end of a connection without a close code
        @return: what the server sends next
        """
        text = self._client.readText()
        if not text or text.startswith("(closed "):
            self._ended = True
            return text or (expected if expected.startswith("(closed ") else "(closed)")
        if self._framed and self._events:  # a message contains one object
            return text
        return text[:-1] if text.endswith("\n") else f"{text}(no newline)"

    def leave(self) -> list[str]:
        """
        @return: what the server sent before it received this close, without pings, which may come
            at any time
        """
        if not self._ended:
            self._client.finish()
        unheard: list[str] = []
        while not self._ended:
            unheard.append(self.hear())
        return [text for text in unheard[:-1] if text != PING]


class Conversation:
    """
    A conversation that is repeated.
    """

    def __init__(
        self,
        connect: Callable[[], RawClient],
        server: subprocess.Popen[str],
        known: Mapping[str, str],
    ) -> None:
        """
        @param known: the values of placeholders in the lines that are sent
        """
        self._connect = connect
        self._server = server
        self._known = dict(known)
        self._speakers: dict[str, TextConversation] = {}

    def play(self, example: str) -> str:
        """
        @return: the actual conversation, in the words of the document: equal to it if it is
            correct
        """
        said = [self._play(line) for line in lines(example)]
        for who, speaker in self._speakers.items():
            said += [f"{who}< {self._masked(text)}" for text in speaker.leave()]
        return "\n".join(said)

    def _play(self, line: Line | None) -> str:
        if line is None:
            self._server.terminate()
            return STOP
        if line.who not in self._speakers:
            self._speakers[line.who] = TextConversation(self._connect())
        speaker = self._speakers[line.who]
        if line.sent:
            speaker.say(self._meant(line.text))
            return f"{line.who}> {line.text}"
        return f"{line.who}< {self._masked(speaker.hear(line.text))}"

    def _meant(self, text: str) -> str:
        for word, value in self._known.items():
            text = re.sub(rf"\b{word}\b", value, text)
        return text

    def _masked(self, text: str) -> str:
        for word, pattern in UNKNOWN.items():
            if found := pattern.search(text):
                self._known[word] = found[0]
                text = pattern.sub(word, text)
        return text
