"""
The entries of a room: everything that a store numbers. These are messages, and their edits,
redactions and reactions.

Nearly all entries are messages of one line without other fields. They are instances of L{Message}
itself, which uses little memory; every other message is a L{RichMessage}. A L{Draft} is an entry
that the store has not numbered yet. Every draft other than one line of text is a L{RichDraft}.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Raw, Struct, field, json

#: The maximum number of lines of a message.
LINES = 100

#: The maximum size of the C{data} of a message as JSON, bytes; and the maximum nesting of its
#: arrays and objects.
DATA = 4_096
NESTING = 32

#: The maximum number of reactions to a message.
REACTIONS = 50

#: Stands for C{data} that a message does not have.
NO_JSON = Raw()


class Said(Struct, frozen=True, gc=False):
    """
    The content of a message.

    @ivar text: up to L{LINES} lines
    @ivar json: an object for programs, as JSON in one line; empty, if there is none
    @ivar reply: the number of the message that this one answers
    """

    text: str
    json: bytes = b""
    reply: int | None = None

    @property
    def data(self) -> dict[str, Any] | None:
        """
        The decoded object; C{None} if there is none.
        """
        return json.decode(self.json, type=dict[str, Any]) if self.json else None


class Edit(Struct, frozen=True, gc=False):
    """
    A new text for a message.

    @ivar target: the number of the message
    @ivar text: up to L{LINES} lines
    """

    target: int
    text: str


class Redact(Struct, frozen=True, gc=False):
    """
    The removal of the content of a message.

    @ivar target: the number of the message
    @ivar text: the reason: one line, which may be empty
    @ivar author: the sender of the message, if somebody else redacts it; else C{None}
    """

    target: int
    text: str = ""
    author: str | None = None


class React(Struct, frozen=True, gc=False):
    """
    A reaction to a message: one emoji from one name.

    @ivar target: the number of the message
    @ivar text: the emoji
    @ivar remove: whether the reaction is removed
    """

    target: int
    text: str
    remove: bool = False


Content = Said | Edit | Redact | React


class Draft(Struct, frozen=True, gc=False):
    """
    An entry that the store has not numbered yet. A draft of this class itself is a message of one
    line.

    @ivar text: the text of its content
    @ivar id: identifies the entry of this sender in this room; C{None} if it has no id
    """

    room: str
    sender: str
    text: str
    id: str | None = None


class RichDraft(Draft, frozen=True, gc=False):
    """
    Any other draft.

    @ivar content: its content
    """

    content: Content = Said("")


class Event(Struct, frozen=True, tag_field="type", omit_defaults=True):
    """
    The base class of everything that a member receives.
    """


class Message(Event, frozen=True, gc=False, tag="message"):
    """
    A message, the same for all members. A message of this class itself has one line, and no other
    fields.

    @ivar room: the room's name
    @ivar seq: its number in the room: 1, 2, 3 ...
    @ivar sender: the name of the sender
    @ivar text: the text: lines that are separated by newlines
    @ivar at: the time at which the store numbered it, in milliseconds since the Unix epoch
    @ivar replay: whether it is replayed from the store
    """

    room: str
    seq: int
    sender: str = field(name="from")
    text: str
    at: int
    replay: bool = False

    @property
    def data(self) -> dict[str, Any] | None:
        """
        An object for programs, decoded anew at each access; C{None} if there is none.
        """
        return None

    @property
    def reply(self) -> int | None:
        """
        The number of the message that this one answers.
        """
        return None

    @property
    def edited(self) -> bool:
        """
        Whether the text is not the original one.
        """
        return False

    @property
    def redacted(self) -> bool:
        """
        Whether the content was removed.
        """
        return False

    @property
    def reactions(self) -> dict[str, tuple[str, ...]] | None:
        """
        The names that have reacted, by emoji; C{None} if there are no reactions.
        """
        return None


class RichMessage(Message, frozen=True, gc=False, tag="message"):
    """
    A message with any of these fields, or with several lines.

    @ivar json: the object for programs, as JSON in one line
    """

    json: Raw = field(default=NO_JSON, name="data")
    reply: int | None = None
    edited: bool = False
    redacted: bool = False
    reactions: dict[str, tuple[str, ...]] | None = None

    @property
    def data(self) -> dict[str, Any] | None:
        """
        See L{Message}.
        """
        raw = bytes(self.json)
        return json.decode(raw, type=dict[str, Any]) if raw else None


class Revision(Event, frozen=True, kw_only=True, gc=False):
    """
    The base class of the entries that change a message.

    @ivar seq: the number of this entry
    @ivar target: the number of the message
    @ivar by: the user who changes it
    """

    room: str
    seq: int
    target: int
    by: str

    @property
    def sender(self) -> str:
        """
        The same as C{by}.
        """
        return self.by


class Edited(Revision, frozen=True, kw_only=True, gc=False, tag="edited"):
    """
    A message has a new text.

    @ivar text: the new text
    @ivar replaced: whether a later entry has replaced the text, so that C{text} is empty
    """

    text: str
    at: int
    replay: bool = False
    replaced: bool = False


class Redacted(Revision, frozen=True, kw_only=True, gc=False, tag="redacted"):
    """
    The text, the data and the reactions of a message were removed.

    @ivar author: the sender of the message, unless it is C{by}
    @ivar reason: one line; C{None}: none was given
    """

    author: str | None = field(default=None, name="from")
    reason: str | None = None
    at: int
    replay: bool = False

    @property
    def text(self) -> str:
        """
        The reason, or an empty string.
        """
        return self.reason or ""


class Reacted(Revision, frozen=True, kw_only=True, gc=False, tag="reacted"):
    """
    A reaction to a message was added or removed.

    @ivar emoji: one emoji
    @ivar remove: whether the reaction was removed
    """

    emoji: str
    remove: bool = False
    at: int
    replay: bool = False

    @property
    def text(self) -> str:
        """
        The same as C{emoji}.
        """
        return self.emoji


#: Everything that a store numbers. All entries have C{room}, C{seq}, C{sender}, C{text}, C{at} and
#: C{replay}.
Entry = Message | Edited | Redacted | Reacted

_PLAIN = frozenset([Message, Draft])


def arePlain(entries: Sequence[Entry | Draft]) -> bool:
    """
    @return: whether all of these are messages of one line without other fields
    """
    if len(entries) == 1:  # most batches of small rooms: saves a set
        return type(entries[0]) in _PLAIN
    return _PLAIN.issuperset(map(type, entries))


def extraOf(entry: Entry) -> int:
    """
    @return: the length of what an entry contains in addition to its text, characters or bytes
    """
    if not isinstance(entry, RichMessage):
        return 0
    size = len(bytes(entry.json))
    for emoji, names in (entry.reactions or {}).items():
        size += len(emoji) + sum(map(len, names))
    return size


def lengthOf(entry: Entry) -> int:
    """
    @return: the length of an entry, characters or bytes
    """
    if type(entry) is Message:
        return len(entry.text)
    return len(entry.text) + extraOf(entry)


def plainest(message: Message) -> Message:
    """
    @return: the message as an instance of L{Message} itself, if that is possible
    """
    if (
        type(message) is RichMessage
        and (message.json is NO_JSON or not bytes(message.json))
        and message.reply is None
        and not (message.edited or message.redacted or message.reactions)
        and "\n" not in message.text
    ):
        return Message(
            message.room, message.seq, message.sender, message.text, message.at, message.replay
        )
    return message


def entryOf(draft: Draft, room: str, seq: int, at: int) -> Entry:
    """
    @param room: the name of the room
    @param seq: the number of the entry
    @param at: see L{Message}
    @return: the entry for a draft
    """
    sender, text = draft.sender, draft.text
    if not isinstance(draft, RichDraft):
        return Message(room, seq, sender, text, at)
    match draft.content:
        case Said(_, json, reply):
            return RichMessage(
                room, seq, sender, text, at, json=Raw(json) if json else NO_JSON, reply=reply
            )
        case Edit(target):
            return Edited(room=room, seq=seq, target=target, by=sender, text=text, at=at)
        case Redact(target, _, author):
            return Redacted(
                room=room,
                seq=seq,
                target=target,
                by=sender,
                author=author,
                reason=text or None,
                at=at,
            )
        case React(target, _, remove):
            return Reacted(
                room=room, seq=seq, target=target, by=sender, emoji=text, remove=remove, at=at
            )
