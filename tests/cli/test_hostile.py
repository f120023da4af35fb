"""
Tests with a hostile server: nothing that it sends can control the terminal, or imitate a line.
"""

from __future__ import annotations

import json
import unicodedata
from datetime import datetime, timezone
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from twisted.trial.unittest import SynchronousTestCase

from machat.cli.completion import ConversationCompleter
from machat.cli.conversation import Conversation
from machat.cli.display import Line
from machat.cli.layout import MORE, QUOTE, REACTIONS, layout
from machat.cli.scrollback import Scrollback
from machat.cli.settings import Settings
from machat.client import ChatClient
from machat.codec import decodeEvent
from machat.testing import MemoryChat

#: Characters that control a terminal, end a line, hide text or change its direction.
HOSTILE = "\x00\x07\x08\x0a\x0d\x1b\x7f\x85\x9b\xa0\xad\u061c\u200b\u200e\u2028\u202e\u2066\ufeff"

TEXTS = st.text(st.sampled_from(f"{HOSTILE}a[2J#|+> ") | st.characters(codec="utf-8"), max_size=12)
ROOMS = st.sampled_from(["dev", "@Ada,Mina", "\x1b[2J"]) | TEXTS
NUMBERS = st.integers(-5, 30) | st.sampled_from([2**53, -(2**53), 2**70])
NAMES = st.lists(TEXTS, max_size=3).map(tuple)


def event(type: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """
    @return: objects of this type, as a server sends them
    """
    return st.fixed_dictionaries({"type": st.just(type), **fields})


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """
    @return: values that may be missing
    """
    return st.none() | strategy


ENTRY = {"room": ROOMS, "seq": NUMBERS, "at": NUMBERS, "replay": st.booleans()}
CHANGE = {**ENTRY, "target": NUMBERS, "by": TEXTS}
EVENTS = st.one_of(
    event(
        "message",
        **ENTRY,
        **{"from": TEXTS, "text": TEXTS, "reply": optional(NUMBERS), "edited": st.booleans()},
        data=st.dictionaries(TEXTS, TEXTS | NUMBERS, max_size=3),
        reactions=optional(st.dictionaries(TEXTS, NAMES, max_size=3)),
    ),
    event("edited", **CHANGE, text=TEXTS),
    event("redacted", **CHANGE, reason=optional(TEXTS), **{"from": optional(TEXTS)}),
    event("reacted", **CHANGE, emoji=TEXTS, remove=st.booleans()),
    event(
        "joined",
        **{"room": ROOMS, "name": TEXTS, "epoch": TEXTS, "seq": NUMBERS, "count": NUMBERS},
        **{"topic": optional(TEXTS), "members": optional(NAMES), "read": optional(NUMBERS)},
        recovered=optional(st.booleans()),
    ),
    event("left", room=ROOMS, reason=optional(TEXTS)),
    event("presence", room=ROOMS, count=NUMBERS, joined=NAMES, left=NAMES),
    event("members", room=ROOMS, count=NUMBERS, members=NAMES),
    event("typing", room=ROOMS, **{"from": TEXTS}),
    event("room", room=ROOMS, topic=optional(TEXTS)),
    event("moved", room=ROOMS, epoch=TEXTS, seq=NUMBERS, lost=st.booleans()),
    event("conversations", rooms=st.lists(ROOMS, max_size=3), blocked=NAMES),
    event("read", room=ROOMS, seq=NUMBERS),
    event("error", code=TEXTS, text=TEXTS),
    event("bye", code=NUMBERS, reason=TEXTS, reconnect=st.booleans()),
    event(
        "sanctions",
        room=ROOMS,
        sanctions=st.lists(
            st.fixed_dictionaries(
                {"kind": TEXTS, "name": optional(TEXTS), "until": NUMBERS, "by": optional(TEXTS)}
            ),
            max_size=2,
        ),
    ),
)


class HostileServerTests(SynchronousTestCase):
    """
    Tests with events that a server can send.
    """

    def check(self, text: str) -> None:
        """
        Check that a terminal prints a text in one line, and nothing else.
        """
        for character in text:
            category = unicodedata.category(character)
            self.assertNotIn(category, ("Cc", "Zl", "Zp", "Cs", "Co"), ascii(text))
            self.assertNotIn(character, HOSTILE.replace("\xa0", ""), ascii(text))

    def show(self, line: Line) -> None:
        """
        Check a line. Only its first part has a name.
        """
        parts = layout(line, Settings(times=False), datetime.now(timezone.utc))
        first, *more = "".join([text for _, text in parts]).removesuffix("\n").split("\n")
        if line.quote is not None:
            self.assertTrue(first.startswith(QUOTE), first)
            first, *more = more
        for each in more:
            self.assertTrue(each.startswith((MORE, REACTIONS)), ascii(each))
        for each in (first, *more):
            self.check(each)

    @given(st.lists(EVENTS, max_size=8))
    def test_events(self, found: list[dict[str, Any]]) -> None:
        """
        After any events, the lines, the bottom line and the completions are safe to print.
        """
        chat = MemoryChat()
        scrollback = Scrollback()
        ends: list[int] = []
        talk = Conversation(scrollback.add, ends.append)
        talk.begin(ChatClient(chat.clock, chat.endpoint, "Mina", talk.received), ["dev"])
        for _ in range(4):
            chat.turn()
        for each in found:
            decoded = decodeEvent(json.dumps(each).encode())
            if decoded is not None:  # otherwise the client ignores it
                talk.received(decoded)
            self.check(talk.status)
        for line in scrollback:
            self.show(line)
        completer = ConversationCompleter(talk)
        for typed in ("a", "/msg ", "/join ", "/unblock "):
            for completion in completer.get_completions(Document(typed), CompleteEvent()):
                self.check(completion.text)
