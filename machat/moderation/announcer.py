"""
The announcement of an action in the room, and its line in the log.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from machat.interfaces import IChatMember
from machat.metrics import Metrics
from machat.moderation.actions import Action
from machat.records import Change
from machat.rooms.room import Room

#: The maximum number of addresses in one line of the log.
LISTED = 20


class Announcer:
    """
    Announces, counts and logs the actions of moderators.
    """

    _log = Logger()

    def __init__(
        self,
        metrics: Metrics,
        say: Callable[[Room, str | None, Sequence[Change]], Deferred[None]],
    ) -> None:
        """
        @param say: sends a message to a room as C{machat}, and stores changes. Returns a
            C{Deferred} that fires when they are stored
        """
        self._metrics = metrics
        self._say = say

    def announce(
        self, room: Room, action: Action, changes: Sequence[Change], targets: Sequence[str] = ()
    ) -> Deferred[None]:
        """
        Announce an action in the room, before its members are removed, and write it to the log.

        @param targets: the addresses concerned. Only the log contains them
        @return: fires when the changes are stored
        """
        self._metrics.moderations[action.kind] += 1
        self._log.info(
            "{by} ({peer}) {did} in {room}{targets}",
            by=action.who,
            peer="this process" if action.by is None else action.by.peer,
            did=action.did,
            room=room.name,
            targets="".join([f", {each}" for each in targets[:LISTED]]),
        )
        return self._say(room, action.words if len(room) else None, changes)


def peersOf(members: Collection[IChatMember]) -> list[str]:
    """
    @return: the addresses of members
    """
    return [member.peer for member in members]
