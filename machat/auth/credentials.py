"""
What a client shows to get in, in the terms of L{twisted.cred}.
"""

from __future__ import annotations

import pwd
from typing import Any

from twisted.cred.checkers import (
    ICredentialsChecker,
    InMemoryUsernamePasswordDatabaseDontUse,
)
from twisted.cred.credentials import Anonymous, ICredentials, UsernamePassword
from twisted.cred.portal import Portal
from twisted.internet.defer import CancelledError, Deferred
from twisted.plugins.cred_unix import UNIXChecker
from zope.interface import Attribute, Interface, implementer

from machat import names
from machat.auth.users import IChatUser


class IToken(ICredentials, Interface):  # the second for pydoctor, which reads MaChat alone
    """
    A token, and the name that it is shown for.
    """

    name: str = Attribute("The name that the client wants.")
    token: str = Attribute("What it shows.")


@implementer(IToken)
class Token:
    """
    See L{IToken}.
    """

    def __init__(self, name: str, token: str) -> None:
        self.name = name
        self.token = token


class IUnguessable(Interface):
    """
    What a checker of L{IToken} may be besides: one whose tokens nobody can guess, such as signed
    ones, and which answers at once. Its logins are neither queued nor counted, so that failures of
    others at the same address do not concern them.
    """


class NotChecked(CancelledError):
    """
    With this a checker fails that was cancelled before its work began. Any other login that is
    cancelled counts as a failure.
    """


class IKnowsUsers(Interface):
    """
    What a checker may be besides: so nobody anonymous can have a user's name.
    """

    def knows(name: str) -> bool:
        """
        @return: whether there is a user of this name, compared by L{names.key}
        """


def login(
    portal: Portal, name: str, password: str | None, token: str | None
) -> Deferred[IChatUser]:
    """
    @param token: if it is given, the password does not count; without both it is an anonymous login
    @return: fires with who this is; fails with L{twisted.cred.error.LoginFailed}, or
        L{twisted.cred.error.UnhandledCredentials} if nobody can check such credentials
    """
    credentials: Any = Anonymous()
    if token is not None:
        credentials = Token(name, token)
    elif password is not None:
        credentials = UsernamePassword(name.encode(), password.encode())
    loggingIn: Deferred[Any] = portal.login(credentials, None, IChatUser)
    return loggingIn.addCallback(lambda avatar: avatar[1])


def knows(portal: Portal, name: str) -> bool:
    """
    @return: whether one of the portal's checkers says that it has a user of this name. One of
        another application's that does not implement L{IKnowsUsers} cannot say
    """
    return any(_knows(checker, name) for checker in portal.checkers.values())


def _knows(checker: ICredentialsChecker, name: str) -> bool:
    if IKnowsUsers.providedBy(checker):
        return bool(checker.knows(name))
    if isinstance(checker, InMemoryUsernamePasswordDatabaseDontUse):
        users = [user.decode(errors="replace") for user in checker.users]
        return names.key(name) in map(names.key, users)
    if isinstance(checker, UNIXChecker):
        return any(names.key(user.pw_name) == names.key(name) for user in pwd.getpwall())
    return False
