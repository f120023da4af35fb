"""
Tests for L{machat.service.publisher}.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from machat.entries import LINES, Said
from machat.errors import (
    BAD_COMMAND,
    BAD_NAME,
    BAD_ROOM,
    BUSY,
    FAILED,
    MUTED,
    NO_SUCH_MESSAGE,
    NOT_ALLOWED,
    TOO_LONG,
    ChatError,
)
from machat.hooks import Hooks
from machat.interfaces import IChatMember
from machat.limits import DEFAULTS
from machat.member import Member
from machat.rooms.personal import Note
from machat.service.publisher import PATIENCE, Published
from machat.testing import MemoryChat


class Careful(Hooks):
    """
    Hooks that answer when the test allows it.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Deferred[str]]] = []

    def authorizeSay(self, member: IChatMember, room: str, text: str) -> Deferred[str]:
        answer: Deferred[str] = Deferred()
        self.asked.append((member.name, text, answer))
        return answer


class PublisherTests(SynchronousTestCase):
    """
    Tests for messages from senders that are not in the room.
    """

    def setUp(self) -> None:
        self.chat = MemoryChat()
        self.mina = self.chat.member("Mina", "dev")

    def test_direct(self) -> None:
        """
        Only the two users of a direct conversation publish in it, unless they are blocked. A note
        tells the other one of the message.
        """
        room, people = "@Ada,Mina", self.chat.service.people
        refused = self.failureResultOf(self.publish(room=room, name="Eve"), ChatError)
        self.assertEqual(refused.value.code, NOT_ALLOWED)
        publishing = self.publish(room=room, name="MINA")
        self.chat.turn()
        self.assertEqual(self.successResultOf(publishing).seq, 1)
        ada = self.successResultOf(people.hold("ada"))
        self.addCleanup(people.release, ada)
        self.assertIsNotNone(ada.note(Note.CONVERSATION, "@ada,mina"))
        ada.put(Note.BLOCK, "mina", "Mina", None)
        self.chat.turn()
        refused = self.failureResultOf(self.publish(room=room, name="Mina"), ChatError)
        self.assertEqual(refused.value.code, NOT_ALLOWED)

    def publish(
        self, text: str = "hi", room: str = "dev", name: str = "bot", id: str | None = None
    ) -> Deferred[Published]:
        return self.chat.service.publish(Member(name), room, text, id)

    def published(self, **fields: Any) -> Published:
        publishing = self.publish(**fields)
        self.chat.turn()
        return self.successResultOf(publishing)

    def refusal(self, publishing: Deferred[Published]) -> str:
        self.chat.turn()
        error = self.failureResultOf(publishing, ChatError).value
        assert isinstance(error, ChatError)
        return error.code

    def test_publish(self) -> None:
        """
        A message is numbered with those of the members, and delivered to them. Its sender is not
        in the room.
        """
        self.chat.service.say(self.mina, "dev", "one")
        two = self.published(text="two", room="DEV")
        self.assertEqual((two.room, two.seq, two.duplicate), ("dev", 2, False))
        self.assertEqual(self.mina.received(), ["Mina:one", "bot:two"])
        members = self.successResultOf(self.chat.service.visitors.members("dev"))
        self.assertEqual(members.members, ("Mina",))

    def test_emptyRoom(self) -> None:
        """
        A message to a room that nobody is in is stored, and the room does not stay open.
        """
        self.assertEqual(self.published(room="new").seq, 1)
        self.assertEqual([room.name for room in self.chat.service.rooms], ["dev"])
        read = self.successResultOf(self.chat.service.visitors.history("new"))
        self.assertEqual([each.text for each in read.messages], ["hi"])

    def test_retries(self) -> None:
        """
        A hundred attempts with one id at the same time, and later ones, send one message.
        """
        attempts = [self.publish(id="a") for _ in range(100)]
        self.chat.turn()
        found = [self.successResultOf(each) for each in attempts]
        self.assertEqual({each.seq for each in found}, {1})
        self.assertEqual(sum(not each.duplicate for each in found), 1)
        self.assertEqual(self.published(id="a"), found[1])
        self.assertEqual(self.mina.received(), ["bot:hi"])

    def test_retryAfterMute(self) -> None:
        """
        A message that is already stored is acknowledged even if its sender is muted meanwhile.
        """
        first = self.published(id="a")
        self.chat.service.moderation.mute("dev", "bot")
        self.assertEqual(self.published(id="a"), replace(first, duplicate=True))
        self.assertEqual(self.refusal(self.publish(id="b")), MUTED)

    def test_ban(self) -> None:
        """
        A banned name may not publish in its room.
        """
        self.chat.service.moderation.ban("dev", "Bot")
        self.assertEqual(self.refusal(self.publish()), NOT_ALLOWED)
        self.assertEqual(self.published(room="other").seq, 1)

    def test_invalid(self) -> None:
        """
        Invalid names, rooms and texts are refused, and nothing is stored.
        """
        for fields, code in (
            ({"name": "machat"}, BAD_NAME),
            ({"room": ""}, BAD_ROOM),
            ({"text": "\n" * LINES}, TOO_LONG),
            ({"text": "\ud800"}, BAD_COMMAND),
        ):
            self.assertEqual(self.refusal(self.publish(**fields)), code)
        self.assertEqual(self.mina.received(), [])

    def test_rich(self) -> None:
        """
        A message may have several lines, data, and a reply to a message that exists. Hooks are
        asked about it.
        """
        self.published(text="a\nb")
        service, content = self.chat.service, Said("c", b'{"x":1}', 1)
        service.publish(Member("bot"), "dev", content)
        self.chat.turn()
        self.assertEqual([each.text for each in self.mina.messages], ["a\nb", "c"])
        self.assertEqual((self.mina.messages[1].data, self.mina.messages[1].reply), ({"x": 1}, 1))
        refused = service.publish(Member("bot"), "dev", replace(content, reply=99))
        self.assertEqual(self.refusal(refused), NO_SUCH_MESSAGE)
        hooks = Careful()
        self.chat = MemoryChat(hooks=hooks)
        publishing = self.publish(text="a\nb")
        self.assertEqual(hooks.asked[0][:2], ("bot", "a\nb"))
        self.chat.service.moderation.mute("dev", "bot")
        self.chat.turn()
        hooks.asked[0][2].callback("a")
        self.assertEqual(self.refusal(publishing), MUTED)

    def test_rate(self) -> None:
        """
        A message above the rate of its room waits, and is refused if it would wait for too long.
        """
        self.chat = MemoryChat(replace(DEFAULTS, roomRate=1000.0))
        waiting = [self.publish(text="x" * 2000) for _ in range(9)]
        self.chat.turn()
        self.assertEqual(self.successResultOf(waiting[0]).seq, 1)
        self.assertNoResult(waiting[1])
        self.chat.clock.pump([0.5] * int(2 * PATIENCE) + [0.0] * 3)
        self.assertEqual(self.successResultOf(waiting[1]).seq, 2)
        self.assertEqual(self.refusal(waiting.pop()), BUSY)
        for each in waiting[2:]:
            each.addErrback(lambda failure: failure.trap(ChatError))
        self.chat.clock.pump([1.0] * 4)
        self.assertLess(self.published().seq, 9)

    def test_hooks(self) -> None:
        """
        A hook may change a message, and its answer is not the last word: the sender may be muted
        while it is awaited.
        """
        hooks = Careful()
        self.chat = MemoryChat(hooks=hooks)
        first, second = self.publish(text="one"), self.publish(text="two")
        self.assertEqual([each[:2] for each in hooks.asked], [("bot", "one"), ("bot", "two")])
        hooks.asked[0][2].callback("uno")
        self.chat.turn()
        self.assertEqual(self.successResultOf(first).seq, 1)
        self.chat.service.moderation.mute("dev", "bot")
        self.chat.turn()
        hooks.asked[1][2].callback("dos")
        self.assertEqual(self.refusal(second), MUTED)

    def test_store(self) -> None:
        """
        If the store fails, the publisher learns whether the message may be stored.
        """
        first = self.publish()
        self.chat.cut()
        second = self.publish(room="new")
        self.chat.turn()
        self.chat.clock.advance(10)
        self.assertEqual(self.refusal(first), FAILED)
        self.assertEqual(self.refusal(second), FAILED)
        self.chat.restore()
        self.chat.turn()
        self.assertEqual([room.name for room in self.chat.service.rooms], ["dev"])

    def test_stop(self) -> None:
        """
        A chat that stops stores what was published before, and refuses the rest.
        """
        first = self.publish()
        self.chat.service.stopService()
        second = self.publish()
        self.chat.turn()
        self.assertEqual(self.successResultOf(first).seq, 1)
        self.assertEqual(self.refusal(second), FAILED)
