"""
What a chat tells its members. All values are immutable.

The C{events} dialect sends them as JSON objects with these very fields (C{sender} is called
C{from}), members inside the process get them as they are, and the C{text} dialect knows the few it
has words for.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

#: A number of messages, or of one: exact in every JSON implementation (RFC 7493 section 2.2).
Count = Annotated[int, Meta(ge=0, le=2**53)]


class Draft(Struct, frozen=True, gc=False):
    """
    A message as it was said: no log has numbered it yet.
    """

    room: str
    sender: str
    text: str


class Position(Struct, frozen=True, gc=False):
    """
    A place in a room's log.

    @ivar epoch: names the life of the counter; when it changes, C{seq} begins anew
    @ivar seq: the last number given, 0 before the first
    """

    epoch: Annotated[str, Meta(max_length=64)]
    seq: Count


class Receipt(Struct, frozen=True, gc=False):
    """
    The log has a message.

    @ivar room: the room's name
    @ivar seq: the message's number
    @ivar duplicate: whether it had been said before, and was not said again
    """

    room: str
    seq: int
    duplicate: bool = False


class Event(Struct, frozen=True, tag_field="type", omit_defaults=True):
    """
    Anything a member is told.
    """


class Message(Event, frozen=True, gc=False, tag="message"):
    """
    A message as everybody sees it.

    @ivar room: the room's name
    @ivar seq: its number in the room: 1, 2, 3 ... for the life of the room's epoch
    @ivar sender: the name of the member who said it
    @ivar text: what was said: one line, no newline
    @ivar at: when the log took it, milliseconds since the Unix epoch
    @ivar replay: whether it comes from the log
    """

    room: str
    seq: int
    sender: str = field(name="from")
    text: str
    at: int
    replay: bool = False


class Joined(Event, frozen=True, kw_only=True, tag="joined"):
    """
    What a member who has joined knows of the room.

    @ivar room: the room's name, as its first member wrote it
    @ivar name: the member's own name
    @ivar epoch: see L{Position}
    @ivar seq: the top of the log: the next new message has the next number
    @ivar count: members in the room, this one counted
    @ivar recovered: whether C{replay} has all that was missed; C{None} if that was not asked
    @ivar missed: how many messages came since the place that the member knew, if that can be told
    @ivar members: their names, where the member watches them and they are few enough
    @ivar topic: what the room is about, if anybody has said so
    @ivar locked: whether nobody else is let in
    @ivar replay: messages from the log, in order; behind them come the new ones, without a gap. On
        the wire they follow as events of their own
    @ivar id: the command's
    """

    room: str
    name: str
    epoch: str
    seq: int
    count: int
    recovered: bool | None = None
    missed: int | None = None
    members: tuple[str, ...] | None = None
    topic: str | None = None
    locked: bool = False
    replay: tuple[Message, ...] = ()
    id: str | None = None

    @property
    def position(self) -> Position:
        """
        The top of the log.
        """
        return Position(self.epoch, self.seq)


class Presence(Event, frozen=True, kw_only=True, tag="presence"):
    """
    Who came and went, in a while. A name that is in C{joined} may have been there already.

    @ivar joined: the names that are new; C{None} in a large room
    @ivar left: the names that have gone; C{None} in a large room
    @ivar count: members now
    """

    room: str
    joined: tuple[str, ...] | None = None
    left: tuple[str, ...] | None = None
    count: int


class RoomState(Event, frozen=True, kw_only=True, tag="room"):
    """
    What a moderator has changed about a room: how it is now.

    @ivar topic: what the room is about, if anybody has said so
    @ivar locked: whether nobody else is let in
    """

    room: str
    topic: str | None = None
    locked: bool = False


class Done(Event, frozen=True, kw_only=True, tag="done"):
    """
    The answer to a moderator's command: it has been done.
    """

    id: str | None = None


class Ack(Event, frozen=True, kw_only=True, tag="ack"):
    """
    The log has a message.

    @ivar id: the message's
    @ivar duplicate: whether it had been said before, and was not said again
    """

    id: str
    room: str
    seq: int
    duplicate: bool


class Welcome(Event, frozen=True, kw_only=True, tag="welcome"):
    """
    The answer to a hello.

    @ivar v: the version of the dialect
    @ivar server: what this is
    @ivar session: a secret with which the next connection takes over this one's names
    @ivar limits: what the client should keep to
    @ivar ping: how often the server asks whether the client is there, seconds
    """

    v: int
    server: str
    session: str
    limits: Allowed
    ping: int
    id: str | None = None


class Allowed(Struct, frozen=True, kw_only=True):
    """
    The limits that a client should know.

    @ivar line: the longest line or message it may send, bytes
    @ivar history: the most messages it can ask for at once
    @ivar rooms: the most rooms it can be in
    @ivar rate: the commands it may send in a second, as a mean; C{None} if that is not limited. Who
        sends more is read more slowly
    @ivar burst: how many it may send at once before that counts
    """

    line: int
    history: int
    rooms: int
    rate: float | None = None
    burst: int | None = None


class Left(Event, frozen=True, kw_only=True, tag="left"):
    """
    The member is not in the room any more.

    @ivar reason: who has removed it, in words; C{None}: this is the answer to a C{leave}
    """

    room: str
    reason: str | None = None
    id: str | None = None


class History(Event, frozen=True, kw_only=True, tag="history"):
    """
    The answer to a C{history}.

    @ivar seq: the top of the log
    @ivar messages: in order
    """

    room: str
    epoch: str
    seq: int
    messages: tuple[Message, ...]
    id: str | None = None


class Members(Event, frozen=True, kw_only=True, tag="members"):
    """
    The answer to a C{who}.

    @ivar count: members in the room
    @ivar members: their names, at most as many as a L{Joined} has
    """

    room: str
    count: int
    members: tuple[str, ...]
    id: str | None = None


class Sanctioned(Struct, frozen=True, kw_only=True):
    """
    An active mute or ban.

    @ivar kind: C{mute}, C{ban}, or C{address}: a ban of an address
    @ivar name: the name that was muted or banned; C{None}: an address that was banned by itself.
        Moderators are not shown addresses
    @ivar until: its end, Unix time in milliseconds
    @ivar by: the moderator; C{None}: the application or the operator
    """

    kind: str
    name: str | None
    until: int
    by: str | None


class SanctionList(Event, frozen=True, kw_only=True, tag="sanctions"):
    """
    The answer to a moderator's C{sanctions}.

    @ivar sanctions: in the order of their ends
    """

    room: str
    sanctions: tuple[Sanctioned, ...]
    id: str | None = None


class Expiring(Event, frozen=True, kw_only=True, tag="expiring"):
    """
    The client's credentials are about to expire: time for an C{auth}.

    @ivar seconds: after which the connection ends
    """

    seconds: float


class Authenticated(Event, frozen=True, kw_only=True, tag="authenticated"):
    """
    The answer to an C{auth}.

    @ivar seconds: for which these credentials are good; C{None} if they do not expire
    """

    seconds: float | None = None
    id: str | None = None


class Ping(Event, frozen=True, tag="ping"):
    """
    Is the client there? Anything it sends is an answer.
    """


class Pong(Event, frozen=True, kw_only=True, tag="pong"):
    """
    The answer to a C{ping}.
    """

    id: str | None = None


class Error(Event, frozen=True, kw_only=True, tag="error"):
    """
    A refusal: what was asked did not happen.

    @ivar code: see L{machat.errors}
    @ivar text: one line for a person
    @ivar id: the command's
    @ivar retry: the number of seconds after which to try again
    """

    code: str
    text: str
    id: str | None = None
    retry: float | None = None


class Bye(Event, frozen=True, kw_only=True, tag="bye"):
    """
    The connection ends: see L{machat.errors.Disconnect}.

    @ivar retry: seconds after which to come back
    """

    code: int
    reason: str
    reconnect: bool
    retry: float | None = None


#: What a server of the C{events} dialect says.
AnyEvent = (
    Message
    | Joined
    | Presence
    | RoomState
    | Done
    | Ack
    | Welcome
    | Left
    | History
    | Members
    | SanctionList
    | Expiring
    | Authenticated
    | Ping
    | Pong
    | Error
    | Bye
)
