"""
Fair shares of a limited resource.
"""

from __future__ import annotations

from collections.abc import Iterable


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
