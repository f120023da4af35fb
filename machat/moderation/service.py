"""
What moderators do: take members out of a room, keep them from speaking or from coming back, lock
the room, say what it is about.

Each change is said in the room by C{machat}, so that it is numbered and kept like all that is said
there, and has a line in the operator's log. Where nobody is in the room, nobody is told.
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
from machat.moderation.actions import Act, line, span
from machat.moderation.policy import barriers, mayModerate
from machat.moderation.sanctions import Active, Kind, Sanctions, Target
from machat.rooms.registry import Rooms
from machat.rooms.room import Room

#: The most peers that one line of the log names.
LISTED = 20


class Moderation:
    """
    What can be done about a room of one chat.

    In each method C{room} is a room's name, C{by} the member who does it, whom nobody checks here
    (C{None} is the application itself), C{seconds} how long it lasts, at most 30 days, and
    C{reason} one line of up to 300 characters. All raise L{ChatError}: C{bad-room},
    C{bad-name}, C{bad-command} for what cannot be, and what they say besides.
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
        @param say: says something in a room as C{machat}
        """
        self._rooms = rooms
        self._connections = connections
        self._sanctions = sanctions
        self._metrics = metrics
        self._say = say

    def kick(self, room: str, name: str, by: IChatMember | None = None, reason: str = "") -> None:
        """
        Have all of this name leave a room. They may come back.

        @raise ChatError: C{not-joined}: nobody there has this name; C{not-allowed}: it is a
            moderator's, and C{by} is a member
        """
        act = Act("kick", by, f"kicked {names.checkName(name)}", line(reason))
        heard = self._peopled(room)
        members = _present(heard, name)
        if by is not None:
            _requireNoModerator(heard, members)
        self._tell(heard.name, act, _peers(members))
        self._remove(heard, members, act)

    def mute(
        self,
        room: str,
        name: str,
        seconds: float = HOUR,
        by: IChatMember | None = None,
        reason: str = "",
    ) -> None:
        """
        Let nobody of this name speak in a room, whether it is there or not.

        @raise ChatError: C{not-allowed}: it is a moderator's, or there are too many already
        """
        act = Act("mute", by, f"muted {names.checkName(name)} for {span(seconds)}", line(reason))
        heard = self._rooms.get(names.checkRoom(room))
        members = heard.named(name) if heard is not None else []
        _requireNoModerator(heard, members)
        self._sanctions.impose(
            names.key(room), {(Kind.MUTE, names.key(name))}, name, seconds, _nameOf(by)
        )
        if heard is not None:
            heard.muted = True
        self._tell(room, act, _peers(members))

    def unmute(self, room: str, name: str, by: IChatMember | None = None) -> None:
        """
        Let a muted name speak again.
        """
        act = Act("unmute", by, f"unmuted {names.checkName(name)}")
        self._lift(room, name, [Kind.MUTE], act)

    def ban(
        self,
        room: str,
        name: str,
        seconds: float = HOUR,
        by: IChatMember | None = None,
        reason: str = "",
    ) -> None:
        """
        Let nobody of this name into a room, and have those leave who are in it.

        @raise ChatError: C{not-allowed}: it is a moderator's, or there are too many already
        """
        act = Act("ban", by, f"banned {names.checkName(name)} for {span(seconds)}", line(reason))
        self._ban(room, name, {(Kind.BAN, names.key(name))}, seconds, act)

    def banAddressOf(
        self,
        room: str,
        name: str,
        seconds: float = HOUR,
        by: IChatMember | None = None,
        reason: str = "",
    ) -> None:
        """
        L{ban} a name, and everybody else who comes from where it is now: from the same IPv4 address
        or /64 of IPv6. Moderators are spared.

        @raise ChatError: C{not-joined}: nobody there has this name; C{not-allowed} besides: it is
            on this machine
        """
        did = f"banned {names.checkName(name)} and its address for {span(seconds)}"
        act = Act("ban", by, did, line(reason))
        members = _present(self._peopled(room), name)
        found = {self._connections.networkOf(member) for member in members}
        targets = {(Kind.ADDRESS, network) for network in found if network is not None}
        if not targets:
            raise ChatError(NOT_ALLOWED, "it has no address that could be banned")
        self._ban(room, name, {*targets, (Kind.BAN, names.key(name))}, seconds, act)

    def banAddress(
        self,
        room: str,
        address: str,
        seconds: float = HOUR,
        by: IChatMember | None = None,
        reason: str = "",
    ) -> None:
        """
        Ban everybody who comes from an address: of IPv6, from its /64. Moderators are spared. The
        room is not told which address.

        @raise ChatError: C{bad-command} besides: it is none, or this machine's own; C{not-allowed}:
            there are too many already
        """
        network = networkOfHost(address)
        if network is None:
            raise ChatError(BAD_COMMAND, "that is no address that could be banned")
        act = Act("ban", by, f"banned an address for {span(seconds)}", line(reason))
        self._ban(room, None, {(Kind.ADDRESS, network)}, seconds, act)

    def unban(self, room: str, name: str, by: IChatMember | None = None) -> None:
        """
        Lift the ban of a name, and of the addresses that were banned with it.

        @param name: without C{by} it may also be an address. A moderator can lift the ban of an
            address only by the name with which it was banned: so a guess reveals nothing
        @raise ChatError: C{bad-command}: there is no such ban
        """
        network = networkOfHost(name) if by is None else None
        if network is None:
            act = Act("unban", by, f"unbanned {names.checkName(name)}")
            self._lift(room, name, (Kind.BAN, Kind.ADDRESS), act)
        else:
            lifted = self._sanctions.liftNetwork(names.key(names.checkRoom(room)), network)
            self._lifted(room, lifted, Act("unban", by, "unbanned an address"))

    def sanctions(self, room: str | None = None) -> list[Active]:
        """
        List the mutes and bans that have not ended.

        @param room: a room's name, or C{None} for all rooms
        """
        return list(
            self._sanctions.active(None if room is None else names.key(names.checkRoom(room)))
        )

    def lock(self, room: str, by: IChatMember | None = None, reason: str = "") -> None:
        """
        Let nobody else in but who may moderate the room, until L{unlock} or until all have left.

        @raise ChatError: C{not-joined}: nobody is there
        """
        self._setLocked(room, True, Act("lock", by, "locked the room", line(reason)))

    def unlock(self, room: str, by: IChatMember | None = None) -> None:
        """
        Undo L{lock}.

        @raise ChatError: C{not-joined}: nobody is there
        """
        self._setLocked(room, False, Act("unlock", by, "unlocked the room"))

    def setTopic(self, room: str, topic: str, by: IChatMember | None = None) -> None:
        """
        Say what a room is about, until all have left.

        @param topic: one line of up to 300 characters; an empty one takes it away
        @raise ChatError: C{not-joined}: nobody is there
        """
        heard, new = self._peopled(room), line(topic) or None
        if heard.topic != new:
            heard.topic = new
            did = "took the topic away" if new is None else "set the topic"
            self._tell(room, Act("topic", by, did, new or ""))
            self._announce(heard)

    def _setLocked(self, room: str, locked: bool, act: Act) -> None:
        heard = self._peopled(room)
        if heard.locked is not locked:
            heard.locked = locked
            self._tell(room, act)
            self._announce(heard)

    def _announce(self, room: Room) -> None:
        room.announce(RoomState(room=room.name, topic=room.topic, locked=room.locked))

    def _peopled(self, name: str) -> Room:
        room = self._rooms.get(names.checkRoom(name))
        if room is None or not len(room):
            raise ChatError(NOT_JOINED, "nobody is in that room")
        return room

    def _lift(self, room: str, name: str, kinds: Collection[Kind], act: Act) -> None:
        self._lifted(room, self._sanctions.lift(names.key(names.checkRoom(room)), kinds, name), act)

    def _lifted(self, room: str, lifted: bool, act: Act) -> None:
        if not lifted:
            raise ChatError(BAD_COMMAND, "there is no such mute or ban")
        self._tell(room, act)

    def _ban(
        self, room: str, name: str | None, targets: Collection[Target], seconds: float, act: Act
    ) -> None:
        heard = self._rooms.get(names.checkRoom(room))
        named = heard.named(name) if heard is not None and name is not None else ()
        _requireNoModerator(heard, named)
        self._sanctions.impose(names.key(room), targets, name, seconds, _nameOf(act.by))
        banned = self._banned(heard, targets) if heard is not None else []
        networks = [target for kind, target in targets if kind is Kind.ADDRESS]
        self._tell(room, act, [*networks, *_peers(banned)])
        if heard is not None:
            self._remove(heard, banned, act)

    def _banned(self, room: Room, targets: Collection[Target]) -> list[IChatMember]:
        return [
            member
            for member in room.members()
            if not mayModerate(member, room.name)
            and not {*targets}.isdisjoint(
                barriers(room.nameOf(member), self._connections.networkOf(member))
            )
        ]

    def _tell(self, name: str, act: Act, whom: Sequence[str] = ()) -> None:
        """
        Say it in the room, while all are there, and in the operator's log, who moreover reads from
        where.
        """
        self._metrics.moderations[act.kind] += 1
        self._log.info(
            "{by} ({peer}) {did} in {room}{whom}",
            by=act.who,
            peer=_peer(act.by),
            did=act.did,
            room=name,
            whom="".join([f", {each}" for each in whom[:LISTED]]),
        )
        room = self._rooms.get(name)
        if room is not None and len(room):
            self._say(room, act.words)

    def _remove(self, room: Room, members: Sequence[IChatMember], act: Act) -> None:
        for member in members:
            if member not in room:
                continue  # a callback of the application was faster
            self._rooms.leave(member, room.name)
            try:
                member.removed(room.name, act.words)
            except Exception:
                self._log.failure("a member of {room} did not take its end", room=room.name)


def _present(room: Room, name: str) -> list[IChatMember]:
    members = room.named(name)
    if not members:
        raise ChatError(NOT_JOINED, "nobody of that name is in that room")
    return members


def _requireNoModerator(room: Room | None, members: Collection[IChatMember]) -> None:
    if room is not None and any(mayModerate(member, room.name) for member in members):
        raise ChatError(NOT_ALLOWED, "that is a moderator of the room")


def _nameOf(member: IChatMember | None) -> str | None:
    return None if member is None else member.name


def _peer(member: IChatMember | None) -> str:
    return "this process" if member is None else member.peer


def _peers(members: Collection[IChatMember]) -> list[str]:
    return [_peer(member) for member in members]
