"""
The claims in one room, and those of this process among them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred

from machat.errors import NAME_TAKEN, ROOM_FULL, ChatError
from machat.interfaces import IRoomObserver
from machat.records import TAKEN_OVER, Claim, Claimed
from machat.store.redis.frames import Steps
from machat.store.redis.stream import Page
from machat.store.redis.view import Difference, View

OUT_OF_TOUCH = "the server was out of touch with the store, and another member has the name"


class Claims:
    """
    Reports names of other processes, and lost claims of this process, to the observer of the room.

    @ivar view: all claims
    @ivar registered: the node and the life of the engine under which the claims were made
    """

    def __init__(
        self,
        observer: IRoomObserver,
        isOwn: Callable[[str], bool],
        release: Callable[[str, str], object],
    ) -> None:
        """
        @param isOwn: whether a claim, by its id, belongs to this process
        @param release: releases a claim in the engine, by its id and the key of its name
        """
        self._observer = observer
        self._isOwn = isOwn
        self._release = release
        self.view = View(isOwn)
        self._held: dict[str, Claim] = {}
        self._ids: dict[Claim, str] = {}
        self._made: set[str] = set()
        self._silent = True
        self._changed: list[Deferred[None]] = []
        self.registered = ("", "")

    def begin(self, id: str, claim: Claim) -> None:
        """
        Begin to make a claim.

        @param id: its id
        """
        self._held[id] = claim
        self._ids[claim] = id

    def wanted(self, id: str) -> bool:
        """
        @return: whether a claim has neither ended nor been released
        """
        return id in self._held

    def made(self, id: str) -> None:
        """
        The engine has stored a claim.
        """
        self._made.add(id)

    def drop(self, id: str) -> None:
        """
        Forget a claim, which the engine does not have.
        """
        claim = self._held.pop(id, None)
        self._made.discard(id)
        if claim is not None:
            del self._ids[claim]
            self.view.drop(claim.key, id)

    def release(self, claim: Claim) -> None:
        """
        Release a claim, if it has not ended.
        """
        id = self._ids.get(claim)
        if id is not None:
            self.drop(id)
            self._release(id, claim.key)

    def whenChanged(self) -> Deferred[None]:
        """
        @return: fires at the next change of the view
        """
        changed: Deferred[None] = Deferred()
        self._changed.append(changed)
        return changed

    def speak(self) -> None:
        """
        Begin to report. This method reports the names that are already there.
        """
        self._silent = False
        joined = self.view.remote()
        if joined:
            self._observer.presence(joined, ())

    def take(self, steps: Steps) -> bool:
        """
        Report published changes of the claims.

        @return: C{False}: something before it is missing
        """
        follows = self.view.follows(steps)
        if not follows:
            return follows is None
        self._report(self.view.apply(steps))
        for operation, key, id, _, reason, _ in steps.steps:
            if self._isOwn(id):
                if operation == "+" and id not in self._held:
                    self.view.drop(key, id)
                    self._release(id, key)  # it was made after it had been given up
                elif operation == "-" and reason == "taken":
                    self.lose(id, TAKEN_OVER)
        return True

    def catchUp(self, page: Page, same: bool) -> None:
        """
        Report the changes of the claims that the room has missed.

        @param same: whether the node was not declared dead, and the engine has not lost data. If a
            claim is missing nevertheless, another one has taken over its name
        """
        if page.claims is not None:
            self._report(self.view.replace(page.claims, page.version))
        there = set()
        for key, id in self.view.own():
            there.add(id)
            if id not in self._held:
                self.view.drop(key, id)
                self._release(id, key)
        if same:
            for id in self._made - there:
                self.lose(id, TAKEN_OVER)

    def lose(self, id: str, reason: str) -> None:
        """
        A claim has ended.
        """
        claim = self._held.get(id)
        made = id in self._made
        self.drop(id)
        if claim is not None and made:
            self._observer.lost(claim, reason)

    def all(self) -> list[tuple[str, Claim]]:
        """
        @return: the claims that the engine has stored, with their ids
        """
        return [(id, claim) for id, claim in self._held.items() if id in self._made]

    def _report(self, difference: Difference) -> None:
        changed, self._changed = self._changed, []
        for each in changed:
            if not each.called:
                each.callback(None)
        if not self._silent and (difference.joined or difference.left):
            self._observer.presence(difference.joined, difference.left)


def wordsOf(id: str, claim: Claim) -> list[bytes]:
    """
    @return: the arguments of C{claim.lua} for a claim
    """
    return [
        id.encode(),
        claim.key.encode(),
        claim.name.encode(),
        b"1" if claim.known else b"",
        (claim.secret or b"").hex().encode(),
        (claim.replaces or b"").hex().encode(),
    ]


def claimedOf(result: Sequence[Any], claim: Claim, room: str) -> Claimed:
    """
    @param result: the result of C{claim.lua} for a claim
    @raise ChatError: C{name-taken} or C{room-full}
    """
    word, first, rest = result
    if word == b"taken":
        raise ChatError(NAME_TAKEN, f'"{rest.decode()}" is already in {room}')
    if word == b"full":
        raise ChatError(ROOM_FULL, f"{room} is full")
    return Claimed(first == 1, rest)


def claimReplyOf(reply: Any) -> tuple[bytes, Sequence[Any]]:
    """
    @param reply: the reply of C{claim.lua}
    @return: the published frame, and the results
    @raise ValueError: the reply has the wrong form
    """
    frame, results = reply
    if not isinstance(frame, bytes) or any([len(each) != 3 for each in results]):
        raise ValueError("not the result of a claim")
    return frame, results


def versionOf(reply: Any) -> tuple[str, int] | None:
    """
    @param reply: the field C{=} of the stored claims, see C{names.lua}
    @return: the generation and the version of the claims; C{None}: there are none
    @raise ValueError: the reply has the wrong form
    """
    if reply is None:
        return None
    generation, version = reply.decode().split(" ")[:2]
    return generation, int(version)
