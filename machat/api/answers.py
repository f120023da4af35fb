"""
The bodies of answers. The same declarations encode the answers and describe the API in OpenAPI.
"""

from __future__ import annotations

from msgspec import Struct

from machat.events import Count, Message, Sanctioned


class Published(Struct, frozen=True, kw_only=True):
    """
    The message, or the change, is stored.

    @ivar duplicate: whether it had already been stored before
    """

    epoch: str
    seq: Count
    duplicate: bool


class Error(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    A refusal.

    @ivar code: see L{machat.errors}
    @ivar message: one line for a person
    @ivar retry: the number of seconds after which to try again, if known
    """

    code: str
    message: str
    retry: float | None = None


class Refused(Struct, frozen=True, kw_only=True):
    """
    The answer to a request that was refused.
    """

    error: Error


class Outcome(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    The result of a broadcast in one room: either C{error}, or the other fields as in L{Published}.
    """

    room: str
    epoch: str | None = None
    seq: Count | None = None
    duplicate: bool | None = None
    error: Error | None = None


class Broadcasted(Struct, frozen=True, kw_only=True):
    """
    The result of a broadcast, in the order of the request.
    """

    responses: list[Outcome]


class History(Struct, frozen=True, kw_only=True):
    """
    Stored messages.

    @ivar seq: the number of the last message of the room
    """

    room: str
    epoch: str
    seq: Count
    messages: list[Message]


class Present(Struct, frozen=True, kw_only=True):
    """
    The names in a room.

    @ivar count: the number of names; not all of them may be listed
    """

    room: str
    count: Count
    members: list[str]


class OpenRoom(Struct, frozen=True, kw_only=True):
    """
    A room that is open.

    @ivar names: the number of names in it
    @ivar seq: the number of its last message
    """

    room: str
    names: Count
    seq: Count


class OpenRooms(Struct, frozen=True, kw_only=True):
    """
    The largest open rooms for which the key has the right.

    @ivar count: the number of all such rooms
    """

    count: Count
    rooms: list[OpenRoom]


class Disconnected(Struct, frozen=True, kw_only=True):
    """
    The connections of a name were closed.

    @ivar connections: the number of connections to this process that were closed
    """

    connections: Count


class Done(Struct, frozen=True, kw_only=True):
    """
    The action was executed and stored.
    """


class Sanctions(Struct, frozen=True, kw_only=True):
    """
    The active mutes and bans of a room, ordered by their end.
    """

    room: str
    sanctions: list[Sanctioned]


class Token(Struct, frozen=True, kw_only=True):
    """
    A token for the event stream.

    @ivar expires: the end of its validity, Unix time
    """

    token: str
    expires: Count
