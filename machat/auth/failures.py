"""
The failed logins that the processes of a chat count together.

An attempt is counted in the store before its credentials are checked, so that attempts at different
processes at the same time are no more than attempts at one. If it succeeds, it is removed.
Attempts that are refused only because of others that are being checked wait for their result.
"""

from __future__ import annotations

from secrets import token_hex

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from machat.errors import ChatError
from machat.interfaces import IQuotas
from machat.limits import UNLIMITED
from machat.records import Quota

#: The time between two requests of an attempt that waits for others, seconds.
ASK = 0.25

#: The time for which an attempt counts after the end of its check should have been noted, seconds.
_MARGIN = 1.0


class TooManyFailures(Exception):
    """
    No attempt is allowed.

    @ivar wait: the time until the next one is, in seconds
    """

    def __init__(self, wait: float) -> None:
        super().__init__(f"for {wait:g} s")
        self.wait = wait


class SharedFailures:
    """
    The failed logins of all processes, by their origin. While the store is not available, or is not
    shared, every attempt is allowed: each process counts its own failures too.
    """

    def __init__(
        self, clock: IReactorTime, quotas: IQuotas | None, most: int, seconds: float
    ) -> None:
        """
        @param most: maximum number of failures of one origin
        @param seconds: the time for which a failure counts
        """
        self._clock = clock
        self._quotas = quotas
        self._most = most
        self._seconds = seconds

    async def begin(self, kind: str, key: str, until: float) -> Quota | None:
        """
        Count an attempt.

        @param kind: the kind of its origin
        @param key: its origin
        @param until: the time at which its check ends at the latest
        @return: the attempt, for L{end}
        @raise TooManyFailures: the attempt is not allowed
        """
        if self._quotas is None:
            return None
        left = until - self._clock.seconds() + _MARGIN
        attempt = Quota(f"login-{kind}", key, token_hex(8), left, tentative=True)
        try:
            while True:
                taken = await self._quotas.take(attempt, 1, self._most)
                if taken.granted:
                    return attempt
                if taken.others - taken.tentative >= self._most:
                    raise TooManyFailures(taken.wait)
                if self._clock.seconds() + ASK >= until:
                    raise TooManyFailures(ASK)
                await deferLater(self._clock, ASK)
        except ChatError:
            return None
        except BaseException:
            self.end(attempt, False)
            raise

    def end(self, attempt: Quota | None, failed: bool) -> None:
        """
        Note the result of an attempt.

        @param failed: whether it counts as a failure
        """
        if attempt is not None and self._quotas is not None:
            ended = attempt._replace(seconds=self._seconds, tentative=False)
            noting = self._quotas.take(ended, int(failed), UNLIMITED)
            noting.addErrback(_ignore)


def _ignore(failure: object) -> None:
    """
    The attempt ends by itself.
    """
