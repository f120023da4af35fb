"""
A chat that uses an application's accounts for authentication and for permissions in rooms::

    twistd -ny examples/with_accounts.py

Open http://localhost:8099/ and log in as Mina (password C{rain}) or Ada (C{snow}). Mina is in the
team C{red}: she can join C{team/red}, but not C{team/blue}. Both can read C{news}, but only Ada can
post there.
"""

from hashlib import scrypt
from hmac import compare_digest
from typing import NamedTuple

from twisted.application import service, strports
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm, Portal
from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from zope.interface import implementer

from machat.interfaces import IChatUser
from machat.names import key
from machat.service import ChatService
from machat.ws import ChatWebSocketFactory


@implementer(IChatUser)
class Account(NamedTuple):
    """
    A user, as an application's database might store it.
    """

    name: str
    salt: bytes
    digest: bytes
    team: str
    staff: bool
    expires: float | None = None  # when the credentials expire, Unix time

    def mayJoin(self, room):
        room = key(room)  # the same for all spellings of the room's name
        return self.staff or not room.startswith("team/") or room == f"team/{self.team}"

    def maySay(self, room):
        return self.staff or key(room) != "news"

    def mayModerate(self, room):
        return self.staff


def digest(password, salt):
    return scrypt(password, salt=salt, n=2**14, r=8, p=1)


ACCOUNTS = {
    "mina": Account("Mina", b"1", digest(b"rain", b"1"), "red", False),
    "ada": Account("Ada", b"2", digest(b"snow", b"2"), "blue", True),
}


@implementer(ICredentialsChecker, IRealm)
class Accounts:
    """
    Checks the name and password, and returns the user's account to the chat.
    """

    credentialInterfaces = (IUsernamePassword,)

    async def requestAvatarId(self, shown):
        account = ACCOUNTS.get(key(shown.username.decode()))
        found = await deferToThread(digest, shown.password, account.salt if account else b"")
        if account is None or not compare_digest(found, account.digest):
            raise UnauthorizedLogin("wrong name or password")
        return account

    def requestAvatar(self, account, mind, *interfaces):
        return IChatUser, account, lambda: None


application = service.Application("accounts")
chat = ChatService(reactor, portal=Portal(Accounts(), [Accounts()]))
chat.setServiceParent(application)
strports.service("tcp:8099:interface=127.0.0.1", ChatWebSocketFactory(chat)).setServiceParent(chat)
