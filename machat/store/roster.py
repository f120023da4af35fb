"""
The names in use in one room of one process.
"""

from __future__ import annotations

from itertools import islice

from twisted.internet.defer import Deferred, fail, succeed

from machat.errors import NAME_TAKEN, ROOM_FULL, ChatError
from machat.records import Claim, Claimed, Names


class Roster:
    """
    The claims of one room.
    """

    __slots__ = ("_claims", "_total")

    def __init__(self) -> None:
        self._claims: dict[str, tuple[Claim, ...]] = {}
        self._total = 0

    def __len__(self) -> int:
        """
        @return: the number of claims
        """
        return self._total

    def claim(self, room: str, claim: Claim, most: int) -> Claimed:
        """
        See L{machat.interfaces.IStoredRoom.claim}.

        @param room: the name of the room, for the text of a refusal
        @raise ChatError: C{name-taken}; C{room-full}
        """
        held = self._claims.get(claim.key)
        if held is not None and not (claim.known and held[0].known):
            raise ChatError(NAME_TAKEN, f'"{held[0].name}" is already in {room}')
        if self._total >= most:
            raise ChatError(ROOM_FULL, f"{room} has {most} members")
        self._claims[claim.key] = (claim,) if held is None else (*held, claim)
        self._total += 1
        return Claimed(held is None, len(self._claims))

    def release(self, claim: Claim) -> None:
        """
        End a claim, if it holds its name.
        """
        held = self._claims.get(claim.key, ())
        if claim in held:
            self._total -= 1
            if len(held) == 1:
                del self._claims[claim.key]
            else:
                self._claims[claim.key] = tuple([each for each in held if each is not claim])

    def names(self, limit: int) -> Names:
        """
        See L{machat.interfaces.IStoredRoom.members}.
        """
        return Names(
            len(self._claims), [held[0].name for held in islice(self._claims.values(), limit)]
        )


class RosterRoom:
    """
    The claims of an L{IStoredRoom<machat.interfaces.IStoredRoom>} that one process serves.

    @ivar name: the name of the room
    @ivar roster: its claims
    """

    __slots__ = ()

    name: str
    roster: Roster

    def claim(self, claim: Claim, most: int) -> Deferred[Claimed]:
        """
        See L{machat.interfaces.IStoredRoom}.
        """
        try:
            return succeed(self.claimNow(claim, most))
        except ChatError:
            return fail()

    def claimNow(self, claim: Claim, most: int) -> Claimed:
        """
        See L{machat.interfaces.IPromptRoom}.
        """
        return self.roster.claim(self.name, claim, most)

    def release(self, claim: Claim) -> None:
        """
        See L{machat.interfaces.IStoredRoom}.
        """
        self.roster.release(claim)

    def members(self, limit: int) -> Deferred[Names]:
        """
        See L{machat.interfaces.IStoredRoom}.
        """
        return succeed(self.roster.names(limit))

    def typing(self, name: str) -> None:
        """
        See L{machat.interfaces.IStoredRoom}.
        """
