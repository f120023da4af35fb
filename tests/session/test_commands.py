"""
Any commands, from clients that connect, disconnect and stop reading, cause no traceback and leave
nothing.
"""

from __future__ import annotations

import json
from math import inf
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from machat.auth.users import User
from machat.limits import Limits
from machat.session.session import Session
from machat.testing import MemoryChat, MemoryClient

#: Small limits, so that every bound is reached.
LIMITS = Limits(
    rate=inf,
    maxWaiting=5_000,
    maxHistory=5,
    logMessages=4,
    maxRooms=3,
    maxMembers=4,
    listed=2,
    receipts=3,
    receiptsTotal=5,
)

ANYTHING: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 1, 2**53, 2**64, 1e308]),
    st.sampled_from(["", "dev", "DEV", "r1", "r2", "\0", "x" * 70, "a\nb", "\u202e", "1", "2"]),
    st.sampled_from([[], {}, {"epoch": "e", "seq": 3}, {"epoch": 1}, {"seq": -1}]),
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "room": st.sampled_from(["dev", "r1"]) | ANYTHING,
        "text": st.just("hi") | ANYTHING,
        "id": st.sampled_from(["1", "2", "3", "4"]) | ANYTHING,
        "since": ANYTHING,
        "history": st.just(3) | ANYTHING,
        "before": ANYTHING,
        "after": ANYTHING,
        "limit": ANYTHING,
        "presence": ANYTHING,
        "session": ANYTHING,
        "name": st.sampled_from(["m0", "m1", "M2"]) | ANYTHING,
        "for": st.just(20) | ANYTHING,
        "address": ANYTHING,
    },
)
TYPES = st.sampled_from(
    ["join", "say", "say", "leave", "history", "who", "ping", "pong", "hello", None, 7]
    + ["kick", "mute", "unmute", "ban", "unban", "lock", "unlock", "topic"]
)
STEPS = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.one_of(
            st.tuples(TYPES, FIELDS),
            st.sampled_from(["hello", "turn", "wait", "close", "pause", "resume", "half"]),
        ),
    ),
    max_size=40,
)


class AnyCommandsTests(SynchronousTestCase):
    @settings(deadline=None, max_examples=150)
    @given(STEPS)
    def test_anything(self, steps: list[tuple[int, Any]]) -> None:
        """
        Every command is answered or refused, whenever it is sent, and nothing is left at the end.
        """
        chat = MemoryChat(LIMITS)
        clients: dict[int, MemoryClient] = {}
        for who, what in steps:
            client = clients.get(who)
            if client is None or not client.connected:
                client = clients[who] = chat.ws() if who % 2 else chat.tcp()
                client.send(json.dumps({"v": 1, "name": f"m{who % 3}", "room": "dev"}))
                self.empower(chat)
            if isinstance(what, tuple):
                client.send(json.dumps({"type": what[0], **what[1]}))
            else:
                self.act(chat, client, what)
        for client in clients.values():
            client.close()
        chat.turn()
        self.assertEqual(self.flushLoggedErrors(), [])
        self.assertEqual(len(chat.service.rooms), 0)
        self.assertEqual((len(chat.service.connections), chat.service.connections._owners), (0, {}))
        chat.service.logbook.close()
        self.assertEqual(chat.clock.getDelayedCalls(), [])

    def empower(self, chat: MemoryChat) -> None:
        """
        Make members named C{m0} moderators.
        """
        for session in chat.service.connections:
            if session.name == "m0":
                cast(Session, session).user = User(mod=("*",))

    def act(self, chat: MemoryChat, client: MemoryClient, what: str) -> None:
        """
        Send something that is not a command.
        """
        producer = client.transport.producer
        if what == "hello":
            client.send('{"v": 1, "name": "again"}')
        elif what == "turn":
            chat.turn()
        elif what == "wait":
            chat.clock.advance(7)
        elif what == "close":
            client.close()
        elif what == "half":
            client.sendBytes(b'{"type": "sa')
        elif what == "pause" and producer is not None:
            producer.pauseProducing()
        elif what == "resume" and producer is not None:
            producer.resumeProducing()
