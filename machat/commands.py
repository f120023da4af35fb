"""
What a client of the C{events} dialect says: a hello, then commands. All are immutable, and checked
when they are decoded.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

from machat.events import Count, Position

#: Comes back in the answer: 1 to 64 printable ASCII characters.
Id = Annotated[str, Meta(pattern=r"^[ -~]{1,64}\Z")]

#: For how long something is done, seconds: an hour where it is not said, at most 30 days.
HOUR = 3_600
LONGEST = 720 * HOUR
Span = Annotated[int, Meta(ge=1, le=LONGEST)]


class Hello(Struct, frozen=True):
    """
    The first thing a client says.

    @ivar v: the version of the C{events} dialect, or C{None} for the C{text} dialect
    @ivar room: the room to join at once; the C{text} dialect has to have one
    @ivar password: the user's, where credentials are asked for
    @ivar token: in place of a password
    @ivar session: the secret of an earlier connection, whose names are taken over
    @ivar since: see L{Join}
    @ivar history: see L{Join}
    @ivar presence: whether to tell who comes and goes
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
    id: Id | None = None


class Command(Struct, frozen=True, kw_only=True, tag_field="type"):
    """
    Anything behind the hello.
    """

    id: Id | None = None


class Join(Command, frozen=True, kw_only=True, tag="join"):
    """
    Join a room.

    @ivar since: the place up to which its messages are known: what came after it is replayed
    @ivar history: how many of the last messages to replay, where C{since} is not given
    """

    room: str
    since: Position | None = None
    history: Count = 0


class Say(Command, frozen=True, kw_only=True, tag="say"):
    """
    Say something. With an C{id} it is acknowledged, and said once however often it comes.

    @ivar room: may be left out in exactly one room
    """

    text: str
    room: str | None = None


class Leave(Command, frozen=True, kw_only=True, tag="leave"):
    """
    Leave a room.
    """

    room: str


class History(Command, frozen=True, kw_only=True, tag="history"):
    """
    Ask for kept messages: the first behind C{after}, else the last before C{before}, else the last.
    """

    room: str
    before: Count | None = None
    after: Count | None = None
    limit: Count = 300


class Who(Command, frozen=True, kw_only=True, tag="who"):
    """
    Ask who is in a room.
    """

    room: str


class Kick(Command, frozen=True, kw_only=True, tag="kick"):
    """
    Take a name out of a room. This command and all down to L{ListSanctions} are for moderators.

    @ivar room: may be left out in exactly one room, as in all of them
    @ivar reason: one line, as in all of them
    """

    name: str
    room: str | None = None
    reason: str = ""


class Mute(Command, frozen=True, kw_only=True, tag="mute"):
    """
    Let a name not speak in a room.
    """

    name: str
    room: str | None = None
    seconds: Span = field(default=HOUR, name="for")
    reason: str = ""


class Unmute(Command, frozen=True, kw_only=True, tag="unmute"):
    """
    Let it speak again.
    """

    name: str
    room: str | None = None


class Ban(Command, frozen=True, kw_only=True, tag="ban"):
    """
    Let a name not come into a room, and have who bears it leave.

    @ivar address: whether to ban all who come from where the name is now
    """

    name: str
    room: str | None = None
    seconds: Span = field(default=HOUR, name="for")
    reason: str = ""
    address: bool = False


class Unban(Command, frozen=True, kw_only=True, tag="unban"):
    """
    Let it in again, and the addresses that were banned with it.
    """

    name: str
    room: str | None = None


class Lock(Command, frozen=True, kw_only=True, tag="lock"):
    """
    Let nobody else into a room.
    """

    room: str | None = None
    reason: str = ""


class Unlock(Command, frozen=True, kw_only=True, tag="unlock"):
    """
    Let others in again.
    """

    room: str | None = None


class Topic(Command, frozen=True, kw_only=True, tag="topic"):
    """
    Say what a room is about.

    @ivar text: one line; an empty one takes the topic away
    """

    text: str
    room: str | None = None


class ListSanctions(Command, frozen=True, kw_only=True, tag="sanctions"):
    """
    Ask for the active mutes and bans of a room.
    """

    room: str | None = None


class Ping(Command, frozen=True, kw_only=True, tag="ping"):
    """
    Ask for a L{machat.events.Pong}.
    """


class Pong(Command, frozen=True, kw_only=True, tag="pong"):
    """
    Answer a L{machat.events.Ping}. Anything else answers it as well.
    """


class Auth(Command, frozen=True, kw_only=True, tag="auth"):
    """
    Show credentials again, before those shown so far expire.
    """

    password: str | None = None
    token: str | None = None


#: What a client of the C{events} dialect says after its hello.
AnyCommand = (
    Join
    | Say
    | Leave
    | History
    | Who
    | Kick
    | Mute
    | Unmute
    | Ban
    | Unban
    | Lock
    | Unlock
    | Topic
    | ListSanctions
    | Ping
    | Pong
    | Auth
)
