"""
The actions of moderators: kick, mute and ban members, lock a room, set its topic.

C{machat} announces each action in the room, in a message that is numbered and stored like any
other, and the operator's log has a line for it. There is no announcement in an empty room.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from twisted.logger import Logger

from machat import names
from machat.addresses import networkOfHost
from machat.commands import HOUR
from machat.connections.registry import Connections
from machat.errors import BAD_COMMAND, NOT_ALLOWED, NOT_JOINED, ChatError
from machat.events import RoomState
from machat.interfaces import IChatMember
from machat.metrics import Metrics
from machat.moderation.actions import Action, line, span
from machat.moderation.policy import barriers, mayModerate
from machat.moderation.sanctions import Active, Kind, Sanctions, Target
from machat.rooms.registry import Rooms
from machat.rooms.room import Room

#: The maximum number of addresses in one line of the log.
LISTED = 20


class Moderation:
    """
    The actions of moderators in the rooms of one chat.

    In each method, C{by} is the member who acts; C{None} is the application. The methods do not
    check whether C{by} may moderate the room. C{seconds} is the duration, at most 30 days.
    C{reason} is one line of up to 300 characters. All methods raise L{ChatError} C{bad-room},
    C{bad-name} and C{bad-command} for invalid arguments, and the codes that they document.
    """

    _log = Logger()

    def __init__(
        self,
        rooms: Rooms,
        connections: Connections,
        sanctions: Sanctions,
        metrics: Metrics,
        say: Callable[[Room, str], object],
    ) -> None:
        """
        @param say: sends a message to a room as C{machat}
        """
        self._rooms = rooms
        self._connections = connections
        self._sanctions = sanctions
        self._metrics = metrics
        self._say = say

    def kick(
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
        self._announce(room.name, action, _peers(members))
        self._remove(room, members, action)

    def mute(
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
        room = self._rooms.get(names.checkRoom(roomName))
        members = room.named(name) if room is not None else []
        _requireNoModerator(room, members)
        self._sanctions.impose(
            names.key(roomName), {(Kind.MUTE, names.key(name))}, name, seconds, _nameOf(by)
        )
        if room is not None:
            room.muted = True
        self._announce(roomName, action, _peers(members))

    def unmute(self, roomName: str, name: str, by: IChatMember | None = None) -> None:
        """
        End the mute of a name.

        @raise ChatError: C{bad-command}: the name is not muted
        """
        action = Action("unmute", by, f"unmuted {names.checkName(name)}")
        self._lift(roomName, name, [Kind.MUTE], action)

    def ban(
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
        self._ban(roomName, name, {(Kind.BAN, names.key(name))}, seconds, action)

    def banAddressOf(
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
        self._ban(roomName, name, {*targets, (Kind.BAN, names.key(name))}, seconds, action)

    def banAddress(
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
        self._ban(roomName, None, {(Kind.ADDRESS, network)}, seconds, action)

    def unban(self, roomName: str, name: str, by: IChatMember | None = None) -> None:
        """
        End the ban of a name, and of the addresses that were banned with it.

        @param name: a name, or for the application also an address. A moderator can end the ban of
            an address only by the name that was banned with it. Otherwise a moderator could find
            out addresses by guessing
        @raise ChatError: C{bad-command}: there is no such ban
        """
        network = networkOfHost(name) if by is None else None
        if network is None:
            action = Action("unban", by, f"unbanned {names.checkName(name)}")
            self._lift(roomName, name, (Kind.BAN, Kind.ADDRESS), action)
        else:
            lifted = self._sanctions.liftNetwork(names.key(names.checkRoom(roomName)), network)
            self._lifted(roomName, lifted, Action("unban", by, "unbanned an address"))

    def sanctions(self, roomName: str | None = None) -> list[Active]:
        """
        Return the mutes and bans that are currently active.

        @param roomName: C{None} for all rooms
        """
        key = None if roomName is None else names.key(names.checkRoom(roomName))
        return list(self._sanctions.active(key))

    def lock(self, roomName: str, by: IChatMember | None = None, reason: str = "") -> None:
        """
        Admit only moderators to a room, until L{unlock} or until its last member leaves.

        @raise ChatError: C{not-joined}: the room is empty
        """
        self._setLocked(roomName, True, Action("lock", by, "locked the room", line(reason)))

    def unlock(self, roomName: str, by: IChatMember | None = None) -> None:
        """
        Undo L{lock}.

        @raise ChatError: C{not-joined}: the room is empty
        """
        self._setLocked(roomName, False, Action("unlock", by, "unlocked the room"))

    def setTopic(self, roomName: str, text: str, by: IChatMember | None = None) -> None:
        """
        Set the topic of a room. It is removed when the last member leaves.

        @param text: one line of up to 300 characters; an empty one removes the topic
        @raise ChatError: C{not-joined}: the room is empty
        """
        room, topic = self._occupied(roomName), line(text) or None
        if room.topic != topic:
            room.topic = topic
            did = "removed the topic" if topic is None else "set the topic"
            self._announce(roomName, Action("topic", by, did, topic or ""))
            _publishState(room)

    def _setLocked(self, roomName: str, locked: bool, action: Action) -> None:
        room = self._occupied(roomName)
        if room.locked is not locked:
            room.locked = locked
            self._announce(roomName, action)
            _publishState(room)

    def _occupied(self, roomName: str) -> Room:
        room = self._rooms.get(names.checkRoom(roomName))
        if room is None or not len(room):
            raise ChatError(NOT_JOINED, "nobody is in that room")
        return room

    def _lift(self, roomName: str, name: str, kinds: Collection[Kind], action: Action) -> None:
        key = names.key(names.checkRoom(roomName))
        self._lifted(roomName, self._sanctions.lift(key, kinds, name), action)

    def _lifted(self, roomName: str, lifted: bool, action: Action) -> None:
        if not lifted:
            raise ChatError(BAD_COMMAND, "there is no such mute or ban")
        self._announce(roomName, action)

    def _ban(
        self,
        roomName: str,
        name: str | None,
        targets: Collection[Target],
        seconds: float,
        action: Action,
    ) -> None:
        room = self._rooms.get(names.checkRoom(roomName))
        named = room.named(name) if room is not None and name is not None else ()
        _requireNoModerator(room, named)
        self._sanctions.impose(names.key(roomName), targets, name, seconds, _nameOf(action.by))
        banned = self._banned(room, targets) if room is not None else []
        networks = [target for kind, target in targets if kind is Kind.ADDRESS]
        self._announce(roomName, action, [*networks, *_peers(banned)])
        if room is not None:
            self._remove(room, banned, action)

    def _banned(self, room: Room, targets: Collection[Target]) -> list[IChatMember]:
        return [
            member
            for member in list(room.members)
            if not mayModerate(member, room.name)
            and not {*targets}.isdisjoint(
                barriers(room.members[member], self._connections.networkOf(member))
            )
        ]

    def _announce(self, roomName: str, action: Action, targets: Sequence[str] = ()) -> None:
        """
        Announce an action in the room, before its members are removed, and write it to the log.

        @param targets: the addresses concerned. Only the log contains them
        """
        self._metrics.moderations[action.kind] += 1
        self._log.info(
            "{by} ({peer}) {did} in {room}{targets}",
            by=action.who,
            peer=_peer(action.by),
            did=action.did,
            room=roomName,
            targets="".join([f", {each}" for each in targets[:LISTED]]),
        )
        room = self._rooms.get(roomName)
        if room is not None and len(room):
            self._say(room, action.words)

    def _remove(self, room: Room, members: Sequence[IChatMember], action: Action) -> None:
        for member in members:
            if member not in room:
                continue  # a callback of the application has removed it already
            self._rooms.leave(member, room.name)
            try:
                member.removed(room.name, action.words)
            except Exception:
                self._log.failure(
                    "removed() of a member of {room} raised an exception", room=room.name
                )


def _publishState(room: Room) -> None:
    """
    Send the topic and the lock of a room to its members.
    """
    room.announce(RoomState(room=room.name, topic=room.topic, locked=room.locked))


def _present(room: Room, name: str) -> list[IChatMember]:
    members = room.named(name)
    if not members:
        raise ChatError(NOT_JOINED, "nobody with that name is in that room")
    return members


def _requireNoModerator(room: Room | None, members: Collection[IChatMember]) -> None:
    if room is not None and any(mayModerate(member, room.name) for member in members):
        raise ChatError(NOT_ALLOWED, "that member is a moderator of the room")


def _nameOf(member: IChatMember | None) -> str | None:
    return None if member is None else member.name


def _peer(member: IChatMember | None) -> str:
    return "this process" if member is None else member.peer


def _peers(members: Collection[IChatMember]) -> list[str]:
    return [_peer(member) for member in members]
