"""
Tests for L{machat.rooms.arrival}, and for changes that happen while a join or a history request
waits.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import SynchronousTestCase

from machat.auth.users import User
from machat.errors import SHUTDOWN, ChatError
from machat.events import Joined
from machat.hooks import Hooks
from machat.interfaces import IChatHooks, IChatMember
from machat.limits import Limits
from machat.records import Names
from machat.rooms.arrival import Arrival, start
from machat.service import ChatService
from machat.store.memoryroom import MemoryRoom
from machat.testing import MemoryChat, MemoryClient, MemoryMember
from tests.auth.test_admission import AdmissionTestCase
from tests.members import asConnection, namesLeft
from tests.stores import SlowStore


class Doors(Hooks):
    """
    Hooks that allow a join when the test says so, and record the members that join and leave.
    """

    def __init__(self) -> None:
        self.asked: list[Deferred[None]] = []
        self.seen: list[str] = []

    def authorizeJoin(self, member: IChatMember, room: str) -> Deferred[None]:
        self.asked.append(Deferred())
        return self.asked[-1]

    def joined(self, member: IChatMember, room: str) -> None:
        self.seen.append(f"+{member.name}")

    def left(self, member: IChatMember, room: str) -> None:
        self.seen.append(f"-{member.name}")


class StartTests(SynchronousTestCase):
    """
    Tests for L{start}.
    """

    def test_asFromCoroutine(self) -> None:
        """
        The result is that of C{Deferred.fromCoroutine}, however often the coroutine waits, for
        results and for failures.
        """

        async def work(waited: list[Deferred[str]], last: str) -> str:
            found = ""
            for each in waited:
                try:
                    found += await each
                except ValueError as error:
                    found += str(error)
            if last == "fails":
                raise LookupError(found)
            return found + last

        for run in (start, Deferred.fromCoroutine):
            for last in ("ends", "fails"):
                for late in range(4):
                    waited: list[Deferred[str]] = [Deferred() for _ in range(3)]
                    running = None
                    for number, each in enumerate(waited):
                        if number == late:
                            running = run(work(waited, last))
                            self.assertNoResult(running)
                        if number == 1:
                            each.errback(ValueError("b"))
                        else:
                            each.callback("ac"[number // 2])
                    running = running or run(work(waited, last))
                    if last == "ends":
                        self.assertEqual(self.successResultOf(running), "abcends")
                    else:
                        failure = self.failureResultOf(running, LookupError)
                        self.assertEqual(failure.value.args, ("abc",))


class JoinTestCase(SynchronousTestCase):
    """
    Joins in a chat whose store answers when the test says so.
    """

    limits = Limits(maxMembers=2)

    def setUp(self) -> None:
        self.use()

    def use(self, hooks: IChatHooks | None = None) -> None:
        """
        Make a chat with a slow store.
        """
        self.clock = Clock()
        self.store = SlowStore(self.clock, self.limits)
        self.chat = MemoryChat(self.limits, self.store, hooks, self.clock)
        self.service = self.chat.service

    def join(self, member: MemoryMember, room: str = "dev") -> Deferred[Joined]:
        return self.service.join(member, room)

    def assertRefused(self, joining: Deferred[Any], code: str) -> None:
        error = self.failureResultOf(joining, ChatError)
        self.assertEqual(error.value.code, code)

    def assertNothingLeft(self) -> None:
        """
        No room, name, join or timer is left.
        """
        self.assertEqual(len(self.service.rooms), 0)
        self.assertEqual(self.service._rooms.arrivals(), [])
        self.assertFalse(namesLeft(self.service))
        self.assertEqual(self.clock.getDelayedCalls(), [])


class ChangedTests(JoinTestCase):
    """
    A join is decided by the state of the chat at the time when the store answers.
    """

    def changed(self, change: Callable[[MemoryMember], object]) -> Deferred[Joined]:
        """
        @param change: called while a member joins
        @return: the result of the join
        """
        mina = MemoryMember("Mina")
        joining = self.join(mina)
        self.assertNoResult(joining)
        change(mina)
        self.store.release()
        return joining

    def test_nothing(self) -> None:
        """
        A member joins if nothing changes.
        """
        self.assertEqual(self.successResultOf(self.changed(lambda mina: None)).count, 1)

    def test_banned(self) -> None:
        """
        A member that is banned meanwhile is removed when the room is open.
        """
        ban = self.service.moderation.ban
        self.changed(lambda mina: ban("dev", "Mina"))
        (room,) = self.service.rooms
        self.assertEqual(list(room.members), [])
        self.chat.turn()
        self.store.release()
        self.assertNothingLeft()
        again = self.join(MemoryMember("Mina"))
        self.store.release()
        self.assertRefused(again, "not-allowed")

    def test_rights(self) -> None:
        """
        A user who loses the right to join meanwhile does not join.
        """

        def lose(mina: MemoryMember) -> None:
            mina.user = User(name="Mina", rooms=("lounge",))

        self.assertRefused(self.changed(lose), "not-allowed")
        self.assertNothingLeft()

    def test_left(self) -> None:
        """
        The join of a member that leaves meanwhile fails at once, and its name is free again.
        """
        joining = self.changed(lambda mina: self.service.leave(mina, "DEV"))
        self.assertRefused(joining, "not-joined")
        self.assertNothingLeft()

    def test_cancelled(self) -> None:
        """
        Cancelling a join withdraws that join, and no other join that waits for the same log.
        """
        mina, ada = (self.join(MemoryMember(name)) for name in ("Mina", "Ada"))
        mina.cancel()
        self.failureResultOf(mina, CancelledError)
        again = self.join(MemoryMember("Mina"))
        self.store.release()
        self.assertEqual(self.successResultOf(ada).count, 1)
        self.assertEqual(self.successResultOf(again).count, 2)

    def test_full(self) -> None:
        """
        Simultaneous joins do not exceed the room's limit.
        """
        joins = [self.join(MemoryMember(name)) for name in ("Mina", "Ada", "Bob")]
        self.store.release()
        self.assertEqual([self.successResultOf(each).count for each in joins[:2]], [1, 2])
        self.assertRefused(joins[2], "room-full")

    def test_twice(self) -> None:
        """
        A member that is joining a room cannot join it a second time.
        """
        mina = MemoryMember("Mina")
        first = self.join(mina)
        self.assertRefused(self.join(mina, "DEV"), "already-joined")
        self.store.release()
        self.successResultOf(first)

    def test_late(self) -> None:
        """
        A join that takes too long fails, and a room that opens after that is closed again.
        """
        joining = self.join(MemoryMember("Mina"))
        self.clock.advance(10)
        self.assertRefused(joining, "failed")
        self.assertEqual(self.store.calls, ["open dev"])
        self.store.release()
        self.assertEqual(self.store.calls, ["open dev", "close dev"])
        self.assertNothingLeft()

    def test_lateNext(self) -> None:
        """
        A member that joins after such a timeout waits for the same room, under the same name.
        """
        self.assertNoResult(self.join(MemoryMember("Mina")).addErrback(lambda _: None))
        self.clock.advance(10)
        joining = self.join(MemoryMember("Mina"))
        self.store.release()
        self.successResultOf(joining)
        self.assertEqual(self.store.calls, ["open dev"])

    def test_read(self) -> None:
        """
        A history request fails if the member has left when the store answers.
        """
        mina = MemoryMember("Mina")
        self.join(mina)
        self.store.release()
        self.service.say(mina, "dev", "a")
        self.clock.advance(0)
        self.store.release()
        read = self.service.history(mina, "dev")
        self.service.leave(mina, "dev")
        self.store.release()
        self.assertRefused(read, "not-joined")
        self.assertNothingLeft()


class AtOnceTests(SynchronousTestCase):
    """
    Joins in a chat whose store answers at once.
    """

    def test_noGarbage(self) -> None:
        """
        A join that does not wait leaves nothing for the garbage collector to find.
        """
        service = ChatService(Clock())
        service.startService()
        self.successResultOf(service.join(MemoryMember("Ada"), "dev"))
        self.addCleanup(gc.enable)
        gc.collect()
        gc.disable()
        self.successResultOf(service.join(MemoryMember("Mina"), "dev"))
        self.assertEqual([each for each in gc.get_objects() if type(each) is Arrival], [])

    def test_taken(self) -> None:
        """
        A name that is taken is refused, and can be claimed when it is free.
        """
        service = ChatService(Clock())
        service.startService()
        ada = MemoryMember("Ada")
        self.successResultOf(service.join(ada, "dev"))
        other = MemoryMember("ADA")
        refused = self.failureResultOf(service.join(other, "dev"), ChatError)
        self.assertEqual(refused.value.code, "name-taken")
        service.leave(ada, "dev")
        self.assertEqual(len(service.rooms), 0)
        self.successResultOf(service.join(other, "dev"))


class StoppedTests(JoinTestCase):
    """
    A chat stops while members join.
    """

    def setUp(self) -> None:
        super().setUp()
        self.service.startService()

    def test_stopped(self) -> None:
        """
        A member inside the process is disconnected once by the stop, and does not join even if the
        chat has started again when the store answers.
        """
        for again in (False, True):
            mina = MemoryMember("Mina")
            ends: list[object] = []
            mina.disconnected = ends.append  # type: ignore[method-assign, assignment]
            joining = self.join(mina)
            self.successResultOf(self.service.stopService())
            self.assertRefused(joining, "failed")
            self.assertEqual(ends, [SHUTDOWN])
            if again:
                self.service.startService()
            self.store.release()
            self.assertNothingLeft()
            if not again:
                self.service.startService()

    def test_stopping(self) -> None:
        """
        A member whose join ends while the chat stops is disconnected.
        """
        connection = MemoryMember("connection")
        child: Deferred[None] = Deferred()
        self.service.addService(_Child(child))
        self.service.opened(asConnection(connection), None)
        mina = MemoryMember("Mina")
        joining = self.join(mina)
        done = self.service.stopService()
        self.store.release()
        self.assertRefused(joining, "failed")
        self.assertEqual(mina.end, SHUTDOWN)
        child.callback(None)
        self.service.closed(asConnection(connection))
        self.successResultOf(done)
        self.assertNothingLeft()


class _Child:
    """
    A service that stops when the test says so.
    """

    name = None

    def __init__(self, stopped: Deferred[None]) -> None:
        self._stopped = stopped

    def stopService(self) -> Deferred[None]:
        return self._stopped

    def startService(self) -> None:
        pass

    def privilegedStartService(self) -> None:
        pass


class ClientTests(JoinTestCase):
    """
    The join of a client waits for the store.
    """

    def events(self) -> MemoryClient:
        client = self.chat.tcp()
        client.send('{"v": 1, "name": "Mina", "room": "dev"}')
        return client

    def kinds(self, client: MemoryClient) -> list[str]:
        return [json.loads(line)["type"] for line in client.received()]

    def test_text(self) -> None:
        """
        A C{text} client whose join takes too long is asked to reconnect, and its own name does not
        block it then.
        """
        tcp, ws = self.chat.tcp("Mina", "dev"), self.chat.ws("Ada", "dev")
        self.clock.advance(10)
        late = "machat:error hello-timeout not joined within 10 s"
        self.assertEqual((tcp.received(), ws.received()), ([late], [late]))
        self.assertEqual((tcp.connected, ws.connected, ws.closeCode), (False, True, 3002))
        again = self.chat.tcp("Mina", "dev")
        self.store.release()
        again.send("hello")
        self.chat.turn()
        self.store.release()
        self.assertEqual(again.received(), ["Mina:hello"])

    def test_textFails(self) -> None:
        """
        A C{text} client is asked to reconnect if its room cannot be opened.
        """
        self.store.open = lambda *_: fail(OSError("down"))  # type: ignore[method-assign]
        ws = self.chat.ws("Ada", "dev")
        ws.received()
        self.assertEqual(ws.closeCode, 3006)
        self.flushLoggedErrors(OSError)

    def test_events(self) -> None:
        """
        An C{events} client receives an error if its room cannot be opened, and can try again
        on the same connection.
        """
        client = self.events()
        self.clock.advance(9)
        self.assertEqual(self.kinds(client), ["welcome"])
        self.clock.advance(1)
        error = json.loads(client.received()[0])
        self.assertEqual((error["type"], error["code"]), ("error", "failed"))
        client.send('{"type": "join", "room": "dev"}')
        self.store.release()
        self.assertEqual(self.kinds(client), ["joined"])

    def test_gone(self) -> None:
        """
        A client that disconnects while it joins leaves nothing but the room that is being opened.
        """
        hooks = Doors()
        self.use(hooks)
        clients = [self.chat.tcp("Ada", "dev"), self.events()]
        for asked in hooks.asked:
            asked.callback(None)
        for client in clients:
            client.close()
        self.store.release()
        self.assertNothingLeft()
        self.assertEqual(hooks.seen, [])

    def test_goneWhileAsked(self) -> None:
        """
        A client that disconnects while a hook is deciding leaves nothing, and the hook's late
        decision has no effect.
        """
        hooks = Doors()
        self.use(hooks)
        for _ in range(2):
            self.chat.tcp("Ada", "dev").close()
        self.assertNothingLeft()
        hooks.asked[0].callback(None)
        hooks.asked[1].errback(ChatError("not-allowed", "no"))
        self.assertEqual(hooks.seen, [])
        self.assertNothingLeft()


class OpeningTests(SynchronousTestCase):
    """
    A store that cannot open rooms for a while.
    """

    def test_overlapping(self) -> None:
        """
        When the store works again, new members join even if earlier joins are still pending.
        """

        class Slow(Hooks):
            def authorizeJoin(self, member: IChatMember, room: str) -> Deferred[None]:
                return deferLater(chat.clock, 1, lambda: None)

        chat = MemoryChat(hooks=Slow())
        broken = self.patch(chat.service.store, "open", lambda *_: fail(OSError("down")))
        joins: list[Deferred[Joined]] = []

        def come() -> None:
            joins.append(chat.service.join(MemoryMember(f"m{len(joins)}"), "dev"))
            chat.clock.advance(0.5)

        for _ in range(3):
            come()
        broken.restore()
        for _ in range(20):
            come()
        chat.clock.advance(1)
        for joining in joins[:2]:
            self.failureResultOf(joining, ChatError)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 2)
        for number, joining in enumerate(joins[2:], 1):
            self.assertEqual(self.successResultOf(joining).count, number)

    def test_raises(self) -> None:
        """
        A store that raises an exception instead of failing its Deferred does no harm either.
        """
        chat = MemoryChat()

        def down(*_: object) -> Any:
            raise OSError("down")

        broken = self.patch(chat.service.store, "open", down)
        joining = chat.service.join(MemoryMember("Mina"), "dev")
        self.failureResultOf(joining, ChatError)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.assertEqual(len(chat.service.rooms), 0)
        broken.restore()
        chat.member("Mina", "dev")


class ClaimTests(JoinTestCase):
    """
    A store that claims names late.
    """

    def setUp(self) -> None:
        super().setUp()
        self.store.slowClaims = True

    def test_claimedTooLate(self) -> None:
        """
        A name that is claimed for a client that has disconnected is released.
        """
        mina = MemoryMember("Mina")
        joining = self.join(mina)
        self.store.release()
        self.service.leave(mina, "dev")
        self.assertRefused(joining, "not-joined")
        self.store.release()
        self.assertNothingLeft()

    def test_banned(self) -> None:
        """
        A member that is banned while its name is claimed in an open room does not join.
        """
        ada, mina = MemoryMember("Ada"), MemoryMember("Mina")
        self.join(ada)
        self.store.release()
        self.store.release()
        joining = self.join(mina)
        self.assertNoResult(joining)
        self.service.moderation.ban("dev", "Mina")
        self.store.release()
        self.assertRefused(joining, "not-allowed")

    def test_who(self) -> None:
        """
        A question about a room fails if the member has left the room when the answer arrives.
        """
        mina = MemoryMember("Mina")
        self.join(mina)
        self.store.release()
        self.store.release()
        (room,) = self.service.rooms
        waiting: Deferred[Any] = Deferred()
        self.patch(room.stored, "members", lambda limit: waiting)
        told = self.service.who(mina, "dev")
        self.service.leave(mina, "dev")
        waiting.callback(Names(1, ["Mina"]))
        self.assertRefused(told, "not-joined")


class HookTests(SynchronousTestCase):
    """
    A hook that changes the room at once.
    """

    def test_bans(self) -> None:
        """
        A member that the hook bans before it allows the join does not join an open room.
        """

        class Strict(Hooks):
            def authorizeJoin(self, member: IChatMember, room: str) -> None:
                if member.name == "Mina":
                    chat.service.moderation.ban(room, "Mina")

        chat = MemoryChat(hooks=Strict())
        chat.member("Ada", "dev")
        joining = chat.service.join(MemoryMember("Mina"), "dev")
        self.assertEqual(self.failureResultOf(joining, ChatError).value.code, "not-allowed")


class OneUserTests(AdmissionTestCase):
    """
    Two connections of one user join at the same time.
    """

    def test_firstRefused(self) -> None:
        """
        If the connection that claimed the name first fails to join, the other connection is
        counted as present.
        """
        rooms = self.chat.service.rooms
        bot = self.chat.member("bot", "dev")
        self.chat.service.say(bot, "dev", "a")
        self.chat.turn()
        self.chat.service.leave(bot, "dev")
        read: Deferred[Any] = Deferred()
        self.patch(MemoryRoom, "read", lambda *_: read)
        first, second = self.events(history=5), self.text()
        read.errback(OSError("down"))
        self.flushLoggedErrors(OSError)
        self.assertEqual(self.kinds(first), ["welcome", "error"])
        (room,) = rooms
        self.assertEqual(
            ([claim.name for claim in room.members.values()], len(room.occupants)), (["Mina"], 1)
        )
        third = self.text()
        self.assertEqual(
            ([claim.name for claim in room.members.values()], len(room.occupants)),
            (["Mina", "Mina"], 1),
        )
        second.close()
        self.assertEqual(len(room.occupants), 1)
        third.close()
        self.assertEqual((len(room.occupants), len(rooms)), (0, 0))
