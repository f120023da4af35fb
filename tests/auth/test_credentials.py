"""
Tests for L{machat.auth.credentials} and L{machat.auth.realm}.
"""

from __future__ import annotations

from typing import Any

from twisted.cred.checkers import (
    ANONYMOUS,
    AllowAnonymousAccess,
    ICredentialsChecker,
    InMemoryUsernamePasswordDatabaseDontUse,
)
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin, UnhandledCredentials
from twisted.cred.portal import IRealm, Portal
from twisted.plugins.cred_unix import UNIXChecker
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer, verify

from machat.auth.credentials import IKnowsUsers, IToken, Token, knows, login
from machat.auth.realm import ChatRealm
from machat.auth.users import ANYBODY, IChatUser, User


@implementer(IKnowsUsers, ICredentialsChecker)
class Tokens:
    """
    A checker that accepts any token, for the name that comes with it.
    """

    credentialInterfaces = (IToken,)

    def requestAvatarId(self, credentials: Any) -> Any:
        return User(name=credentials.name, mod=(credentials.token,))

    def knows(self, name: str) -> bool:
        return name == "Eve"


class CredentialsTests(SynchronousTestCase):
    """
    Tests for logging in.
    """

    def setUp(self) -> None:
        passwords = InMemoryUsernamePasswordDatabaseDontUse(Mina=b"s\xc3\xa9cret")
        self.portal = Portal(ChatRealm(), [passwords, AllowAnonymousAccess(), Tokens()])

    def login(self, *shown: Any) -> IChatUser:
        """
        @return: the user of this login
        """
        user: IChatUser = self.successResultOf(login(self.portal, *shown))
        return user

    def test_interfaces(self) -> None:
        """
        The classes for tokens and realms provide their interfaces.
        """
        verify.verifyObject(IToken, Token("Mina", "x"))
        verify.verifyObject(IRealm, ChatRealm())

    def test_login(self) -> None:
        """
        A token takes precedence over a password, and a login without both is anonymous.
        """
        self.assertEqual(self.login("Mina", "sécret", None), User(name="Mina"))
        self.assertEqual(self.login("Eve", "sécret", "t"), User(name="Eve", mod=("t",)))
        self.assertIs(self.login("Bob", None, None), ANYBODY)

    def test_wrong(self) -> None:
        """
        Wrong credentials, and a login that cannot be checked, fail.
        """
        self.failureResultOf(login(self.portal, "Mina", "wrong", None), UnauthorizedLogin)
        portal = Portal(ChatRealm())
        self.failureResultOf(login(portal, "Mina", "sécret", None), UnhandledCredentials)

    def test_knows(self) -> None:
        """
        Every checker for the kind of credentials is tried.
        """
        self.assertEqual(
            [name for name in ("Mina", "mina", "Ada", "Eve") if knows(self.portal, name)],
            ["Mina", "mina", "Eve"],
        )
        unix = Portal(ChatRealm(), [UNIXChecker()])
        self.assertTrue(knows(unix, "Root"))
        self.assertFalse(knows(unix, "no-such-user"))

    def test_anotherInterface(self) -> None:
        """
        A realm has no avatars other than the users of a chat.
        """
        realm = ChatRealm()
        self.assertRaises(NotImplementedError, realm.requestAvatar, b"x", None, IUsernamePassword)
        self.assertIs(realm.requestAvatar(ANONYMOUS, None, IChatUser)[1], ANYBODY)
