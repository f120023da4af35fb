"""
The events that a chat sends to its members. All values are immutable.

The C{events} dialect sends each event as a JSON object with these fields; C{sender} is called
C{from} on the wire. Members inside the process receive the Python objects. The C{text} dialect
sends only messages, edits, redactions, errors, the loss of messages, and the reason for a
disconnect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct, field

from machat.entries import (
    Draft as Draft,
)
from machat.entries import (
    Edited as Edited,
)
from machat.entries import (
    Entry as Entry,
)
from machat.entries import (
    Event as Event,
)
from machat.entries import (
    Message as Message,
)
from machat.entries import (
    Reacted as Reacted,
)
from machat.entries import (
    Redacted as Redacted,
)
from machat.entries import (
    RichMessage as RichMessage,
)

#: A message number, or a number of messages. Every JSON implementation represents these integers
#: exactly (RFC 7493 section 2.2).
Count = Annotated[int, Meta(ge=0, le=2**53)]


if TYPE_CHECKING:
    Messages = tuple[Message, ...]
else:
    Messages = tuple[RichMessage, ...]  # the decoder accepts all fields


class Position(Struct, frozen=True, gc=False):
    """
    A position in the messages of a room.

    @ivar epoch: in one epoch, each number belongs to one message; in a new one, numbers may be used
        again
    @ivar seq: the number of the last message; 0 before the first one
    """

    epoch: Annotated[str, Meta(max_length=64)]
    seq: Count


class Receipt(Struct, frozen=True, gc=False):
    """
    Confirmation that a message, an edit, a redaction or a reaction is stored.

    @ivar room: the room's name
    @ivar seq: its number
    @ivar duplicate: whether a message with the same id had already been stored, so that this one
        was discarded
    """

    room: str
    seq: int
    duplicate: bool = False


class Joined(Event, frozen=True, kw_only=True, tag="joined"):
    """
    The state of a room that the member has joined.

    @ivar room: the room's name, as spelled by the member who created it
    @ivar name: the member's own name
    @ivar epoch: see L{Position}
    @ivar seq: the number of the last message; the next new message has the next number
    @ivar count: the number of members in the room, including this one
    @ivar recovered: whether C{replay} contains all missed messages; C{None} if the member did not
        ask for recovery
    @ivar missed: the number of messages since the position that the member gave; C{None} if unknown
    @ivar members: the names of the members, if this member watches presence and the room is small
        enough
    @ivar topic: the room's topic; C{None} if it has none
    @ivar locked: whether the room is closed to new members
    @ivar moderator: whether the member may moderate the room
    @ivar read: how far the user has read the room, on this or another connection; C{None} if that
        is not known
    @ivar replay: entries from the store, in order. New ones follow without a gap. On the wire, each
        replayed entry is a separate event after this one
    @ivar scanned: the number of entries that the server has read to find the last messages. It is
        not on the wire
    @ivar id: the id of the command
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
    moderator: bool = False
    read: int | None = None
    replay: tuple[Entry, ...] = ()
    scanned: int = 0
    id: str | None = None

    @property
    def position(self) -> Position:
        """
        The position of the last message.
        """
        return Position(self.epoch, self.seq)


class Presence(Event, frozen=True, kw_only=True, tag="presence"):
    """
    The names that joined and left since the last update. A name in C{joined} may already have been
    present.

    @ivar joined: the names that joined; C{None} in a large room
    @ivar left: the names that left; C{None} in a large room
    @ivar count: the current number of members
    """

    room: str
    joined: tuple[str, ...] | None = None
    left: tuple[str, ...] | None = None
    count: int


class RoomState(Event, frozen=True, kw_only=True, tag="room"):
    """
    The new state of a room after a moderator has changed it.

    @ivar topic: the room's topic; C{None} if it has none
    @ivar locked: whether the room is closed to new members
    """

    room: str
    topic: str | None = None
    locked: bool = False


