"""
The stores C{redis:} and C{rediss:} of C{--store}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.plugin import IPlugin
from zope.interface import implementer

from machat.interfaces import IStore, IStoreFactory
from machat.limits import Limits

#: The defaults of the limits. The log of a room takes up to about 200 bytes more per message than
#: the text, in the memory of the engine.
_DEFAULTS = {
    "logMessages": 10_000,
    "logBytes": 4_194_304,
    "logAge": 30 * 86_400.0,
}

_HELP = (
    "Keeps messages, names, mutes, bans and topics in Redis 7 or Valkey. All servers with the same"
    " store form one chat. Options follow a question mark: password-file=FILE, user=NAME,"
    " db=NUMBER, prefix=WORD, and sentinel=NAME, with the Sentinels as HOST,HOST,HOST. Requires"
    " machat[redis]."
)


@implementer(IStoreFactory, IPlugin)
class RedisStoreFactory:
    """
    Makes a L{machat.store.redis.RedisStore}.
    """

    shared = True
    defaults: Mapping[str, Any] = _DEFAULTS

    def __init__(self, tls: bool) -> None:
        """
        @param tls: whether its connections are encrypted
        """
        self._tls = tls
        self.name = "rediss" if tls else "redis"
        self.argument = "//HOST[:PORT][/DATABASE][?OPTION=VALUE&...]"
        self.help = _HELP
        if tls:
            self.help = (
                "As redis:, over TLS. The certificate of the engine is verified; ca=FILE names"
                " authorities that replace those of the system."
            )
        else:
            self.argument += " or ///SOCKET"

    def parse(self, argument: str, reactor: IReactorTime, limits: Limits) -> IStore:
        """
        See L{IStoreFactory.parse}.
        """
        try:
            from machat.store.redis import RedisStore, parseLocation
        except ImportError as error:
            raise ValueError(f'{error}: install "machat[redis]"') from None
        return RedisStore(reactor, parseLocation(argument, self._tls), limits)
