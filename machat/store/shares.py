"""
Fair shares of the memory or of the disk that all rooms may use together.
"""

from __future__ import annotations

from collections.abc import Iterable

#: The part of the total that is freed at once when the total is exceeded, so that the next message
#: does not exceed it again.
RELIEF = 64


class Share:
    """
    The bytes that one network uses.

    @ivar network: the network
    @ivar bytes: the bytes of its rooms
    @ivar rooms: the number of its rooms
    """

    __slots__ = ("network", "bytes", "rooms")

    def __init__(self, network: str | None) -> None:
        self.network = network
        self.bytes = self.rooms = 0


class Shares:
    """
    The shares of all networks. When they exceed the total together, a part of it is freed. The
    networks that use the most lose it, down to a common level. Networks that use less lose nothing.

    @ivar bytes: the sum of the shares
    @ivar limit: the sum above which a part is to be freed. It is more than the total if the total
        could not be reached the last time; then nothing is freed until the sum has grown by another
        part
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._part = total // RELIEF
        self._shares: dict[str | None, Share] = {}
        self.bytes = 0
        self.limit = total

    def join(self, network: str | None) -> Share:
        """
        Add a room to the share of a network.

        @param network: C{None} counts as a network too
        """
        share = self._shares.get(network)
        if share is None:
            share = self._shares[network] = Share(network)
        share.rooms += 1
        return share

    def leave(self, share: Share, size: int) -> None:
        """
        Remove a room from a share.

        @param size: the bytes of the room
        """
        self.charge(share, -size)
        self.limit = max(self._total, min(self.limit, self.bytes + self._part))
        share.rooms -= 1
        if not share.rooms:
            del self._shares[share.network]

    def charge(self, share: Share, more: int) -> None:
        """
        Record that a room has grown or, if the number is negative, shrunk.
        """
        self.bytes += more
        share.bytes += more

    def excess(self) -> dict[Share, int]:
        """
        @return: the shares that have to shrink, and by how many bytes
        """
        excess = self.bytes - self._total
        if excess <= 0:
            return {}
        shares = self._shares.values()
        level = waterline([share.bytes for share in shares], excess + self._part)
        return {share: share.bytes - level for share in shares if share.bytes > level}

    def relieved(self) -> None:
        """
        Everything that can be freed has been freed.
        """
        self.limit = max(self._total, self.bytes + self._part)


def waterline(weights: Iterable[int], excess: int) -> int:
    """
    Compute the level for max-min fairness: the largest shares are reduced first, down to a common
    level, until the excess is gone.

    @param weights: the current shares
    @param excess: the total by which to reduce them
    @return: the level to which all larger shares are reduced; 0 if the excess is larger than their
        sum
    """
    ordered = sorted(weights, reverse=True)
    total = 0
    for count, weight in enumerate(ordered, 1):
        total += weight
        following = ordered[count] if count < len(ordered) else 0
        if total - count * following >= excess:
            return (total - excess) // count
    return 0
