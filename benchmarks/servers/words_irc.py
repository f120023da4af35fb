"""
Twisted's IRC service, C{twisted.words}, without passwords: C{python words_irc.py PORT}.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.portal import Portal
from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import serverFromString
from twisted.words.service import InMemoryWordsRealm, IRCFactory, IRCUser
from zope.interface import implementer


@implementer(ICredentialsChecker)
class Anybody:
    """
    Accepts every name.
    """

    credentialInterfaces = (IUsernamePassword,)

    def requestAvatarId(self, credentials: Any) -> Deferred[bytes | tuple[()]]:
        return succeed(credentials.username)


class User(IRCUser):
    """
    A client, with the TCP option that all servers here set.
    """

    transport: Any

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)
        IRCUser.connectionMade(self)


def main(port: str) -> None:
    """
    Serve until the process is stopped.
    """
    realm = InMemoryWordsRealm("bench")
    realm.createGroupOnRequest = realm.createUserOnRequest = True
    factory = IRCFactory(realm, Portal(realm, [Anybody()]))
    factory.protocol = User
    endpoint = f"tcp:{port}:interface=127.0.0.1:backlog=4096"
    serverFromString(reactor, endpoint).listen(factory)
    reactor.run()


if __name__ == "__main__":
    main(sys.argv[1])
