"""
The bodies of requests. The same declarations validate the requests and describe the API in OpenAPI.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from machat.commands import HOUR, Id, Span, Target
from machat.entries import DATA, LINES
from machat.events import Count
from machat.names import NAME_LENGTH, ROOM_LENGTH, ROOM_SIGNS, SIGNS

#: The maximum number of rooms in one broadcast.
ROOMS = 100


def _called(what: str, signs: str, longest: int) -> Meta:
    """
    @return: the description of a name in OpenAPI. The chat itself checks names, because Unicode
        adds rules that a pattern cannot express
    """
    others = rf"\p{{L}}\p{{Nd}}{re.escape(signs)}"
    characters = rf"^[{others}][\p{{M}}{others}]*$"
    return Meta(
        description=f"The name of a {what}: letters, marks, digits and the signs {signs}",
        extra_json_schema={"minLength": 1, "maxLength": longest, "pattern": characters},
    )


Room = Annotated[str, _called("room", ROOM_SIGNS, ROOM_LENGTH)]
Name = Annotated[str, _called("member", SIGNS, NAME_LENGTH)]
Text = Annotated[
    str, Meta(description=f"Up to {LINES} lines of text, separated by newlines", examples=["hello"])
]
Sender = Annotated[
    Name | None,
    Meta(description="The name of the sender. By default, the label of the key"),
]
Moderator = Annotated[
    Name | None,
    Meta(description="The name of the moderator. By default, the label of the key"),
]
MessageId = Annotated[
    Id | None,
    Meta(
        description="Identifies the message, so that a repeated request does not send it again:"
        " 1 to 64 printable ASCII characters"
    ),
]
Data = Annotated[
    dict[str, Any] | None,
    Meta(description=f"An object for programs, of up to {DATA} bytes of JSON"),
]
Reason = Annotated[str, Meta(description="One line of up to 300 characters")]
Seconds = Annotated[
    Span, Meta(description="The duration in seconds, at most 30 days. By default, an hour")
]


Reply = Annotated[
    Target | None, Meta(description="The number of the message that this one answers")
]
Changed = Annotated[Target, Meta(description="The number of the message that changes")]
ChangeId = Annotated[Id | None, Meta(description="Identifies the change, as that of a message")]
Emoji = Annotated[str, Meta(description="One emoji", examples=["\U0001f44d"])]
Removed = Annotated[bool, Meta(description="Whether the reaction is removed")]
WithAddresses = Annotated[
    bool, Meta(description="Whether to ban the addresses of its connections as well")
]
Validity = Annotated[
    int, Meta(ge=1, le=3600, description="The time for which the token is valid, seconds")
]


class Request(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    The base class of all requests. Unknown fields are refused, because a misspelled optional field
    would otherwise be ignored.
    """


class InRoom(Request, frozen=True, kw_only=True):
    """
    A request about one room.
    """

    room: Room


class Publish(InRoom, frozen=True, kw_only=True):
    """
    Send a message to a room.
    """

    text: Text
    sender: Sender = field(default=None, name="from")
    id: MessageId = None
    data: Data = None
    reply: Reply = None


class Edit(InRoom, frozen=True, kw_only=True):
    """
    Give a message a new text. The sender must be its author, for a limited time, unless the key has
    the right to moderate as well.
    """

    target: Changed
    text: Text
    sender: Sender = field(default=None, name="from")
    id: ChangeId = None


class Redact(InRoom, frozen=True, kw_only=True):
    """
    Remove the content of a message. The sender must be its author, for a limited time, unless the
    key has the right to moderate as well.
    """

    target: Changed
    reason: Reason = ""
    sender: Sender = field(default=None, name="from")
    id: ChangeId = None


class React(InRoom, frozen=True, kw_only=True):
    """
    Add a reaction to a message, or remove it. A reaction that exists already, or does not exist any
    more, is a duplicate.
    """

    target: Changed
    emoji: Emoji
    remove: Removed = False
    sender: Sender = field(default=None, name="from")
    id: ChangeId = None


class Broadcast(Request, frozen=True, kw_only=True):
    """
    Send a message to several rooms. Each room numbers it on its own.
    """

    rooms: Annotated[list[Room], Meta(min_length=1, max_length=ROOMS)]
    text: Text
    sender: Sender = field(default=None, name="from")
    id: MessageId = None
    data: Data = None


class ReadHistory(InRoom, frozen=True, kw_only=True):
    """
    Read stored messages: the first ones after C{after}, or the last ones before C{before}. With
    neither, the last ones.
    """

    before: Count | None = None
    after: Count | None = None
    limit: Count = 300


class Presence(InRoom, frozen=True, kw_only=True):
    """
    List the names in a room.
    """


class Rooms(Request, frozen=True, kw_only=True):
    """
    List the rooms that are open on this server.
    """


class Disconnect(Request, frozen=True, kw_only=True):
    """
    Close all connections of a name, to all servers with the same store. The clients do not
    reconnect by themselves.
    """

    name: Name


class ByModerator(InRoom, frozen=True, kw_only=True):
    """
    An action of a moderator.
    """

    moderator: Moderator = field(default=None, name="from")


class Kick(ByModerator, frozen=True, kw_only=True):
    """
    Remove a name from a room.
    """

    name: Name
    reason: Reason = ""


class Mute(ByModerator, frozen=True, kw_only=True):
    """
    Prevent a name from sending messages to a room.
    """

    name: Name
    seconds: Seconds = field(default=HOUR, name="for")
    reason: Reason = ""


class Unmute(ByModerator, frozen=True, kw_only=True):
    """
    End a mute.
    """

    name: Name


class Ban(ByModerator, frozen=True, kw_only=True):
    """
    Prevent a name from joining a room, and remove it if it is present.
    """

    name: Name
    seconds: Seconds = field(default=HOUR, name="for")
    reason: Reason = ""
    address: WithAddresses = False


class Unban(ByModerator, frozen=True, kw_only=True):
    """
    End a ban, including the addresses that were banned with it.
    """

    name: Name


class Lock(ByModerator, frozen=True, kw_only=True):
    """
    Close a room to new members.
    """

    reason: Reason = ""


class Unlock(ByModerator, frozen=True, kw_only=True):
    """
    Open a locked room to new members.
    """


class Topic(ByModerator, frozen=True, kw_only=True):
    """
    Set the topic of a room. An empty text removes it.
    """

    text: Reason


class ReadSanctions(InRoom, frozen=True, kw_only=True):
    """
    List the active mutes and bans of a room.
    """


class MakeToken(InRoom, frozen=True, kw_only=True):
    """
    Make a token with which a page can open the event stream of one room.
    """

    seconds: Validity = field(default=60, name="for")
