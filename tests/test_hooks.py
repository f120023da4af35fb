"""
Tests for L{machat.hooks}: an application's say in a chat.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from machat.errors import NOT_ALLOWED, ChatError
from machat.events import Message
from machat.hooks import Hooks
from machat.interfaces import IChatHooks, IChatMember
from machat.testing import MemoryChat, MemoryMember


class Rules(Hooks):
    """
    Refuses Bob, and the word C{no}; turns C{hi} into C{hello}; answers to C{later} when the test
    says; fails at C{oops}.
    """

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.asked: list[Deferred[str]] = []

    def authorizeJoin(self, member: IChatMember, room: str) -> None:
        if member.name == "Bob":
            raise ChatError(NOT_ALLOWED, "not you")
        if member.name == "Oops":
            raise ValueError("oops")

    def authorizeSay(self, member: IChatMember, room: str, text: str) -> Deferred[str] | str:
        if text == "no":
            raise ChatError(NOT_ALLOWED, "not that")
        if text == "oops":
            raise ValueError("oops")
        if text.startswith("later"):
            self.asked.append(Deferred())
            return self.asked[-1]
        return {"hi": "hello", "two": "a\nb"}.get(text, text)

    def joined(self, member: IChatMember, room: str) -> None:
        self.seen.append(f"+{member.name}")

    def left(self, member: IChatMember, room: str) -> None:
        self.seen.append(f"-{member.name}")

    def said(self, messages: Sequence[Message]) -> None:
        self.seen.extend(message.text for message in messages)
        if messages[0].text == "crash":
            raise ValueError("crash")


class HooksTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.rules = Rules()
        self.chat = MemoryChat(hooks=self.rules)
        self.mina = self.chat.tcp("Mina", "dev")
        self.ada = self.chat.member("Ada", "dev")

    def said(self, *lines: str) -> list[str]:
        """
        @return: what Mina hears after having said these
        """
        for line in lines:
            self.mina.send(line)
        self.chat.turn()
        return self.mina.received()

    def test_interface(self) -> None:
        """
        L{Hooks} allows everything.
        """
        verifyObject(IChatHooks, Hooks())
        chat = MemoryChat(hooks=Hooks())
        mina = chat.tcp("Mina", "dev")
        mina.send("hi")
        chat.turn()
        self.assertEqual(mina.received(), ["Mina:hi"])

    def test_observers(self) -> None:
        """
        What happens is told, in order.
        """
        self.said("one", "hi")
        self.mina.close()
        self.assertEqual(self.rules.seen, ["+Mina", "+Ada", "one", "hello", "-Mina"])

    def test_join(self) -> None:
        """
        A join may be refused with a code; one whose hook fails is refused and logged.
        """
        self.assertEqual(
            self.chat.tcp("Bob", "dev").received(), ["machat:error not-allowed not you"]
        )
        (line,) = self.chat.tcp("Oops", "dev").received()
        self.assertEqual(line, "machat:error failed something went wrong at the server's end")
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.assertEqual(self.ada.received(), [])

    def test_say(self) -> None:
        """
        A message may be changed or refused; what is wrong with a hook harms that message alone.
        """
        self.assertEqual(
            self.said("hi", "no", "oops", "two", "still here"),
            [
                "machat:error not-allowed not that",
                "machat:error failed something went wrong at the server's end",
                "machat:error bad-command a message is one line of Unicode text",
                "Mina:hello",
                "Mina:still here",
            ],
        )
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_saidFails(self) -> None:
        """
        An observer that fails is logged, and everybody gets the message.
        """
        self.assertEqual(self.said("crash"), ["Mina:crash"])
        self.assertEqual(self.ada.received(), ["Mina:crash"])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_later(self) -> None:
        """
        While an answer is awaited its sender waits, and so does what others say behind it.
        """
        bob = self.chat.ws("Eve", "dev")
        self.assertEqual(self.said("later\nbehind"), [])
        self.assertEqual(self.mina.transport.producerState, "paused")
        bob.send("other")
        bob.send("one more")
        self.chat.turn()
        self.assertEqual(bob.received(), [])
        self.rules.asked[0].callback("now")
        self.chat.turn()
        expected = ["Mina:now", "Eve:other", "Mina:behind", "Eve:one more"]
        self.assertEqual(sorted(self.mina.received()), sorted(expected))
        self.assertEqual(self.mina.transport.producerState, "producing")

    def test_laterRefused(self) -> None:
        """
        A late refusal is told, and what waits behind it goes on.
        """
        self.mina.send("later")
        self.chat.service.say(self.ada, "dev", "behind")
        self.rules.asked[0].errback(ChatError(NOT_ALLOWED, "after all"))
        self.chat.turn()
        self.assertEqual(self.mina.received(), ["machat:error not-allowed after all", "Ada:behind"])

    def test_saidThenGone(self) -> None:
        """
        What somebody said before going is heard, however late the answer.
        """
        self.mina.send("later")
        self.mina.close()
        self.rules.asked[0].callback("last words")
        self.chat.turn()
        self.assertEqual(self.ada.received(), ["Mina:last words"])

    def test_lastOneGone(self) -> None:
        """
        A room where an answer is awaited stays until it is there.
        """
        self.mina.send("later")
        self.mina.close()
        self.chat.service.leave(self.ada, "dev")
        self.assertEqual(len(self.chat.service._rooms), 1)
        self.rules.asked[0].callback("last words")
        self.chat.turn()
        self.assertEqual(len(self.chat.service._rooms), 0)

    def test_post(self) -> None:
        """
        Who posts hears what became of it: its number, or the refusal, now or later.
        """
        post = self.chat.service.post
        first = post(self.ada, "dev", "hi")
        self.failureResultOf(post(self.ada, "dev", "oops"))
        self.flushLoggedErrors(ValueError)
        late = post(self.ada, "dev", "later", "1")
        error = self.failureResultOf(post(self.ada, "other", "x"), ChatError)
        self.assertEqual(error.value.code, "not-joined")
        self.chat.turn()
        self.assertEqual(self.successResultOf(first).seq, 1)
        self.assertNoResult(late)
        self.rules.asked[0].errback(ChatError(NOT_ALLOWED, "no"))
        self.failureResultOf(late, ChatError)

    def test_stranger(self) -> None:
        """
        Who is not in the room is not asked about.
        """
        stranger = MemoryMember("Eve")
        self.assertRaises(ChatError, self.chat.service.say, stranger, "dev", "later")
        self.assertEqual(self.rules.asked, [])