class Moved(Event, frozen=True, kw_only=True, tag="moved"):
    """
    The room has a new epoch, while the member is in the room. The next message has the number
    C{seq} + 1 in that epoch.

    @ivar epoch: the new epoch, see L{Position}
    @ivar seq: the number of the last message
    @ivar lost: whether messages that were delivered earlier are no longer stored
    """

    room: str
    epoch: str
    seq: int
    lost: bool

    @property
    def position(self) -> Position:
        """
        The position of the last message.
        """
        return Position(self.epoch, self.seq)


class Done(Event, frozen=True, kw_only=True, tag="done"):
    """
    The answer to a moderator's command, a C{block} or an C{unblock} that has been executed.
    """

    id: str | None = None


class Ack(Event, frozen=True, kw_only=True, tag="ack"):
    """
    Confirmation that a message, an edit, a redaction or a reaction is stored.

    @ivar id: its id
    @ivar duplicate: whether a message with the same id had already been stored, so that this one
        was discarded
    """

    id: str
    room: str
    seq: int
    duplicate: bool


class Welcome(Event, frozen=True, kw_only=True, tag="welcome"):
    """
    The answer to a hello.

    @ivar v: the version of the dialect
    @ivar server: the name of the server's software
    @ivar session: a secret. A later connection that presents it takes over this connection's names
    @ivar limits: the limits that apply to the client
    @ivar ping: the interval between the server's keepalive pings, in seconds
    """

    v: int
    server: str
    session: str
    limits: Allowed
    ping: int
    id: str | None = None


class Allowed(Struct, frozen=True, kw_only=True):
    """
    The limits that a client needs to know.

    @ivar line: the maximum length of a line or message, in bytes
    @ivar history: the maximum number of messages in one request
    @ivar rooms: the maximum number of rooms
    @ivar rate: the average number of commands per second; C{None} if there is no limit. The server
        reads more slowly from a client that sends more
    @ivar burst: the number of commands that the client may send at once before C{rate} applies
    @ivar edit: the time for which the author of a message may edit and redact it, seconds; C{None}
        from a server that does not state it
    """

    line: int
    history: int
    rooms: int
    rate: float | None = None
    burst: int | None = None
    edit: float | None = None


class Typing(Event, frozen=True, kw_only=True, tag="typing"):
    """
    A member of a room is typing. This is not stored.

    @ivar sender: its name
    """

    room: str
    sender: str = field(name="from")


class Left(Event, frozen=True, kw_only=True, tag="left"):
    """
    The member is no longer in the room.

    @ivar reason: why it was removed, including the moderator's name; C{None} if this is the answer
        to a C{leave}
    """

    room: str
    reason: str | None = None
    id: str | None = None


class History(Event, frozen=True, kw_only=True, tag="history"):
    """
    The answer to a C{history}.

    @ivar seq: the number of the last message
    @ivar messages: the messages in order, in their current state
    @ivar searched: after a search, the number up to which the messages were searched. A search
        backwards has reached the first message if this is at most 1, a search forwards the last
        message if this is at least C{seq}; otherwise continue it there. C{None}: not a search
    @ivar scanned: the number of entries that the server has read to find the messages. It is not on
        the wire
    """

    room: str
    epoch: str
    seq: int
    messages: Messages
    searched: int | None = None
    scanned: int = 0
    id: str | None = None


class Members(Event, frozen=True, kw_only=True, tag="members"):
    """
    The answer to a C{who}.

    @ivar count: the number of members in the room
    @ivar members: their names, at most L{machat.limits.Limits.listed}
    """

    room: str
    count: int
    members: tuple[str, ...]
    id: str | None = None


class Sanctioned(Struct, frozen=True, kw_only=True):
    """
    An active mute or ban.

    @ivar kind: C{mute}, C{ban}, or C{address} for the ban of an address
    @ivar name: the name that is muted or banned; C{None} if an address was banned without a name.
        Addresses are not shown to moderators
    @ivar until: its end, in milliseconds since the Unix epoch
    @ivar by: the name of the moderator; C{None} for the application or the operator
    """

    kind: str
    name: str | None
    until: int
    by: str | None


