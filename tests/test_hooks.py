"""
Tests for L{machat.hooks}: the decisions of an application in a chat.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from machat.auth.users import User
from machat.entries import Content, Edit, Entry, React, Redact, Said
from machat.errors import NOT_ALLOWED, ChatError
from machat.events import Receipt
from machat.hooks import Hooks
from machat.interfaces import IChatHooks, IChatMember
from machat.testing import MemoryChat, MemoryMember


class Rules(Hooks):
    """
    Refuses Bob, and the word C{no}; changes C{hi} to C{hello}; decides on C{later} when the test
    says so; fails at C{oops}.
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

    def said(self, messages: Sequence[Entry]) -> None:
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
        @return: what Mina receives after posting these texts
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
        Events are reported in order.
        """
        self.said("one", "hi")
        self.mina.close()
        self.assertEqual(self.rules.seen, ["+Mina", "+Ada", "one", "hello", "-Mina"])

    def test_join(self) -> None:
        """
        A join may be refused with a code; a join whose hook fails is refused and logged.
        """
        self.assertEqual(
            self.chat.tcp("Bob", "dev").received(), ["machat:error not-allowed not you"]
        )
        (line,) = self.chat.tcp("Oops", "dev").received()
        self.assertEqual(line, "machat:error failed internal server error")
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.assertEqual(self.ada.received(), [])

    def test_say(self) -> None:
        """
        A message may be changed or refused, and an invalid result of a hook affects that message
        only.
        """
        self.assertEqual(
            self.said("hi", "no", "oops", "two", "still here"),
            [
                "machat:error not-allowed not that",
                "machat:error failed internal server error",
                "Mina:hello",
                "Mina:a",
                "Mina:b",
                "Mina:still here",
            ],
        )
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_saidFails(self) -> None:
        """
        An observer that raises is logged, and every member receives the message.
        """
        self.assertEqual(self.said("crash"), ["Mina:crash"])
        self.assertEqual(self.ada.received(), ["Mina:crash"])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_later(self) -> None:
        """
        While a decision is pending its sender waits, and so do later messages of others.
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
        A late refusal is reported, and the waiting messages continue.
        """
        self.mina.send("later")
        self.chat.service.say(self.ada, "dev", "behind")
        self.rules.asked[0].errback(ChatError(NOT_ALLOWED, "after all"))
        self.chat.turn()
        self.assertEqual(self.mina.received(), ["machat:error not-allowed after all", "Ada:behind"])

    def test_saidThenGone(self) -> None:
        """
        An undecided message is dropped when its sender leaves, and later messages do not wait for
        the decision.
        """
        self.mina.send("later")
        self.chat.service.say(self.ada, "dev", "behind")
        self.mina.close()
        self.chat.turn()
        self.assertEqual(self.ada.received(), ["Ada:behind"])
        self.rules.asked[0].callback("last words")
        self.chat.turn()
        self.assertEqual(self.ada.received(), [])

    def test_lastOneGone(self) -> None:
        """
        A room is not kept for a decision on a message whose sender has left.
        """
        self.mina.send("later")
        self.mina.close()
        self.assertEqual(len(self.chat.service.rooms), 1)
        self.chat.service.leave(self.ada, "dev")
        self.assertEqual(len(self.chat.service.rooms), 0)
        self.rules.asked[0].callback("last words")
        self.chat.turn()
        self.assertEqual(len(self.chat.service.rooms), 0)

    def test_post(self) -> None:
        """
        The caller of C{post} receives the result, the number or the refusal, at once or later.
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

    def late(self, change: Callable[[], object]) -> str:
        """
        @param change: called while a message of Ada waits for its decision
        @return: the code with which it is refused
        """
        asked = self.chat.service.post(self.ada, "dev", "later")
        change()
        self.rules.asked[-1].callback("late")
        self.chat.turn()
        self.assertNotIn("Ada:late", self.mina.received())
        return str(self.failureResultOf(asked, ChatError).value.code)

    def test_lateMuted(self) -> None:
        """
        A message whose sender is muted before the decision is refused.
        """
        self.assertEqual(
            self.late(lambda: self.chat.service.moderation.mute("dev", "Ada")), "muted"
        )

    def test_lateGone(self) -> None:
        """
        A message whose sender has left, was kicked or banned, or has rejoined since is refused
        too.
        """
        service = self.chat.service

        def leave() -> None:
            service.leave(self.ada, "dev")

        def comeBack() -> None:
            leave()
            self.successResultOf(service.join(self.ada, "dev"))

        for change in (
            comeBack,
            leave,
            lambda: service.moderation.kick("dev", "Ada"),
            lambda: service.moderation.ban("dev", "Ada"),
        ):
            service.leave(self.ada, "dev")
            self.successResultOf(service.join(self.ada, "dev"))
            self.assertEqual(self.late(change), "not-joined")

    def test_lateRight(self) -> None:
        """
        A message whose sender has lost the right to post, or whose right cannot be determined, is
        refused too.
        """

        class Broken(User, frozen=True):
            def maySay(self, room: str) -> bool:
                raise ValueError("broken")

        for user in (User(say=()), Broken()):

            def lose(user: User = user) -> None:
                self.ada.user = user

            self.assertEqual(self.late(lose), "not-allowed")
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_muteAtOnce(self) -> None:
        """
        A hook can mute or kick the sender while it decides.
        """
        moderation = self.chat.service.moderation
        for measure, code in ((moderation.mute, "muted"), (moderation.kick, "not-joined")):

            def judge(member: IChatMember, room: str, text: str) -> str:
                measure(room, member.name)  # noqa: B023
                return text

            self.rules.authorizeSay = judge  # type: ignore[method-assign]
            said = self.chat.service.post(self.ada, "dev", "spam")
            self.assertEqual(self.failureResultOf(said, ChatError).value.code, code)
            if code == "muted":
                moderation.unmute("dev", "Ada")

    def test_cancelled(self) -> None:
        """
        A sender may cancel a message while the decision is pending; a hook that cancels by itself
        counts as failed.
        """
        waiting = self.chat.service.say(self.ada, "dev", "later")
        assert waiting is not None
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.rules.asked[0].callback("late")
        said = self.chat.service.post(self.ada, "dev", "later")
        self.rules.asked[1].cancel()
        self.failureResultOf(said, ChatError)
        self.assertEqual(len(self.flushLoggedErrors(CancelledError)), 1)
        self.chat.turn()
        self.assertEqual(self.ada.received(), [])

    def test_notAText(self) -> None:
        """
        A hook that returns an invalid result counts as failed.
        """
        self.rules.authorizeSay = lambda *_: None  # type: ignore[assignment, method-assign]
        self.failureResultOf(self.chat.service.post(self.ada, "dev", "hello"), ChatError)
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)

    def test_stranger(self) -> None:
        """
        The hook is not called for a member that is not in the room.
        """
        stranger = MemoryMember("Eve")
        self.assertRaises(ChatError, self.chat.service.say, stranger, "dev", "later")
        self.assertEqual(self.rules.asked, [])


