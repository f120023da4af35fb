"""
A client of the C{events} dialect: each of its lines is a command.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from msgspec.structs import replace
from twisted.internet.defer import CancelledError, Deferred, succeed
from zope.interface import implementer

from machat import commands, events, wire
from machat.addresses import describe
from machat.auth.users import ANYBODY, allows, requireSay
from machat.entries import lengthOf
from machat.errors import BAD_COMMAND, BAD_CREDENTIALS, NOT_ALLOWED, ChatError
from machat.interfaces import IChatRoom, IChatUser, ISessionTransport
from machat.moderation.commands import COMMANDS, moderate
from machat.moderation.policy import mayModerate
from machat.session import costs
from machat.session.account import Account, conversationWith
from machat.session.answers import shortened, welcome
from machat.session.contents import Sending, isPlain
from machat.session.interfaces import IClientSession, IConversation
from machat.session.memberships import Memberships
from machat.session.posting import Posting
from machat.wire.pieces import PIECE, Encoded, Pieces, Slices

_Answer = TypeVar("_Answer", events.Joined, events.History)


@implementer(IConversation)
class EventsConversation:
    """
    The commands of one client.
    """

    __slots__ = (
        "_chat",
        "_client",
        "_connection",
        "_rooms",
        "_posting",
        "_over",
        "_account",
    )

    def __init__(
        self, chat: IChatRoom, client: IClientSession, connection: ISessionTransport
    ) -> None:
        self._chat = chat
        self._client = client
        self._connection = connection
        self._rooms = Memberships(chat, client)
        self._posting = Posting(chat, client, connection, self._rooms)
        self._over = False
        self._account: Account | None = None

    def begin(self, hello: commands.Hello) -> Deferred[Any] | None:
        """
        Take over the client's earlier connection, send a welcome, and join the room that the hello
        names.
        """
        self._rooms.watch = hello.presence
        if hello.session is not None:
            self._chat.takeOver(self._client, hello.session)
            if self._client.ended:  # by a callback of the application
                return None
        self._client.markJoined()
        session = self._chat.issue(self._client)
        self.tell(welcome(self._chat.limits, session, hello.id))
        self._connection.keepAsking()
        join = None
        if hello.room is not None:
            join = commands.Join(
                room=hello.room,
                since=hello.since,
                history=hello.history,
                key=hello.key,
                id=hello.id,
            )
        user = self._client.user
        if user.name is not None:
            self._account = Account(self._chat, self)
            return self._account.begin(user.name).addCallback(lambda _: self._enter(join))
        return None if join is None else self._do(join)

    def _enter(self, join: commands.Join | None) -> Deferred[Any] | None:
        """
        Join the room of the hello, then the direct conversations with new messages.
        """
        if self._over:
            return None
        waiting = None if join is None else self._do(join)
        if waiting is None:
            self._catchUp(None)
            return None
        return waiting.addCallback(self._catchUp)

    def _catchUp(self, result: Any) -> Any:
        if self._account is not None:
            self._account.catchUp()
        return result

    def invited(self, room: str, since: events.Position) -> None:
        """
        Join a direct conversation with messages after a position.
        """
        joining = self._rooms.invite(room, since)
        if joining is not None:
            answering = joining.addCallback(self._joined, None)
            answering.addErrback(lambda failure: failure.trap(ChatError, CancelledError))

    def tell(self, event: events.Event) -> None:
        """
        Send an event.
        """
        self._connection.write(self._client.dialect.encodeEvent(event))

    def serve(self, lines: list[bytes]) -> list[bytes]:
        for index, line in enumerate(lines):
            waiting = self._obey(line) if line.strip() else None
            if waiting is not None:
                self._client.hold(waiting)
                if self._client.busy:
                    return lines[index + 1 :]
            if self._over:
                break
        return []

    def _obey(self, line: bytes) -> Deferred[Any] | None:
        try:
            command = wire.decodeCommand(line, self._chat.limits.maxLine)
        except ChatError as error:
            self._client.refuse(error)
            return None
        return self._do(command)

    def _do(self, command: commands.Command) -> Deferred[Any] | None:
        """
        @return: C{None}, or a C{Deferred} for which the next command has to wait. It does not fail
        """
        try:
            waiting = _DO[type(command)](self, command)
        except ChatError as error:
            error.id = command.id
            self._client.refuse(error)
            return None
        return None if waiting is None else waiting.addErrback(self._client.failed, command)

    def end(self) -> None:
        self._over = True
        self._posting.end()
        if self._account is not None:
            self._account.end()
        self._rooms.end()

    def removed(self, room: str, reason: str) -> None:
        if self._rooms.removed(room):
            self.tell(events.Left(room=room, reason=reason))

    def _join(self, command: commands.Join) -> Deferred[Any]:
        return self._rooms.join(command).addCallback(self._joined, command.id)

    def _joined(self, joined: events.Joined | None, id: str | None) -> Deferred[None] | None:
        if joined is None:
            return None
        joined = self._pay(joined)
        if mayModerate(self._client, joined.room):
            joined = replace(joined, moderator=True)
        if self._account is not None:
            read = self._account.markOf(joined.room)
            if read is not None:
                joined = replace(joined, read=min(read, joined.seq))
        if not joined.replay:
            self.tell(joined if id is None else replace(joined, id=id))
            return None
        self.tell(replace(joined, replay=(), id=id))
        size = sum(map(lengthOf, joined.replay))
        return self._write(Encoded(joined.replay, self._client.dialect.encode), size > PIECE)

    def _pay(self, answer: _Answer) -> _Answer:
        """
        Take the tokens for what was read.
        """
        if not answer.scanned:
            return answer
        self._client.spend(costs.reading(answer.scanned))
        return replace(answer, scanned=0)

    def _say(self, command: commands.Say) -> Deferred[Any] | None:
        if command.to is not None:
            return self._sayTo(command, command.to)
        room, user = self._rooms.here(command.room), self._client.user
        if (
            command.id is None
            and isPlain(command)
            and (user is ANYBODY or allows(user.maySay, room))
            and self._chat.sayAll(self._client, room, (command.text,), self._posting.paced)
        ):
            return None
        return self._posting.send(command)

    def _sayTo(self, command: commands.Say, name: str) -> Deferred[Any] | None:
        """
        Send a direct message, after the conversation was joined. If the server is joining it for
        the client, but cannot, the client joins it itself, so that the error has its cause.
        """
        if self._over:
            return None
        if command.room is not None:
            raise ChatError(BAD_COMMAND, "expected either a room or a name - at `$.to`")
        room = conversationWith(self._client.user, name)
        inRoom = replace(command, room=room, to=None)
        if self._rooms.has(room):
            return self._say(inRoom)
        joining = self._rooms.invitation(room)
        if joining is None:
            joining = self._join(commands.Join(room=room, since=self._required().missedIn(room)))
            return joining.addCallback(lambda _: self._say(inRoom))
        waiting: Deferred[Any] = Deferred()
        joining.addBoth(lambda _: waiting.callback(None))
        return waiting.addCallback(lambda _: self._sayTo(command, name))

    def _block(self, command: commands.Block | commands.Unblock) -> Deferred[Any]:
        storing = self._required().block(command.name, isinstance(command, commands.Block))
        return storing.addCallback(lambda _: self.tell(events.Done(id=command.id)))

    def _read(self, command: commands.Read) -> None:
        account, room = self._required(), self._rooms.here(command.room)
        top = self._chat.top(self._client, room)
        account.mark(room, command.seq, top)
        self.tell(events.ReadMark(room=room, seq=command.seq, id=command.id))

    def _required(self) -> Account:
        if self._account is None:
            raise ChatError(NOT_ALLOWED, "that requires an account")
        return self._account

    def _send(self, command: Sending) -> Deferred[Any] | None:
        return self._posting.send(command)

    def _typing(self, command: commands.Typing) -> None:
        room = self._rooms.here(command.room)
        requireSay(self._client.user, room)
        self._chat.typing(self._client, room)

    def _leave(self, command: commands.Leave) -> None:
        room = self._rooms.leave(command.room)
        self.tell(events.Left(room=room, id=command.id))

    def _history(self, command: commands.History) -> Deferred[Any]:
        room, client = self._rooms.here(command.room), self._client
        if command.text is not None:
            client.spend(costs.SEARCH)
            read = self._chat.search(client, room, command)
        else:
            read = self._chat.history(client, room, command.before, command.after, command.limit)
            read.addCallback(self._pay)
        read.addCallback(shortened, command.after is not None)
        return read.addCallback(self._answer, command.id)

    def _who(self, command: commands.Who) -> Deferred[Any]:
        reading = self._chat.who(self._client, self._rooms.here(command.room))
        return reading.addCallback(self._answer, command.id)

    def _listRooms(self, command: commands.ListRooms) -> Deferred[Any]:
        reading = self._chat.listRooms(command.prefix, command.after, command.limit)
        return reading.addCallback(self._answer, command.id)

    def _answer(
        self,
        answer: events.History | events.Members | events.SanctionList | events.RoomList,
        id: str | None,
    ) -> Deferred[None] | None:
        data = self._client.dialect.encodeEvent(replace(answer, id=id))
        return self._write(Slices(data), len(data) > PIECE)

    def _write(self, pieces: Pieces, much: bool) -> Deferred[None] | None:
        """
        @param much: whether this is enough for one turn. The next command then waits for the next
            turn, even if the client reads fast
        """
        waiting = self._connection.writePieces(pieces)
        if waiting is None and much:
            waiting = Deferred()
            self._chat.clock.callLater(0, waiting.callback, None)
        return waiting

    def _auth(self, command: commands.Auth) -> Deferred[Any]:
        if command.password is None and command.token is None:
            raise ChatError(BAD_CREDENTIALS, "the command auth requires a password or a token")
        checking = self._client.authenticate(command.password, command.token) or succeed(ANYBODY)
        return checking.addCallback(self._authenticated, command.id)

    def _authenticated(self, user: IChatUser, id: str | None) -> None:
        left = None if user.expires is None else user.expires - self._chat.clock.now()
        self.tell(events.Authenticated(seconds=left, id=id))
        for room in [room for room in self._rooms.names if not allows(user.mayJoin, room)]:
            if self._rooms.has(room):  # leaving one may have ended another
                self._leave(commands.Leave(room=room))

    def _moderate(self, command: Any) -> Deferred[None] | None:
        room = self._rooms.here(command.room)
        answer = moderate(self._chat.moderation, self._client, room, command)
        if isinstance(answer, Deferred):
            return answer.addCallback(lambda _: self.tell(events.Done(id=command.id)))
        return self._answer(answer, command.id)

    def _ping(self, command: commands.Ping) -> None:
        if command.details:
            at = int(self._chat.clock.now() * 1000)
            address = describe(self._connection.peerAddress())
            self.tell(events.Pong(at=at, address=address, id=command.id))
        else:
            self.tell(events.Pong(id=command.id))

    def _pong(self, command: commands.Pong) -> None:
        pass


_DO: dict[type[commands.Command], Callable[[EventsConversation, Any], Deferred[Any] | None]] = {
    commands.Join: EventsConversation._join,
    commands.Say: EventsConversation._say,
    commands.Edit: EventsConversation._send,
    commands.Redact: EventsConversation._send,
    commands.React: EventsConversation._send,
    commands.Typing: EventsConversation._typing,
    commands.Leave: EventsConversation._leave,
    commands.History: EventsConversation._history,
    commands.Who: EventsConversation._who,
    commands.Block: EventsConversation._block,
    commands.Unblock: EventsConversation._block,
    commands.Read: EventsConversation._read,
    commands.ListRooms: EventsConversation._listRooms,
    commands.Auth: EventsConversation._auth,
    **dict.fromkeys(COMMANDS, EventsConversation._moderate),
    commands.Ping: EventsConversation._ping,
    commands.Pong: EventsConversation._pong,
}
