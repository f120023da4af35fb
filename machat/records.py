"""
The values that a chat and its store exchange. All values are immutable.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from msgspec import Struct


class Claim(Struct, frozen=True, eq=False, gc=False):
    """
    A member's claim of a name in a room. Two claims are never equal.

    @ivar name: the name, as the member spells it
    @ivar key: the key of the name, see L{machat.names.key}
    @ivar known: whether the claim is from the authenticated user of this name, who may claim it
        several times
    @ivar secret: a hash of the secret of the client's connection; C{None} if it has none
    @ivar replaces: a hash of the secret that the client presented to take over an earlier
        connection; C{None} if it presented none. A store that several processes share gives the
        name to this claim at once if its holder has this C{secret}
    """

    name: str
    key: str
    known: bool = False
    secret: bytes | None = None
    replaces: bytes | None = None


#: Why a claim has ended: a connection with the secret of its client has taken its place.
TAKEN_OVER = "another connection has taken over the name"


class Holder(NamedTuple):
    """
    The properties of a connection that its claims of names contain, see
    L{Claim}. The two hashes are C{None} unless the names are shared.
    """

    known: bool
    secret: bytes | None = None
    replaces: bytes | None = None


class Claimed(Struct, frozen=True, gc=False):
    """
    The result of a claim.

    @ivar first: whether nobody else holds the name
    @ivar total: the number of names in the room, including this one
    """

    first: bool
    total: int


class Names(NamedTuple):
    """
    The names in a room.

    @ivar total: the number of names
    @ivar names: some or all of them, in the order of their claims
    """

    total: int
    names: Sequence[str]


class Change(Struct, frozen=True, gc=False, array_like=True, tag=True):
    """
    The base class of the changes to a room by its moderators. The notes about a user are changes of
    a room too, see L{machat.rooms.personal}.
    """


class Imposed(Change, frozen=True, gc=False, array_like=True, tag="impose"):
    """
    A mute, a ban or a note about a user begins, or gets a new end.

    @ivar kind: C{mute} or C{ban} of a name, or C{address}: the ban of a network; or a value of
        L{machat.rooms.personal.Note}
    @ivar target: the key of the name, or the network: see L{machat.addresses.networkOf}. The target
        of a note is the key of a room or of a name
    @ivar until: its end, Unix time
    @ivar name: the name that was muted or banned, as the moderator spelled it; C{None} if only an
        address was banned. Of a note, the name of its target
    @ivar by: the name of the moderator; C{None} is the application or the operator. Of a note, its
        value
    """

    kind: str
    target: str
    until: float
    name: str | None
    by: str | None


class Lifted(Change, frozen=True, gc=False, array_like=True, tag="lift"):
    """
    A mute, a ban or a note ends.

    @ivar kind: see L{Imposed}
    @ivar target: see L{Imposed}
    @ivar name: the name that was muted or banned; C{None} if it is not known
    """

    kind: str
    target: str
    name: str | None = None


class TopicSet(Change, frozen=True, gc=False, array_like=True, tag="topic"):
    """
    The topic changes.

    @ivar topic: the new topic; C{None} removes it
    """

    topic: str | None


class LockSet(Change, frozen=True, gc=False, array_like=True, tag="lock"):
    """
    The room is locked or unlocked. Stores do not keep a lock across a restart, and it ends when the
    last member has left the room.
    """

    locked: bool


class ListingSet(Change, frozen=True, gc=False, array_like=True, tag="list"):
    """
    The room is listed, or not listed any more.
    """

    listed: bool


class KeySet(Change, frozen=True, gc=False, array_like=True, tag="key"):
    """
    The key that members need to join changes.

    @ivar key: a hash of the new key, see L{machat.moderation.keys}; C{None} removes the key
    """

    key: str | None


class Kicked(Change, frozen=True, gc=False, array_like=True, tag="kick"):
    """
    The members of a name are removed from the room.

    @ivar key: the key of the name
    @ivar words: the moderator and the reason, as one line of text
    @ivar name: the name, as a member spells it; C{None} if it is not known
    """

    key: str
    words: str
    name: str | None = None


AnyChange = Imposed | Lifted | TopicSet | LockSet | ListingSet | KeySet | Kicked


class RoomRecord(NamedTuple):
    """
    The state of a room that moderators change.

    @ivar topic: the topic; C{None} if there is none
    @ivar locked: whether new members are refused
    @ivar sanctions: the mutes and bans. Ended ones may be among them
    @ivar listed: whether the list of rooms contains the room; C{None} if no moderator has decided
    @ivar key: a hash of the key that members need to join; C{None} if there is none
    """

    topic: str | None = None
    locked: bool = False
    sanctions: Sequence[Imposed] = ()
    listed: bool | None = None
    key: str | None = None


class Stored(Struct, frozen=True):
    """
    The result of storing a batch.

    @ivar numbers: the number of each message of the batch; for a duplicate, the number of the
        message that has been stored before
    @ivar duplicates: the indexes in the batch of the messages that were already stored, and
        therefore discarded
    @ivar refusals: for the index in the batch of each entry that was refused, the code of the
        error. Its number is 0
    """

    numbers: Sequence[int]
    duplicates: Container[int] = ()
    refusals: Mapping[int, str] = MappingProxyType({})


class Health(NamedTuple):
    """
    The condition of a store.

    @ivar up: whether the store accepts messages
    @ivar since: the time since which C{up} has had this value, seconds of the chat's clock
    @ivar waiting: the number of messages that wait to be stored
    @ivar reason: the fault and its remedy as one line of text, if the store is down
    """

    up: bool
    since: float
    waiting: int = 0
    reason: str = ""


class Size(NamedTuple):
    """
    The size of a store.

    @ivar bytes: the memory or the disk space of the messages, approximately
    """

    rooms: int
    messages: int
    bytes: int


class Quota(NamedTuple):
    """
    A number that several processes count together: see L{machat.interfaces.IQuotas}.

    @ivar kind: what is counted: a word
    @ivar key: whose it is, for example the key of a user's name
    @ivar entry: the id of an entry that ends by itself. An empty string is the share of the
        process, which ends with the process
    @ivar seconds: the time after which the entry ends
    @ivar tentative: whether the entry may turn out not to count
    """

    kind: str
    key: str
    entry: str = ""
    seconds: float = 0.0
    tentative: bool = False


class Taken(NamedTuple):
    """
    The result of L{machat.interfaces.IQuotas.take}.

    @ivar granted: whether the entry is stored
    @ivar others: the sum of all other entries
    @ivar tentative: the part of this sum that may turn out not to count
    @ivar wait: the time until the first of the entries ends that end by themselves, in seconds; 0
        if there is none
    """

    granted: bool
    others: int = 0
    tentative: int = 0
    wait: float = 0.0