class Editors(Hooks):
    """
    Refuses links in texts, C{data} with C{x}, and reactions.
    """

    def __init__(self) -> None:
        self.asked: list[Content] = []
        self.answer: Deferred[None] | None = None

    def authorizeSay(self, member: IChatMember, room: str, text: str) -> str:
        if "http:" in text:
            raise ChatError("not-allowed", "no links")
        return text.replace("damn", "d***")

    def authorizeEntry(
        self, member: IChatMember, room: str, content: Content
    ) -> Deferred[None] | None:
        self.asked.append(content)
        if isinstance(content, React) or (
            isinstance(content, Said) and "x" in (content.data or {})
        ):
            raise ChatError("not-allowed", "not that")
        return self.answer


class EntryTests(SynchronousTestCase):
    """
    Tests for hooks that decide about entries other than one line of text.
    """

    def setUp(self) -> None:
        self.rules = Editors()
        self.chat = MemoryChat(hooks=self.rules)
        self.mina = self.chat.member("Mina", "dev")

    def post(self, content: str | Content) -> Deferred[Receipt]:
        receipt = self.chat.service.post(self.mina, "dev", content)
        self.chat.turn()
        return receipt

    def refused(self, content: Content) -> str:
        return str(self.failureResultOf(self.post(content), ChatError).value.text)

    def test_asked(self) -> None:
        """
        The hook is asked about everything but plain messages, and receives the text that the other
        hook has changed. Neither can be avoided with an edit.
        """
        self.successResultOf(self.post("one"))
        self.assertEqual(self.rules.asked, [])
        self.successResultOf(self.post(Edit(1, "damn")))
        self.assertEqual(self.rules.asked, [Edit(1, "d***")])
        self.assertEqual(self.refused(Edit(1, "http://x")), "no links")
        self.assertEqual(self.refused(Said("", b'{"x":1}')), "not that")
        self.assertEqual(self.refused(React(1, "\u2764")), "not that")
        self.successResultOf(self.post(Redact(1)))
        history = self.successResultOf(self.chat.service.history(self.mina, "dev"))
        self.assertEqual([each.redacted for each in history.messages], [True])

    def test_later(self) -> None:
        """
        While the hook has not answered, later messages wait. A target that is gone meanwhile is
        refused.
        """
        self.successResultOf(self.post("one"))
        self.rules.answer = Deferred()
        edit = self.post(Edit(1, "two"))
        said = self.post("next")
        self.assertNoResult(said)
        answer, self.rules.answer = self.rules.answer, None
        redact = self.post(Redact(1))
        answer.callback(None)
        self.chat.turn()
        self.assertEqual(self.successResultOf(edit).seq, 2)
        self.assertEqual(self.successResultOf(said).seq, 3)
        self.assertEqual(self.successResultOf(redact).seq, 4)
