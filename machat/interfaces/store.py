"""
The store of a chat: the messages, their numbers and ids, the names in use, and what moderators have
changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from zope.interface import Attribute, Interface

from machat.entries import Entry
from machat.events import Draft, Position, Receipt
from machat.limits import Limits
from machat.records import (
    Change,
    Claim,
    Claimed,
    Health,
    Names,
    Quota,
    RoomRecord,
    Size,
    Stored,
    Taken,
)


class IRoomObserver(Interface):
    """
    A room, as its store sees it. The store calls it in the reactor's thread, from L{IStore.open}
    until L{IStoredRoom.close}. The methods do not raise.
    """

    def said(messages: Sequence[Entry], changes: Sequence[Change]) -> None:
        """
        Messages and changes are stored. Each is reported once, in the order of the room, whichever
        process appended it. The numbers of the messages continue at C{position.seq + 1}.

        @param messages: may be empty
        @param changes: take effect after the messages. If this process appended them, they are the
            same objects that it passed to C{append}
        """

    def moved(position: Position, complete: bool) -> None:
        """
        The room continues in another epoch. Its numbers never decrease while its members stay.

        @param position: the new position
        @param complete: whether no message that was reported was lost
        """

    def presence(joined: Sequence[str], left: Sequence[str]) -> None:
        """
        Names were claimed or released through other processes. The names of the claims that exist
        when the room is opened are reported as well.

        @param joined: names that were claimed for the first time
        @param left: names whose last claim was released
        """

    def typing(name: str) -> None:
        """
        Another process has called L{IStoredRoom.typing}.
        """

    def lost(claim: Claim, reason: str) -> None:
        """
        A claim of this process has ended without being released: another connection has taken the
        name over, or the process was out of touch with the store for too long.

        @param reason: L{TAKEN_OVER}, or another line of text
        """


class IStoredRoom(Interface):
    """
    An open room of a store. Unless a method documents something else, its C{Deferred} fails with
    L{ChatError} C{failed} within the store's time limit if the store is not available.
    """

    name: str = Attribute("The name of the room, in the spelling of its first member.")
    position: Position = Attribute("The epoch, and the number of the last stored message.")
    record: RoomRecord = Attribute("The topic, the lock and the sanctions.")

    def append(batch: Sequence[Draft], changes: Sequence[Change] = ()) -> Deferred[Stored]:
        """
        Number and store messages, then make changes, all or nothing. A message with an id is
        discarded if its sender has sent a message with this id in this room within the last
        L{Limits.remembered} seconds.

        The caller waits for the result before it appends again to this room. Messages and changes
        are reported through L{IRoomObserver.said} when they are stored, before or after the result.

        @param batch: the messages. May be empty if there are changes
        @return: fires when everything is stored; fails with L{NotStored} if nothing was stored, or
            with L{MaybeStored}. After L{MaybeStored}, the batch may still be reported
        """

    def read(after: int, limit: int) -> Deferred[Sequence[Entry]]:
        """
        Read stored messages.

        @return: fires with the first C{limit} stored messages whose number is above C{after}, in
            order
        """

    def covers(position: Position) -> bool:
        """
        @return: whether the room has lost no message up to this position, which may be in the
            current epoch or in an earlier one. A message that was deleted because of a limit is not
            lost
        """

    def find(sender: str, id: str) -> Deferred[Receipt | None]:
        """
        Look for a message by its id.

        @param sender: the sender's name, in any spelling
        @return: fires with the receipt of the stored message, as a duplicate; or with C{None}
        """

    def claim(claim: Claim, most: int) -> Deferred[Claimed]:
        """
        Claim a name in the room, until it is released.

        @param most: the maximum number of claims in this room
        @return: fires when the name is claimed; fails with L{ChatError} C{name-taken} or
            C{room-full}. If it fails for any reason, the name is not claimed, or is released as
            soon as the store is available
        """

    def release(claim: Claim) -> None:
        """
        End a claim, as soon as the store is available. Do nothing if the claim does not hold its
        name any more.
        """

    def members(limit: int) -> Deferred[Names]:
        """
        List the names in the room.

        @param limit: the maximum number of names
        """

    def typing(name: str) -> None:
        """
        Report to the other processes that use this room, if there are any, that a member is typing.
        Nothing is stored, and the report may be dropped.

        @param name: a name that this process has claimed
        """

    def close() -> None:
        """
        Report nothing more to the observer. Call it when all claims are released and no append is
        in progress. Everything that is stored remains, within the limits of the store.
        """


class IPromptRoom(IStoredRoom):
    """
    An open room of a store that stores at once, such as a store in memory. If the class of a room
    declares this interface, the chat calls C{appendNow} and C{claimNow} in place of C{append} and
    C{claim}. This saves a C{Deferred} for each batch and each join. A subclass that overrides
    C{append} or C{claim} has to override C{appendNow} or C{claimNow} too.
    """

    def appendNow(batch: Sequence[Draft], changes: Sequence[Change] = ()) -> Stored:
        """
        Do what C{append} does, see L{IStoredRoom.append}.

        @return: the result; everything is stored
        @raise NotStored: nothing was stored
        @raise MaybeStored: the batch may still be reported
        """

    def claimNow(claim: Claim, most: int) -> Claimed:
        """
        Do what C{claim} does, see L{IStoredRoom.claim}.

        @return: the result; the name is claimed
        @raise ChatError: C{name-taken} or C{room-full}. The name is not claimed
        """


class IQuotas(Interface):
    """
    Numbers that the processes of a chat count together, for limits that apply to all of them. A
    number is the sum of its entries. Each process has one entry, its share, and may add others.
    """

    def take(quota: Quota, count: int, most: int) -> Deferred[Taken]:
        """
        Set an entry, unless the sum of all entries would exceed a maximum. The previous value of
        the entry then remains. Calls take effect in their order.

        A share lasts until it is set again or the process ends. If the store has lost it, it is set
        again as soon as possible, to the value of the last call. Therefore, after a refusal, set
        the share to its actual value.

        @param count: the new value. 0 removes the entry and is never refused
        @return: fires with the result; fails with L{ChatError} C{failed} within a few seconds if
            the store is not available
        """


class IStore(Interface):
    """
    The store of one chat.
    """

    shared: bool = Attribute("Whether several processes may use the store at the same time.")
    quotas: IQuotas | None = Attribute(
        "The numbers that these processes count together; C{None} if each process counts its own."
    )

    def start() -> Deferred[None]:
        """
        Make the store usable. It may be started again after L{stop}.

        @return: fires when rooms can be opened. If it fails, the chat does not serve; the message
            of the exception is one line with the cause and the remedy
        """

    def stop() -> Deferred[None]:
        """
        @return: fires when everything that was appended is stored or has failed, and all claims are
            released
        """

    def health() -> Health:
        """
        @return: the current condition
        """

    def size() -> Size | None:
        """
        @return: the current size; C{None} if the store does not count it
        """

    def open(
        key: str, name: str, observer: IRoomObserver, network: str | None = None
    ) -> Deferred[IStoredRoom]:
        """
        Open a room. The store creates it if it does not exist. The chat does not call this while
        the store starts or stops.

        @param key: the key of the room, see L{machat.names.key}
        @param name: its name, as its first member spells it
        @param network: the network of that member, to which the store charges the memory of the
            room; C{None}: this machine
        @return: fires with the room, before its observer is called; fails with L{ChatError}
            C{failed} if the store is not available. The next call then tries again
        """


class IStoreFactory(Interface):
    """
    A kind of store for C{--store}. Provide it together with C{twisted.plugin.IPlugin}.
    """

    name: str = Attribute("The word before the colon.")
    argument: str = Attribute("The form of the argument, for example C{FILE[:option=value]}.")
    help: str = Attribute("A description: one or more lines of text.")
    shared: bool = Attribute("See L{IStore}.")
    defaults: Mapping[str, Any] = Attribute(
        "The defaults of L{Limits} that differ for this store, by their names."
    )

    def parse(argument: str, reactor: IReactorTime, limits: Limits) -> IStore:
        """
        @param argument: the text after the first colon
        @raise ValueError: the argument is not valid. Its message is one line for the operator
        """
