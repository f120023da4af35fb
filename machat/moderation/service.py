"""
The actions of moderators: kick, mute and ban members, lock a room, set its topic.

C{machat} announces each action in the room, in a message that is numbered and stored like any
other, and the operator's log has a line for it. There is no announcement in an empty room.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from machat import names
from machat.addresses import networkOfHost
from machat.commands import HOUR
from machat.connections.registry import Connections
from machat.errors import BAD_COMMAND, NOT_ALLOWED, NOT_JOINED, ChatError
from machat.interfaces import IChatMember
from machat.moderation.actions import Action, line, span
from machat.moderation.announcer import Announcer, peersOf
from machat.moderation.deferring import deferred
from machat.moderation.effects import Effects
from machat.moderation.keys import hashOf
from machat.moderation.policy import mayModerate
from machat.moderation.sanctions import Active, Kind, Sanctions, Target
from machat.moderation.unstored import isStored, lift, liftNetwork
from machat.records import Change, KeySet, Kicked, ListingSet, LockSet, TopicSet
from machat.rooms.directory import Directory
from machat.rooms.room import Room


class Moderation:
    """
    The actions of moderators in the rooms of one chat.

    In each action, C{by} is the member who acts; C{None} is the application. The actions do not
    check whether C{by} may moderate the room. C{seconds} is the duration, at most 30 days.
    C{reason} is one line of up to 300 characters.

    An action takes effect at once on this process. Its C{Deferred} fires when it is stored, so that
    it lasts, and other processes see it. It fails with L{ChatError} C{bad-room}, C{bad-name} and
    C{bad-command} for invalid arguments; with the codes that the action documents; or with
    C{failed} or C{unknown} if the action was not stored, or possibly not. It can be repeated then.

    @ivar accounts: whether the chat has users
    """

    accounts = False

    def __init__(
        self,
        directory: Directory,
        connections: Connections,
        sanctions: Sanctions,
        effects: Effects,
        announcer: Announcer,
    ) -> None:
        self._directory = directory
        self._connections = connections
        self._sanctions = sanctions
        self._effects = effects
        self._announce = announcer.announce

    @deferred
    async def kick(
        self, roomName: str, name: str, by: IChatMember | None = None, reason: str = ""
    ) -> None:
        """
        Remove all members of this name from a room. They may join again.

        @raise ChatError: C{not-joined}: nobody in the room has this name; C{not-allowed}: a
            moderator of the room has it, and C{by} is a member
        """
        action = Action("kick", by, f"kicked {names.checkName(name)}", line(reason))
        room = self._occupied(roomName)
        members = _present(room, name)
        if by is not None:
            _requireNoModerator(room, members)
        spelled = room.members[members[0]].name
        change = Kicked(names.key(name), action.words, spelled)
        storing = self._announce(room, action, [change], peersOf(members))
        self._effects.remove(room, members, action.words)
        await storing

    @deferred
    async def mute(
        self,
        roomName: str,
        name: str,
        seconds: float = HOUR,
        by: IChatMember | None = None,
        reason: str = "",
    ) -> None:
        """
        Prevent this name from sending messages to a room, whether it is present or not.

        @raise ChatError: C{not-allowed}: a moderator of the room has this name, or there are too
            many sanctions
        """
        action = Action(
            "mute", by, f"muted {names.checkName(name)} for {span(seconds)}", line(reason)
        )
        async with self._directory.visit(roomName) as room:
            members = room.occupants.named(name)
            _requireNoModerator(room, members)
            targets = {(Kind.MUTE, names.key(name))}
            changes = self._sanctions.impose(room.key, targets, name, seconds, action.name)
            room.muted = True
            await self._announce(room, action, changes, peersOf(members))

    @deferred
    async def unmute(self, roomName: str, name: str, by: IChatMember | None = None) -> None:
        """
        End the mute of a name.

        @raise ChatError: C{bad-command}: the name is not muted
        """
        action = Action("unmute", by, f"unmuted {names.checkName(name)}")
        async with self._directory.visit(roomName) as room:
            await self._lifted(room, lift(self._sanctions, room, [Kind.MUTE], name), action)

    @deferred
    async def ban(
        self,
        roomName: str,
        name: str,
        seconds: float = HOUR,
        by: IChatMember | None = None,
        reason: str = "",
    ) -> None:
        """
        Prevent this name from joining a room, and remove the members with this name from the room.

        @raise ChatError: C{not-allowed}: a moderator of the room has this name, or there are too
            many sanctions
        """
        action = Action(
            "ban", by, f"banned {names.checkName(name)} for {span(seconds)}", line(reason)
        )
        await self._ban(roomName, name, {(Kind.BAN, names.key(name))}, seconds, action)

    @deferred
    async def banAddressOf(
        self,
        roomName: str,
        name: str,
        seconds: float = HOUR,
        by: IChatMember | None = None,
        reason: str = "",
    ) -> None:
        """
        L{ban} a name and the addresses of its members: for IPv4 the address, for IPv6 its /64.
        Moderators of the room are exempt from the bans of addresses.

        @raise ChatError: C{not-joined}: nobody in the room has this name; C{not-allowed}: as for
            L{ban}, or all of its members are on this machine
        """
        did = f"banned {names.checkName(name)} and its address for {span(seconds)}"
        action = Action("ban", by, did, line(reason))
        members = _present(self._occupied(roomName), name)
        found = {self._connections.networkOf(member) for member in members}
        targets = {(Kind.ADDRESS, network) for network in found if network is not None}
        if not targets:
            raise ChatError(NOT_ALLOWED, "that name has no address that can be banned")
        targets.add((Kind.BAN, names.key(name)))
        await self._ban(roomName, name, targets, seconds, action)

    @deferred
    async def banAddress(
        self,
        roomName: str,
        address: str,
        seconds: float = HOUR,
        by: IChatMember | None = None,
        reason: str = "",
    ) -> None:
        """
        Ban an address: for IPv4 the address, for IPv6 its /64. Moderators of the room are exempt.
        The announcement in the room does not contain the address.

        @raise ChatError: C{bad-command}: it is not an address, or is one of this machine;
            C{not-allowed}: there are too many sanctions
        """
        network = networkOfHost(address)
        if network is None:
            raise ChatError(BAD_COMMAND, "that address cannot be banned")
        action = Action("ban", by, f"banned an address for {span(seconds)}", line(reason))
        await self._ban(roomName, None, {(Kind.ADDRESS, network)}, seconds, action)

    @deferred
    async def unban(self, roomName: str, name: str, by: IChatMember | None = None) -> None:
        """
        End the ban of a name, and of the addresses that were banned with it.

        @param name: a name, or for the application also an address. A moderator can end the ban of
            an address only by the name that was banned with it. Otherwise a moderator could find
            out addresses by guessing
        @raise ChatError: C{bad-command}: there is no such ban
        """
        network = networkOfHost(name) if by is None else None
        did = "unbanned an address" if network else f"unbanned {names.checkName(name)}"
        async with self._directory.visit(roomName) as room:
            if network is None:
                lifted = lift(self._sanctions, room, (Kind.BAN, Kind.ADDRESS), name)
            else:
                lifted = liftNetwork(self._sanctions, room, network)
            await self._lifted(room, lifted, Action("unban", by, did))

    def sanctions(self, roomName: str | None = None) -> list[Active]:
        """
        Return the mutes and bans that are currently active in the rooms that this process has
        opened.

        @param roomName: C{None} for all rooms
        """
        key = None if roomName is None else names.key(names.checkRoom(roomName))
        return list(self._sanctions.active(key))

    @deferred
    async def lock(self, roomName: str, by: IChatMember | None = None, reason: str = "") -> None:
        """
        Admit only moderators to a room, until L{unlock} or until its last member leaves.

        @raise ChatError: C{not-joined}: the room is empty
        """
        await self._setLocked(roomName, True, Action("lock", by, "locked the room", line(reason)))

    @deferred
    async def unlock(self, roomName: str, by: IChatMember | None = None) -> None:
        """
        Undo L{lock}.

        @raise ChatError: C{not-joined}: the room is empty
        """
        await self._setLocked(roomName, False, Action("unlock", by, "unlocked the room"))

    @deferred
    async def setTopic(self, roomName: str, text: str, by: IChatMember | None = None) -> None:
        """
        Set the topic of a room. It lasts as long as the store keeps the room.

        @param text: one line of up to 300 characters; an empty one removes the topic
        @raise ChatError: C{not-joined}: the room is empty
        """
        room, topic = self._occupied(roomName), line(text) or None
        if room.topic != topic or not isStored(room, TopicSet(topic)):
            did = "removed the topic" if topic is None else "set the topic"
            action = Action("topic", by, did, topic or "")
            storing = self._announce(room, action, [TopicSet(topic)])
            self._effects.setTopic(room, topic)
            await storing

    @deferred
    async def setListed(self, roomName: str, listed: bool, by: IChatMember | None = None) -> None:
        """
        Add a room to the list of rooms, or remove it. That lasts as long as the store keeps the
        room.

        @raise ChatError: C{not-joined}: the room is empty
        """
        room, change = self._occupied(roomName), ListingSet(listed)
        if room.listed is not listed or not isStored(room, change):
            did = "listed the room" if listed else "removed the room from the list"
            storing = self._announce(room, Action("list", by, did), [change])
            self._effects.setListed(room, listed)
            await storing

    @deferred
    async def setKey(self, roomName: str, key: str | None, by: IChatMember | None = None) -> None:
        """
        Set the key that new members need to join a room. It lasts as long as the store keeps the
        room.

        @param key: 1 to 128 characters; C{None} removes the key
        @raise ChatError: C{not-joined}: the room is empty
        """
        room, change = self._occupied(roomName), KeySet(None if key is None else hashOf(key))
        if key is not None or room.password is not None or not isStored(room, change):
            did = "removed the key" if key is None else "set a key"
            storing = self._announce(room, Action("key", by, did), [change])
            room.password = change.key
            await storing

    def maySetKey(self, member: IChatMember, roomName: str) -> bool:
        """
        @return: whether a member may set the key of a room: a moderator may, and without accounts
            the member that has created the room
        """
        if mayModerate(member, roomName):
            return True
        room = self._directory.get(roomName)
        return room is not None and room.founder is member and not self.accounts

    async def _setLocked(self, roomName: str, locked: bool, action: Action) -> None:
        room = self._occupied(roomName)
        if room.locked is not locked or not isStored(room, LockSet(locked)):
            storing = self._announce(room, action, [LockSet(locked)])
            self._effects.setLocked(room, locked)
            await storing

    def _occupied(self, roomName: str) -> Room:
        room = self._directory.get(names.checkRoom(roomName))
        if room is None or not (room.members or room.listeners):
            raise ChatError(NOT_JOINED, "nobody is in that room")
        return room

    async def _lifted(self, room: Room, lifted: Sequence[Change], action: Action) -> None:
        if not lifted:
            raise ChatError(BAD_COMMAND, "there is no such mute or ban")
        await self._announce(room, action, lifted)

    async def _ban(
        self,
        roomName: str,
        name: str | None,
        targets: Collection[Target],
        seconds: float,
        action: Action,
    ) -> None:
        async with self._directory.visit(roomName) as room:
            _requireNoModerator(room, room.occupants.named(name) if name is not None else ())
            by = action.name
            changes = self._sanctions.impose(room.key, targets, name, seconds, by)
            banned = self._effects.banned(room, targets)
            networks = [target for kind, target in targets if kind is Kind.ADDRESS]
            storing = self._announce(room, action, changes, [*networks, *peersOf(banned)])
            self._effects.remove(room, banned, action.words)
            await storing


def _present(room: Room, name: str) -> Sequence[IChatMember]:
    members = room.occupants.named(name)
    if not members:
        raise ChatError(NOT_JOINED, "nobody with that name is in that room")
    return members


def _requireNoModerator(room: Room, members: Collection[IChatMember]) -> None:
    if any(mayModerate(member, room.name) for member in members):
        raise ChatError(NOT_ALLOWED, "that member is a moderator of the room")