class SanctionList(Event, frozen=True, kw_only=True, tag="sanctions"):
    """
    The answer to a moderator's C{sanctions}.

    @ivar sanctions: the sanctions, ordered by their end
    """

    room: str
    sanctions: tuple[Sanctioned, ...]
    id: str | None = None


class ListedRoom(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    A room of the list of rooms.

    @ivar name: its name
    @ivar topic: its topic, if it has one
    @ivar count: the number of members
    @ivar key: whether a client needs a key to join
    """

    name: str
    count: int
    topic: str | None = None
    key: bool = False


class RoomList(Event, frozen=True, kw_only=True, tag="rooms"):
    """
    The answer to a C{rooms}: listed rooms that have members.

    @ivar rooms: the rooms, in the order of their names without regard to case
    @ivar more: whether more rooms follow
    """

    rooms: tuple[ListedRoom, ...]
    more: bool
    id: str | None = None


class Conversations(Event, frozen=True, kw_only=True, tag="conversations"):
    """
    The direct conversations and the blocked names of the user: after the welcome, if there are any,
    and again if another connection of the user has changed the blocks.

    @ivar rooms: the names of the rooms; those that have begun, or missed their user, last are first
    @ivar blocked: the names whose direct messages the user refuses
    """

    rooms: tuple[str, ...]
    blocked: tuple[str, ...] = ()


class ReadMark(Event, frozen=True, kw_only=True, tag="read"):
    """
    The user has read a room up to a message. The answer to a C{read}, and a report about another
    connection of the same user.

    @ivar seq: the number of the message
    """

    room: str
    seq: int
    id: str | None = None


class Expiring(Event, frozen=True, kw_only=True, tag="expiring"):
    """
    The client's credentials expire soon: the client should send an C{auth}.

    @ivar seconds: the time until the connection is closed
    """

    seconds: float


class Authenticated(Event, frozen=True, kw_only=True, tag="authenticated"):
    """
    The answer to an C{auth}.

    @ivar seconds: the time until these credentials expire; C{None} if they do not expire
    """

    seconds: float | None = None
    id: str | None = None


class Ping(Event, frozen=True, tag="ping"):
    """
    A keepalive request. The client may answer it with a C{pong} or with any other command.
    """


class Pong(Event, frozen=True, kw_only=True, tag="pong"):
    """
    The answer to a C{ping}.

    @ivar at: the server's time, in milliseconds since the Unix epoch, if the client requested
        details
    @ivar address: the client's address and port, as the server sees them, if the client requested
        details
    """

    at: int | None = None
    address: str | None = None
    id: str | None = None


class Error(Event, frozen=True, kw_only=True, tag="error"):
    """
    A refusal: the requested action did not happen. With the code C{unknown} it may have happened.

    @ivar code: see L{machat.errors}
    @ivar text: one line for a person
    @ivar id: the id of the refused command
    @ivar retry: the number of seconds after which the client may try again, if known
    """

    code: str
    text: str
    id: str | None = None
    retry: float | None = None


class Bye(Event, frozen=True, kw_only=True, tag="bye"):
    """
    The server closes the connection: see L{machat.errors.Disconnect}.

    @ivar retry: the number of seconds after which to reconnect
    """

    code: int
    reason: str
    reconnect: bool
    retry: float | None = None


#: All events of the C{events} dialect.
AnyEvent = (
    RichMessage
    | Edited
    | Redacted
    | Reacted
    | Joined
    | Presence
    | RoomState
    | Moved
    | Done
    | Ack
    | Welcome
    | Typing
    | Left
    | History
    | Members
    | SanctionList
    | RoomList
    | Conversations
    | ReadMark
    | Expiring
    | Authenticated
    | Ping
    | Pong
    | Error
    | Bye
)
