"""
The hello and the commands of a client in the C{events} dialect. All values are immutable and are
validated when they are decoded.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Raw, Struct, field

from machat.entries import NO_JSON
from machat.events import Count, Position

#: A command id, repeated in the answer: 1 to 64 printable ASCII characters.
Id = Annotated[str, Meta(pattern=r"^[ -~]{1,64}\Z")]

#: The duration of a mute or ban in seconds: an hour by default, at most 30 days.
HOUR = 3_600
LONGEST = 720 * HOUR
Span = Annotated[int, Meta(ge=1, le=LONGEST)]


#: The number of a message.
Target = Annotated[int, Meta(ge=1, le=2**53)]


#: The words of a search.
Words = Annotated[str, Meta(min_length=1, max_length=256)]


class Hello(Struct, frozen=True):
    """
    The first object that a client sends.

    @ivar v: the version of the C{events} dialect; C{None} selects the C{text} dialect
    @ivar room: the room to join immediately; required in the C{text} dialect
    @ivar password: the user's password, if the server requires authentication
    @ivar token: a token, instead of a password
    @ivar session: the secret of an earlier connection whose names this one takes over
    @ivar since: see L{Join}
    @ivar history: see L{Join}
    @ivar presence: whether the client wants presence updates
    @ivar key: see L{Join}
    """

    name: str
    room: str | None = None
    v: int | None = None
    session: str | None = None
    since: Position | None = None
    history: Count = 0
    presence: bool = True
    password: str | None = None
    token: str | None = None
    key: str | None = None
    id: Id | None = None


class Command(Struct, frozen=True, kw_only=True, tag_field="type"):
    """
    The base class of everything that a client sends after the hello.
    """

    id: Id | None = None


class Join(Command, frozen=True, kw_only=True, tag="join"):
    """
    Join a room.

    @ivar since: the position of the last message that the client has received. The server replays
        the messages after it
    @ivar history: the number of recent messages to replay, if C{since} is not given
    @ivar key: the key of the room, if it has one
    """

    room: str
    since: Position | None = None
    history: Count = 0
    key: str | None = None


class Say(Command, frozen=True, kw_only=True, tag="say"):
    """
    Send a message. A message with an C{id} is acknowledged and deduplicated: it is stored once,
    however often the client sends it.

    @ivar text: up to L{machat.entries.LINES} lines; may be empty
    @ivar room: may be omitted by a client that is in exactly one room
    @ivar to: the name of a user, instead of C{room}: the message belongs to the direct conversation
        with this user, which the client joins
    @ivar data: an object for programs
    @ivar reply: the number of an earlier message of the room
    """

    text: str
    room: str | None = None
    data: Raw = NO_JSON
    reply: Target | None = None
    to: str | None = None


class Edit(Command, frozen=True, kw_only=True, tag="edit"):
    """
    Give a message a new text. The author may do so for a limited time; moderators at any time. This
    command, L{Redact} and L{React} are numbered, acknowledged and deduplicated as L{Say} is.
    """

    target: Target
    text: str
    room: str | None = None


class Redact(Command, frozen=True, kw_only=True, tag="redact"):
    """
    Remove the content of a message. The same members may do so as for L{Edit}.

    @ivar reason: one line
    """

    target: Target
    reason: str = ""
    room: str | None = None


class React(Command, frozen=True, kw_only=True, tag="react"):
    """
    Add a reaction to a message, or remove it.

    @ivar emoji: one emoji
    """

    target: Target
    emoji: str
    remove: bool = False
    room: str | None = None


class Typing(Command, frozen=True, kw_only=True, tag="typing"):
    """
    Report that the client's user is typing. Send it at most every three seconds.
    """

    room: str | None = None


class Leave(Command, frozen=True, kw_only=True, tag="leave"):
    """
    Leave a room.
    """

    room: str


class History(Command, frozen=True, kw_only=True, tag="history"):
    """
    Request stored messages: the first ones after C{after}, or the last ones before C{before}. With
    neither, the last ones.

    @ivar text: one or more words. Only messages whose text contains all of them are returned, see
        L{machat.interfaces.IChatRoom.search}
    """

    room: str
    before: Count | None = None
    after: Count | None = None
    limit: Count = 300
    text: Words | None = None


class Who(Command, frozen=True, kw_only=True, tag="who"):
    """
    Request the members of a room.
    """

    room: str


class Block(Command, frozen=True, kw_only=True, tag="block"):
    """
    Refuse direct messages from a user.
    """

    name: str


class Unblock(Command, frozen=True, kw_only=True, tag="unblock"):
    """
    Accept direct messages from a user again.
    """

    name: str


class Read(Command, frozen=True, kw_only=True, tag="read"):
    """
    Note how far the user has read a room.

    @ivar seq: the number of the last message that was read
    """

    seq: Count
    room: str | None = None


class ListRooms(Command, frozen=True, kw_only=True, tag="rooms"):
    """
    Request a part of the list of rooms.

    @ivar prefix: the beginning of the names
    @ivar after: the rooms follow the one with this name
    @ivar limit: the maximum number of rooms
    """

    prefix: str = ""
    after: str = ""
    limit: Annotated[int, Meta(ge=1, le=100)] = 100


class Kick(Command, frozen=True, kw_only=True, tag="kick"):
    """
    Remove a name from a room. This command and those that follow, up to L{ListSanctions}, require
    the right to moderate.

    @ivar room: may be omitted by a client that is in exactly one room, in all of these commands
    @ivar reason: one line, in all of these commands
    """

    name: str
    room: str | None = None
    reason: str = ""


class Mute(Command, frozen=True, kw_only=True, tag="mute"):
    """
    Prevent a name from sending messages to a room.
    """

    name: str
    room: str | None = None
    seconds: Span = field(default=HOUR, name="for")
    reason: str = ""


class Unmute(Command, frozen=True, kw_only=True, tag="unmute"):
    """
    End a mute.
    """

    name: str
    room: str | None = None


class Ban(Command, frozen=True, kw_only=True, tag="ban"):
    """
    Prevent a name from joining a room, and remove it if it is present.

    @ivar address: whether to ban the addresses of the name's current connections as well
    """

    name: str
    room: str | None = None
    seconds: Span = field(default=HOUR, name="for")
    reason: str = ""
    address: bool = False


class Unban(Command, frozen=True, kw_only=True, tag="unban"):
    """
    End a ban, including the addresses that were banned with it.
    """

    name: str
    room: str | None = None


class Lock(Command, frozen=True, kw_only=True, tag="lock"):
    """
    Close a room to new members.
    """

    room: str | None = None
    reason: str = ""


class Unlock(Command, frozen=True, kw_only=True, tag="unlock"):
    """
    Open a locked room to new members.
    """

    room: str | None = None


class Topic(Command, frozen=True, kw_only=True, tag="topic"):
    """
    Set the topic of a room.

    @ivar text: one line; an empty one removes the topic
    """

    text: str
    room: str | None = None


class ListRoom(Command, frozen=True, kw_only=True, tag="list"):
    """
    Add a room to the list of rooms, or remove it.
    """

    listed: bool
    room: str | None = None


class SetKey(Command, frozen=True, kw_only=True, tag="key"):
    """
    Set the key that new members need to join a room. On a server without accounts, the member that
    created the room may use it too.

    @ivar key: 1 to 128 characters; C{None} removes the key
    """

    key: str | None
    room: str | None = None


class ListSanctions(Command, frozen=True, kw_only=True, tag="sanctions"):
    """
    Request the active mutes and bans of a room.
    """

    room: str | None = None


class Ping(Command, frozen=True, kw_only=True, tag="ping"):
    """
    Request a L{machat.events.Pong}.

    @ivar details: whether the answer contains the server's time and the client's address
    """

    details: bool = False


class Pong(Command, frozen=True, kw_only=True, tag="pong"):
    """
    Answer a L{machat.events.Ping}. Any other command is an answer as well.
    """


class Auth(Command, frozen=True, kw_only=True, tag="auth"):
    """
    Present new credentials before the current ones expire.
    """

    password: str | None = None
    token: str | None = None


#: All commands that a client of the C{events} dialect may send after its hello.
AnyCommand = (
    Join
    | Say
    | Edit
    | Redact
    | React
    | Typing
    | Leave
    | History
    | Who
    | Block
    | Unblock
    | Read
    | ListRooms
    | Kick
    | Mute
    | Unmute
    | Ban
    | Unban
    | Lock
    | Unlock
    | Topic
    | ListRoom
    | SetKey
    | ListSanctions
    | Ping
    | Pong
    | Auth
)
