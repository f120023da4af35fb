"""
The sending rate of one connection.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime

from machat.limits import Limits

#: The part of a token that may be missing, because sums of times are not exact.
_SLACK = 1e-6


class Bucket:
    """
    A token bucket, stored as one number: the time at which it will be full again. Each token moves
    that time forward by C{1 / rate}. The time may be at most C{burst / rate} ahead (the generic
    cell rate algorithm, ITU-T I.371, Annex A).
    """

    __slots__ = ("_clock", "_limits", "_full")

    def __init__(self, clock: IReactorTime, limits: Limits) -> None:
        """
        @param limits: C{rate}, C{burst} and C{rateBytes}; C{rate} is finite
        """
        self._clock = clock
        self._limits = limits
        self._full = 0.0

    def cost(self, size: int) -> int:
        """
        @param size: the size of one line, bytes
        @return: its cost in tokens: one for each C{rateBytes} or part of them, at least one
        """
        unit = self._limits.rateBytes
        return 1 if size <= unit else (size + unit - 1) // unit

    def free(self) -> int:
        """
        @return: the tokens that may be taken now
        """
        ahead = self._full - self._clock.seconds()
        free = self._limits.burst - max(0.0, ahead) * self._limits.rate
        return max(0, int(free + _SLACK))

    def affordable(self, lines: list[bytes]) -> int:
        """
        Take the tokens for as many lines as possible. A line that costs more than a full bucket
        holds is taken on credit once the bucket is full.

        @param lines: in their order
        @return: the number of lines that are paid for
        """
        limits, seconds = self._limits, self._clock.seconds
        rate, burst, unit = limits.rate, limits.burst, limits.rateBytes
        now = seconds()
        full = self._full if self._full > now else now
        if len(lines) == 1 and len(lines[0]) <= unit:  # nearly always
            after = full + 1 / rate
            if (after - now) * rate <= burst + _SLACK:
                self._full = after
                return 1
        free = left = int(burst - (full - now) * rate + _SLACK)
        count = 0
        for line in lines:
            cost = 1 if len(line) <= unit else self.cost(len(line))
            if cost > left and (count or free < burst):
                break
            left -= cost
            count += 1
        self._full = full + (free - left) / rate
        return count

    def take(self, tokens: float) -> None:
        """
        Take tokens, even if the bucket holds fewer. A negative number gives tokens back.
        """
        full = max(self._full, self._clock.seconds())
        self._full = full + tokens / self._limits.rate

    def delay(self, tokens: int) -> float:
        """
        @return: the time until this number of tokens, or a full bucket, is free, seconds
        """
        burst, rate = self._limits.burst, self._limits.rate
        due = self._full - (burst - min(tokens, burst)) / rate
        return max(0.0, due - self._clock.seconds())
