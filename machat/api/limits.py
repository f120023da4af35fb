"""
The limits of the HTTP API, and what they count.

A key has 256 random bits. It cannot be guessed, so wrong keys need not be slowed down. Therefore a
client with a valid key is never refused because others at its address presented wrong ones. The
limit on failures only decides how wrong keys are answered.
"""

from __future__ import annotations

from collections import Counter
from math import ceil, inf

from msgspec import Struct
from msgspec.structs import replace
from twisted.internet.interfaces import IReactorTime

from machat.errors import BAD_CREDENTIALS, BUSY, ChatError
from machat.limits import DEFAULTS
from machat.session import costs
from machat.session.ratelimiter import Bucket

WRONG = "the API key is missing, wrong or revoked: send it as X-API-Key or Authorization: Bearer"

WRONG_TOKEN = (
    "the token has expired, is wrong or for another room, or its key was revoked: request a new one"
)

_MINUTE = 60.0

#: The maximum number of networks whose failures are counted, and of keys and networks whose rates
#: are known.
_NETWORKS = 10_000


class ApiLimits(Struct, frozen=True, kw_only=True):
    """
    The limits of one HTTP API. Times are in seconds, sizes in bytes.

    @ivar rate: average number of requests per second with one key, or with tokens from one network;
        C{inf} disables the limit. A broadcast counts once for each room, C{rooms} once more for
        each 100 open rooms, and a history or a stream once more for each 512 entries that are read
    @ivar burst: number of requests with one key that may arrive at once before C{rate} applies
    @ivar failures: number of requests with wrong keys from one network within a minute. Further
        ones are answered with 429 instead of 401
    @ivar requests: maximum number of requests that are carried out at once
    @ivar connections: maximum number of connections, without the event streams, which count towards
        L{machat.limits.Limits.maxConnections}
    @ivar body: maximum size of a body. JSON with escapes needs up to three times the size of a text
        in UTF-8, and a broadcast names up to a hundred rooms
    @ivar receive: maximum time for receiving one request
    @ivar answer: maximum time for carrying out one request
    """

    rate: float = 200.0
    burst: int = 1_000
    failures: int = 20
    requests: int = 1_000
    connections: int = 1_000
    body: int = 262_144
    receive: float = 10.0
    answer: float = 30.0


API_DEFAULTS = ApiLimits()


class Counts:
    """
    Counts the requests of each key, and the failures of each network.

    @ivar active: the number of requests that are being carried out
    """

    def __init__(self, clock: IReactorTime, limits: ApiLimits) -> None:
        self.active = 0
        self._clock = clock
        self._limits = limits
        self._buckets: dict[str, Bucket] = {}
        self._failures: Counter[str] = Counter()
        self._since = 0.0
        self._rates = replace(DEFAULTS, rate=limits.rate, burst=limits.burst)

    def charge(self, payer: str, count: int = 1) -> None:
        """
        Charge requests.

        @param payer: a key, or a network whose clients have a token, see
            L{machat.api.access.Access.payerOf}
        @raise ChatError: C{busy}: the payer exceeds its rate
        """
        if self._limits.rate == inf or not count:
            return
        bucket = self._bucketOf(payer)
        if bucket.free() < min(count, self._limits.burst):
            delay = max(0.01, round(bucket.delay(count), 2))
            text = f"this key exceeds {self._limits.rate:g} requests per second"
            raise ChatError(BUSY, f"{text}: try again in {delay:g} s", retry=delay)
        bucket.take(count)

    def chargeReading(self, payer: str, scanned: int) -> None:
        """
        Charge entries that were read for a request. Later requests pay for what exceeds the rate.

        @param scanned: the number of entries
        """
        cost = costs.reading(scanned)
        if cost and self._limits.rate != inf:
            self._bucketOf(payer).take(cost)

    def _bucketOf(self, payer: str) -> Bucket:
        bucket = self._buckets.get(payer)
        if bucket is None:
            if len(self._buckets) >= _NETWORKS:
                self.forget()
            bucket = self._buckets[payer] = Bucket(self._clock, self._rates)
        return bucket

    def forget(self) -> None:
        """
        Forget all rates, because the keys have changed or too many networks have one.
        """
        self._buckets.clear()

    def failed(self, network: str | None, text: str = WRONG) -> ChatError:
        """
        Count a wrong key or token.

        @param text: the reason of the refusal
        @return: the refusal
        """
        now = self._clock.seconds()
        if now - self._since >= _MINUTE:
            self._since = now
            self._failures.clear()
        name = network or ""
        if name in self._failures or len(self._failures) < _NETWORKS:
            self._failures[name] += 1
        if name not in self._failures or self._failures[name] > self._limits.failures:
            retry = float(ceil(self._since + _MINUTE - now))
            busy = f"too many requests with wrong API keys: try again in {retry:g} s"
            return ChatError(BUSY, busy, retry=retry)
        return ChatError(BAD_CREDENTIALS, text)
