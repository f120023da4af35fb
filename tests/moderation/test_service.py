"""
Tests for L{machat.moderation.service}, with members inside the process and clients without
credentials.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from machat.auth.users import User
from machat.errors import ChatError, MaybeStored
from machat.events import Left, RoomState
from machat.hooks import Hooks
from machat.interfaces import IChatMember
from machat.limits import Limits
from machat.records import Change, RoomRecord, Stored
from machat.store.memoryroom import MemoryRoom
from machat.testing import MemoryChat, MemoryMember
from tests.stores import SlowStore

MODERATOR = User(name="Mod", mod=("dev",))


class ModerationTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.begin(MemoryChat())

    def begin(self, chat: MemoryChat) -> None:
        """
        Add Ada and Mina to a room of this chat.
        """
        self.chat = chat
        self.moderation = chat.service.moderation
        self.ada = chat.member("Ada", "dev", watch=True)
        self.mina = chat.member("Mina", "dev")

    def heard(self, member: MemoryMember | None = None) -> list[str]:
        """
        @return: what Ada, or another member, has received when the turn is over
        """
        self.chat.turn()
        return (member or self.ada).received()

    def moderator(self, room: str = "dev") -> MemoryMember:
        """
        @return: a member of the room who may moderate
        """
        member = MemoryMember("Mod")
        member.user = MODERATOR
        self.successResultOf(self.chat.service.join(member, room))
        return member

    def refused(self, code: str, call: Callable[..., Any], *arguments: Any, **more: Any) -> str:
        """
        @return: the text with which this is refused
        """
        refusal = self.failureResultOf(maybeDeferred(call, *arguments, **more), ChatError)
        self.assertEqual(refusal.value.code, code)
        text: str = refusal.value.text
        return text

    def refusedJoin(self, code: str, name: str = "Mina", room: str = "dev") -> str:
        """
        @return: the text with which a join is refused
        """
        return self.refused(code, self.chat.member, name, room)


class KickTests(ModerationTestCase):
    def test_kick(self) -> None:
        """
        A kicked member receives the moderator's name, leaves the room, and can join again; the
        others see the kick as a message of the room.
        """
        self.moderation.kick("DEV", "mina", self.ada, "enough")
        self.assertEqual(self.heard(), ["machat:moderator Ada kicked mina: enough"])
        self.assertEqual(
            self.mina.events, [Left(room="dev", reason="moderator Ada kicked mina: enough")]
        )
        self.refused("not-joined", self.chat.service.say, self.mina, "dev", "hello")
        self.assertIsNone(self.mina.end)
        self.chat.member("Mina", "dev")

    def test_application(self) -> None:
        """
        A kick by the application is attributed to the server.
        """
        self.moderation.kick("dev", "Mina")
        self.assertEqual(self.heard(), ["machat:the server kicked Mina"])

    def test_text(self) -> None:
        """
        A client of the text dialect, which has one room, is closed for good.
        """
        lines, frames = self.chat.tcp("Bob", "dev"), self.chat.ws("Eve", "dev")
        for name in ("Bob", "Eve"):
            self.moderation.kick("dev", name)
        self.chat.clock.advance(5)
        self.assertEqual((lines.received(), frames.received()), 2 * (["machat:bye removed"],))
        self.assertEqual(frames.closeCode, 3503)
        self.assertFalse(lines.connected)
        self.assertEqual(self.chat.service.metrics.disconnects[3503], 2)

    def test_nobody(self) -> None:
        """
        A kick of a name that is not in the room fails.
        """
        self.refused("not-joined", self.moderation.kick, "dev", "Bob")
        self.refused("not-joined", self.moderation.kick, "other", "Ada")
        self.refused("bad-name", self.moderation.kick, "dev", "a:b")
        self.refused("bad-room", self.moderation.kick, "a b", "Ada")

    def test_reason(self) -> None:
        """
        A reason is one line of limited length.
        """
        for reason in ("two\nlines", "a\rb", "\u2028", "\ud800", "x" * 301):
            self.refused("bad-command", self.moderation.kick, "dev", "Mina", None, reason)
        self.moderation.kick("dev", "Mina", None, "👩‍👩‍👧 " + "x" * 290)

    def test_ofAnApplication(self) -> None:
        """
        An application's member is not a moderator by default.
        """
        self.moderation.kick("dev", "Mina", self.ada)
        self.moderation.lock("dev")
        error = self.failureResultOf(self.chat.service.join(self.mina, "dev"), ChatError)
        self.assertEqual(error.value.code, "room-locked")

    def test_lastOne(self) -> None:
        """
        A kick of the last member is stored in the room, and the room is closed.
        """
        for name in ("Ada", "Mina"):
            self.moderation.kick("dev", name)
        self.chat.turn()
        self.assertEqual(len(self.chat.service.rooms), 0)
        joined = self.successResultOf(self.chat.service.join(self.ada, "dev", history=9))
        texts = [message.text for message in joined.replay]
        self.assertEqual(texts, ["the server kicked Ada", "the server kicked Mina"])

    def test_moderator(self) -> None:
        """
        A moderator cannot be kicked by another one, but by the application.
        """
        mod = self.moderator()
        self.refused("not-allowed", self.moderation.kick, "dev", "Mod", self.ada)
        self.moderation.kick("dev", "Mod")
        self.assertEqual(len(mod.events), 1)

    def test_trouble(self) -> None:
        """
        A member whose callback raises is removed all the same.
        """

        class Wild(MemoryMember):
            def removed(self, room: str, reason: str) -> None:
                raise ValueError(reason)

        wild = Wild("Wild")
        self.successResultOf(self.chat.service.join(wild, "dev"))
        self.moderation.kick("dev", "Wild")
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.refused("not-joined", self.chat.service.say, wild, "dev", "hello")

    def test_asItJoins(self) -> None:
        """
        A member that a hook kicks while it joins has not joined.
        """
        test = self

        class Strict(Hooks):
            def joined(self, member: IChatMember, room: str) -> None:
                if member.name == "Eve":
                    test.moderation.kick(room, "Eve")

        self.begin(MemoryChat(hooks=Strict()))
        self.refusedJoin("not-allowed", "Eve")
        client = self.chat.tcp("Eve", "dev")
        self.assertEqual(client.received(), ["machat:bye removed"])


class MuteTests(ModerationTestCase):
    def say(self, member: MemoryMember, text: str = "hello") -> None:
        self.chat.service.say(member, "dev", text)

    def test_mute(self) -> None:
        """
        A muted member receives all messages and cannot post until the mute ends.
        """
        self.say(self.mina, "before")
        self.moderation.mute("dev", "MINA", 600, self.ada, "spam")
        told = ["Mina:before", "machat:moderator Ada muted MINA for 10 minutes: spam"]
        self.assertEqual(self.heard(), told)
        self.assertEqual(self.heard(self.mina), told)
        text = self.refused("muted", self.say, self.mina)
        self.assertEqual(text, "you are muted until 1970-01-01 00:10:00 UTC")
        failure = self.failureResultOf(
            self.chat.service.post(self.mina, "dev", "x", "1"), ChatError
        )
        self.assertEqual(failure.value.code, "muted")
        self.say(self.ada)
        self.assertEqual(self.heard(), ["Ada:hello"])
        self.chat.clock.advance(600)
        self.say(self.mina)
        self.assertEqual(self.heard(), ["Mina:hello"])

    def test_again(self) -> None:
        """
        Leaving and rejoining does not lift a mute, and neither does an empty room.
        """
        self.moderation.mute("dev", "Mina")
        self.chat.service.leave(self.mina, "dev")
        self.chat.service.leave(self.ada, "dev")
        self.chat.turn()
        self.assertEqual(len(self.chat.service.rooms), 0)
        self.refused("muted", self.say, self.chat.member("Mina", "dev"))

    def test_unmute(self) -> None:
        """
        A mute can be lifted once, and then the sanctions are not searched any longer.
        """
        self.moderation.mute("dev", "Mina")
        self.moderation.unmute("dev", "mina", self.ada)
        self.heard()
        self.say(self.mina)
        self.assertEqual(self.heard(), ["Mina:hello"])
        (room,) = self.chat.service.rooms
        self.assertFalse(room.muted)
        self.refused("bad-command", self.moderation.unmute, "dev", "Mina")

    def test_elsewhere(self) -> None:
        """
        A mute applies to one room, and can be imposed before the member and the room exist.
        """
        self.moderation.mute("other", "Bob", 1)
        bob = self.chat.member("Bob", "other")
        self.refused("muted", self.chat.service.say, bob, "other", "x")
        self.successResultOf(self.chat.service.join(bob, "dev"))
        self.say(bob)
        self.assertEqual(self.heard(), ["Bob:hello"])

    def test_acknowledged(self) -> None:
        """
        A message that was posted before the mute is acknowledged again afterwards.
        """
        first = self.chat.service.post(self.mina, "dev", "x", "1")
        self.chat.turn()
        self.successResultOf(first)
        self.moderation.mute("dev", "Mina")
        again = self.successResultOf(self.chat.service.post(self.mina, "dev", "x", "1"))
        self.assertTrue(again.duplicate)

    def test_text(self) -> None:
        """
        A client of the text dialect receives the refusal in one line.
        """
        client = self.chat.tcp("Bob", "dev")
        self.moderation.mute("dev", "Bob", 60)
        client.send("hello")
        (line,) = client.received()
        self.assertTrue(line.startswith("machat:error muted you are muted until "), line)

    def test_moderator(self) -> None:
        """
        A moderator cannot be muted, and an existing mute of its name has no effect.
        """
        self.moderation.mute("dev", "Mod")
        mod = self.moderator()
        self.say(mod)
        self.refused("not-allowed", self.moderation.mute, "dev", "Mod")

    def test_spans(self) -> None:
        """
        A duration is shown in the largest unit that fits, and must be between one second and 30
        days.
        """
        for seconds, words in (
            (1, "1 second"),
            (90, "90 seconds"),
            (3600, "1 hour"),
            (5400, "90 minutes"),
            (2_592_000, "30 days"),
        ):
            self.moderation.mute("dev", "Mina", seconds)
            self.assertEqual(self.heard(), [f"machat:the server muted Mina for {words}"])
        for wrong in (0, -1, 2_592_001, float("nan"), float("inf")):
            self.refused("bad-command", self.moderation.mute, "dev", "Mina", wrong)

    def test_bound(self) -> None:
        """
        The number of mutes is limited.
        """
        for number in range(Limits().maxSanctionsPerRoom):
            self.moderation.mute("quiet", f"n{number}")
        self.refused("not-allowed", self.moderation.mute, "quiet", "Mina")
        self.refused("not-allowed", self.moderation.ban, "quiet", "Mina")
        self.moderation.mute("dev", "Mina")


class ImitationTests(ModerationTestCase):
    def test_imitation(self) -> None:
        """
        No name of a moderator or of a target produces a line that a C{text} client takes for the
        server's own C{error} or C{bye}.
        """
        for word in ("error", "bye"):
            by = self.chat.member(word, "dev")
            self.moderation.setTopic("dev", f"about {word}", by)
            self.moderation.lock("dev", by)
            self.moderation.unlock("dev", by)
            self.moderation.mute("dev", word, by=by)
            self.moderation.unmute("dev", word)
        for said in self.heard():
            self.assertNotRegex(said, "^machat:(error|bye) ")


class BanTests(ModerationTestCase):
    def test_ban(self) -> None:
        """
        A banned member is removed, and cannot rejoin until the ban ends, even if the room is empty
        meanwhile.
        """
        self.moderation.ban("dev", "Mina", 60, self.ada, "spam")
        words = "moderator Ada banned Mina for 1 minute: spam"
        self.assertEqual(self.heard(), [f"machat:{words}"])
        self.assertEqual(self.mina.events, [Left(room="dev", reason=words)])
        self.chat.service.leave(self.ada, "dev")
        text = self.refusedJoin("not-allowed", "MINA")
        self.assertEqual(text, "banned until 1970-01-01 00:01:00 UTC")
        self.chat.member("Mina", "other")
        self.chat.clock.advance(60)
        self.chat.member("Mina", "dev")

    def test_unban(self) -> None:
        """
        A ban can be lifted once.
        """
        self.moderation.ban("dev", "Eve")
        self.moderation.unban("dev", "eve", self.ada)
        told = ["machat:the server banned Eve for 1 hour", "machat:moderator Ada unbanned eve"]
        self.assertEqual(self.heard(), told)
        self.chat.member("Eve", "dev")
        self.refused("bad-command", self.moderation.unban, "dev", "Eve")

    def test_addressOf(self) -> None:
        """
        A ban of a member's address removes and rejects every client at this address, under any
        name, except moderators; the room does not learn the address. The ban is lifted by the
        name.
        """
        bob, eve = self.chat.tcp("Bob", "dev"), self.chat.ws("Eve", "dev")
        self.chat.turn()
        self.moderation.banAddressOf("dev", "Bob", by=self.ada)
        self.assertEqual(
            self.heard(), ["machat:moderator Ada banned Bob and its address for 1 hour"]
        )
        for client in (bob, eve):
            self.assertEqual(client.received(), ["machat:bye removed"])
        (line,) = self.chat.tcp("Lola", "dev").received()
        self.assertTrue(line.startswith("machat:error not-allowed banned until "), line)
        self.moderation.unban("dev", "Bob")
        for name in ("Bob", "Lola"):
            self.assertEqual(self.chat.tcp(name, "dev").received(), [])

    def test_behindAProxy(self) -> None:
        """
        The address at the hello counts: the client's, not the proxy's.
        """
        clients = {"198.51.100.7": self.chat.tcp(), "198.51.100.8": self.chat.tcp()}
        for address, client in clients.items():
            client.transport.peerAddr = IPv4Address("TCP", address, 50000)
            client.join(f"m{address[-1]}", "dev")
        self.chat.turn()
        self.moderation.banAddressOf("dev", "m7")
        seven, eight = clients.values()
        self.assertEqual(seven.received(), ["machat:bye removed"])
        self.assertTrue(eight.connected)
        self.assertEqual(self.chat.tcp("Lola", "dev").received(), [])

    def test_noAddress(self) -> None:
        """
        A member inside the process, or one that is absent, has no address to ban.
        """
        self.refused("not-allowed", self.moderation.banAddressOf, "dev", "Mina")
        self.refused("not-joined", self.moderation.banAddressOf, "dev", "Bob")
        self.assertEqual(self.heard(), [])

    def test_address(self) -> None:
        """
        An application can ban an address directly, and lifts the ban by the address.
        """
        bob = self.chat.tcp("Bob", "dev")
        self.chat.turn()
        self.moderation.banAddress("dev", "::ffff:192.0.2.1", 60)
        self.assertEqual(bob.received(), ["machat:bye removed"])
        self.moderation.unban("dev", "192.0.2.1")
        told = ["banned an address for 1 minute", "unbanned an address"]
        self.assertEqual(self.heard(), [f"machat:the server {each}" for each in told])
        self.assertEqual(self.chat.tcp("Bob", "dev").received(), [])
        for wrong in ("127.0.0.1", "::1", "dev", ""):
            self.refused("bad-command", self.moderation.banAddress, "dev", wrong)

    def test_guess(self) -> None:
        """
        A moderator who guesses a banned address learns nothing: the answer is the same whether the
        address is banned or not, and the ban stays.
        """
        self.moderation.banAddress("dev", "192.0.2.1")
        told = {
            self.refused("bad-command", self.moderation.unban, "dev", address, self.ada)
            for address in ("192.0.2.1", "192.0.2.2")
        }
        self.assertEqual(len(told), 1)
        self.assertEqual(self.moderation.sanctions("dev")[0].target, "192.0.2.1")

    def test_addressAsName(self) -> None:
        """
        A member may be named like an address, and is not confused with that address.
        """
        named = self.chat.member("192.0.2.1", "dev")
        self.moderation.banAddress("dev", "192.0.2.1")
        self.assertEqual(named.events, [])
        self.moderation.unban("dev", "192.0.2.1")
        self.moderation.ban("dev", "192.0.2.1")
        self.assertEqual(self.chat.tcp("Bob", "dev").received(), [])

    def test_moderator(self) -> None:
        """
        A moderator cannot be banned, and an existing ban of its name has no effect.
        """
        self.moderation.ban("dev", "Mod")
        self.moderator()
        self.refused("not-allowed", self.moderation.ban, "dev", "Mod")

    def test_asItJoins(self) -> None:
        """
        A member that is banned while its join waits does not join.
        """
        asked: list[Deferred[None]] = []

        class Slow(Hooks):
            def authorizeJoin(self, member: IChatMember, room: str) -> Deferred[None] | None:
                if member.name != "Eve":
                    return None
                asked.append(Deferred())
                return asked[-1]

        self.begin(MemoryChat(hooks=Slow()))
        joining = self.chat.service.join(MemoryMember("Eve"), "dev")
        self.moderation.ban("dev", "Eve")
        asked[0].callback(None)
        self.assertEqual(self.failureResultOf(joining, ChatError).value.code, "not-allowed")
        self.moderation.unban("dev", "Eve")
        again = self.chat.service.join(MemoryMember("Eve"), "dev")
        asked[1].callback(None)
        self.successResultOf(again)


class RoomTests(ModerationTestCase):
    def test_lock(self) -> None:
        """
        Only moderators can join a locked room, and watching members receive the lock.
        """
        self.moderation.lock("dev", self.ada, "a talk")
        self.moderation.lock("dev", self.ada)
        self.assertEqual(self.heard(), ["machat:moderator Ada locked the room: a talk"])
        self.assertIn(RoomState(room="dev", locked=True), self.ada.events)
        self.assertNotIn(RoomState(room="dev", locked=True), self.mina.events)
        self.assertEqual(self.refusedJoin("room-locked", "Eve"), "dev is locked")
        joined = self.successResultOf(self.chat.service.join(self.moderator("other"), "dev"))
        self.assertTrue(joined.locked)
        self.moderation.unlock("dev")
        self.chat.member("Eve", "dev")
        self.assertEqual(self.ada.events[-1], RoomState(room="dev"))
        self.assertEqual(self.heard(), ["machat:the server unlocked the room"])

    def test_topic(self) -> None:
        """
        A new member receives the topic, and watching members receive a new one.
        """
        self.moderation.setTopic("dev", " Tea ", self.ada)
        self.moderation.setTopic("dev", "Tea", self.ada)
        self.assertEqual(self.heard(), ["machat:moderator Ada set the topic: Tea"])
        self.assertIn(RoomState(room="dev", topic="Tea"), self.ada.events)
        joined = self.successResultOf(self.chat.service.join(MemoryMember("Eve"), "dev"))
        self.assertEqual((joined.topic, joined.locked), ("Tea", False))
        self.moderation.setTopic("dev", "")
        self.assertEqual(self.heard(), ["machat:the server removed the topic"])
        self.refused("bad-command", self.moderation.setTopic, "dev", "a\nb")

    def test_deserted(self) -> None:
        """
        A room that has been empty is unlocked and keeps its topic.
        """
        self.moderation.lock("dev")
        self.moderation.setTopic("dev", "Tea")
        for member in (self.ada, self.mina):
            self.chat.service.leave(member, "dev")
        self.chat.turn()
        joined = self.successResultOf(self.chat.service.join(MemoryMember("Eve"), "dev"))
        self.assertEqual((joined.topic, joined.locked), ("Tea", False))
        self.refused("not-joined", self.moderation.lock, "other")
        self.refused("not-joined", self.moderation.setTopic, "other", "x")


class SeenTests(ModerationTestCase):
    def test_everybody(self) -> None:
        """
        A change has its place in the order of the room's messages, in both dialects, and is
        stored.
        """
        text = self.chat.tcp("Bob", "dev")
        events = self.chat.tcp()
        events.send('{"v": 1, "name": "Eve", "room": "dev", "presence": false}')
        events.received()
        self.chat.service.say(self.ada, "dev", "one")
        self.moderation.setTopic("dev", "Tea", self.ada)
        self.chat.service.say(self.ada, "dev", "two")
        self.chat.turn()
        self.assertEqual(
            text.received(), ["Ada:one", "machat:moderator Ada set the topic: Tea", "Ada:two"]
        )
        message = events.received()[1]
        self.assertIn('"seq":2,"from":"machat","text":"moderator Ada set the topic: Tea"', message)
        read = self.successResultOf(self.chat.service.history(self.ada, "dev", None, None, 9))
        self.assertEqual([message.seq for message in read.messages], [1, 2, 3])

    def test_empty(self) -> None:
        """
        A sanction in an empty room is not announced.
        """
        self.moderation.ban("other", "Mina")
        self.chat.turn()
        self.assertEqual(len(self.chat.service.rooms), 1)
        joined = self.successResultOf(self.chat.service.join(self.ada, "other"))
        self.assertEqual(joined.seq, 0)

    def test_logged(self) -> None:
        """
        The operator's log shows who sanctioned whom, and the addresses, but neither reasons nor
        topics.
        """
        logged: list[LogEvent] = []
        globalLogPublisher.addObserver(cast(ILogObserver, logged.append))
        self.addCleanup(globalLogPublisher.removeObserver, cast(ILogObserver, logged.append))
        self.chat.tcp("Bob", "dev")
        (bob,) = [member for member in self.members() if member.name == "Bob"]
        self.moderation.setTopic("dev", "secret", bob)
        self.moderation.ban("dev", "Bob", 60, self.ada, "secret")
        self.moderation.banAddress("dev", "2001:db8::1")
        self.mina.peer = "a cron job"
        self.moderation.kick("dev", "Mina")
        lines = [
            event["log_format"].format(**event)
            for event in logged
            if event["log_namespace"] == "machat.moderation.announcer.Announcer"
        ]
        self.assertEqual(
            lines,
            [
                "moderator Bob (192.0.2.1:50000) set the topic in dev",
                "moderator Ada (this process) banned Bob for 1 minute in dev, 192.0.2.1:50000",
                "the server (this process) banned an address for 1 hour in dev, 2001:db8::/64",
                "the server (this process) kicked Mina in dev, a cron job",
            ],
        )

    def members(self) -> list[IChatMember]:
        return [member for room in self.chat.service.rooms for member in room.members]

    def test_counted(self) -> None:
        """
        Sanctions are counted by kind.
        """
        self.moderation.lock("dev")
        self.moderation.kick("dev", "Mina")
        self.moderation.kick("dev", "Ada")
        self.assertEqual(self.chat.service.metrics.moderations, {"lock": 1, "kick": 2})

    def test_slowStore(self) -> None:
        """
        The last member can be kicked while the store is slow: no message is lost, and the room is
        closed.
        """
        clock = MemoryChat().clock
        store = SlowStore(clock)
        chat = MemoryChat(store=store, clock=clock)
        ada = MemoryMember("Ada")
        joining = chat.service.join(ada, "dev")
        self.refused("not-joined", chat.service.moderation.lock, "dev")
        store.release()
        self.successResultOf(joining)
        chat.service.moderation.kick("dev", "Ada")
        chat.turn()
        store.release()
        self.assertEqual(store.calls, ["open dev", "close dev"])


class UnstoredTests(ModerationTestCase):
    """
    Actions that the store does not take at once.
    """

    def unstored(self, action: Callable[..., Deferred[None]], *arguments: Any) -> None:
        """
        Carry out an action that is not stored, because the store is not available.
        """
        self.chat.cut()
        done = action("dev", *arguments)
        self.chat.clock.advance(0)
        self.chat.clock.advance(10)
        self.assertEqual(self.failureResultOf(done, ChatError).value.code, "failed")
        self.chat.restore()
        self.chat.turn()

    def stored(self, action: Callable[..., Deferred[None]], *arguments: Any) -> RoomRecord:
        """
        Carry out an action.

        @return: what the store then has
        """
        done = action("dev", *arguments)
        self.chat.turn()
        self.successResultOf(done)
        (room,) = self.chat.service.rooms
        assert room.stored is not None
        return room.stored.record

    def test_topicAgain(self) -> None:
        """
        A topic that was not stored can be set again, and is then stored.
        """
        self.unstored(self.moderation.setTopic, "now")
        self.assertEqual(self.stored(self.moderation.setTopic, "now").topic, "now")
        self.heard()
        self.stored(self.moderation.setTopic, "now")
        self.assertEqual(self.heard(), [])

    def test_topicTwice(self) -> None:
        """
        A topic that is about to be stored is not announced a second time.
        """
        self.chat.lag(1)
        for text in ("a", "b", "b", "a", "a"):
            self.moderation.setTopic("dev", text)
            self.chat.turn()
        for _ in range(3):
            self.chat.clock.advance(1)
        words = [f"machat:the server set the topic: {text}" for text in "aba"]
        self.assertEqual(self.heard(), words)

    def test_lockAgain(self) -> None:
        """
        The same applies to a lock.
        """
        self.unstored(self.moderation.lock)
        self.assertTrue(self.stored(self.moderation.lock).locked)
        self.unstored(self.moderation.unlock)
        self.assertFalse(self.stored(self.moderation.unlock).locked)

    def test_liftAgain(self) -> None:
        """
        A mute or a ban that was lifted here, but not in the store, can be lifted again. Otherwise
        it would return when the room is opened again.
        """
        moderation = self.moderation
        for impose, end, target in (
            (moderation.mute, moderation.unmute, "Eve"),
            (moderation.ban, moderation.unban, "Eve"),
            (moderation.banAddress, moderation.unban, "192.0.2.7"),
        ):
            self.assertEqual(len(self.stored(impose, target).sanctions), 1)
            self.unstored(end, target)
            self.assertEqual(self.stored(end, "EVE" if target == "Eve" else target).sanctions, ())
            self.refused("bad-command", end, "dev", target)

    def test_liftTwice(self) -> None:
        """
        A mute whose end is about to be stored cannot be lifted a second time.
        """
        self.stored(self.moderation.mute, "Eve")
        self.chat.lag(1)
        self.moderation.unmute("dev", "Eve")
        self.refused("bad-command", self.moderation.unmute, "dev", "Eve")
        self.chat.turn()
        self.refused("bad-command", self.moderation.unmute, "dev", "Eve")
        self.chat.clock.advance(1)

    def test_lateKick(self) -> None:
        """
        A member who was kicked and has joined again stays, even if the store reports the kick only
        after the time limit of the operation.
        """
        (room,) = self.chat.service.rooms
        waiting: Deferred[Stored] = Deferred()
        appended: list[Sequence[Change]] = []
        append = MemoryRoom.append

        def late(_: MemoryRoom, batch: object, changes: Sequence[Change]) -> Deferred[Stored]:
            appended.append(changes)
            return waiting

        self.patch(MemoryRoom, "append", late)
        kick = self.moderation.kick("dev", "Mina")
        self.chat.turn()
        waiting.errback(MaybeStored("late"))
        self.failureResultOf(kick, MaybeStored)
        self.successResultOf(self.chat.service.join(self.mina, "dev"))
        room.said([], appended[0])
        self.assertIn(self.mina, room)
        self.patch(MemoryRoom, "append", append)
        self.chat.service.say(self.mina, "dev", "again")
        self.assertEqual(self.heard(), ["Mina:again"])
        room.said([], [*appended[0]])
        self.assertNotIn(self.mina, room)
