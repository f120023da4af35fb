"""
Who gives up how much when something is shared and there is not enough of it.
"""

from __future__ import annotations

from collections.abc import Iterable


def waterline(weights: Iterable[int], excess: int) -> int:
    """
    Max-min fairness: the largest give up first, and none gives up more than it is above the others.

    @param excess: how much has to be given up
    @return: the level to which all that are above it are lowered; 0 if that is not enough
    """
    ordered = sorted(weights, reverse=True)
    total = 0
    for count, weight in enumerate(ordered, 1):
        total += weight
        following = ordered[count] if count < len(ordered) else 0
        if total - count * following >= excess:
            return (total - excess) // count
    return 0
