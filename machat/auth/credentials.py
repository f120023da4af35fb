"""
The credentials of a client, in the terms of L{twisted.cred}.
"""

from __future__ import annotations

import pwd
from typing import Any

from twisted.cred.checkers import (
    ICredentialsChecker,
    InMemoryUsernamePasswordDatabaseDontUse,
)
from twisted.cred.credentials import Anonymous, IAnonymous, ICredentials, UsernamePassword
from twisted.cred.portal import Portal
from twisted.internet.defer import CancelledError, Deferred
from twisted.plugins.cred_unix import UNIXChecker
from zope.interface import Attribute, Interface, implementer

from machat import names
from machat.auth.users import IChatUser


class IToken(ICredentials, Interface):  # Interface is for pydoctor
    """
    A token, and the name for which the client presents it.
    """

    name: str = Attribute("The name that the client requests.")
    token: str = Attribute("The token.")


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
    An additional interface for a checker of L{IToken}. It declares that the tokens cannot be
    guessed, for example because they are signed, and that the checker answers immediately. Logins
    with such tokens are neither queued nor counted, so that failures of other clients at the same
    address do not affect them.
    """


class NotChecked(CancelledError):
    """
    Raised by a checker that is cancelled before its work has started. Any other cancelled login
    counts as a failure.
    """


class IKnowsUsers(Interface):
    """
    An additional interface for a checker that can tell which names are users. Anonymous clients
    cannot use such a name.
    """

    def knows(name: str) -> bool:
        """
        @return: whether there is a user with this name, compared by L{names.key}
        """


def login(
    portal: Portal, name: str, password: str | None, token: str | None
) -> Deferred[IChatUser]:
    """
    @param portal: has the checkers
    @param name: the name that the client requests
    @param password: the password; ignored if there is a token. Without both, the login is anonymous
    @param token: the token
    @return: fires with the user; fails with L{twisted.cred.error.LoginFailed}, or
        L{twisted.cred.error.UnhandledCredentials} if no checker accepts such credentials
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
    @return: whether one of the portal's checkers has a user with this name. Checkers that do not
        implement L{IKnowsUsers} are asked only if they are Twisted's in-memory or UNIX checker
    """
    return any(_knows(checker, name) for checker in portal.checkers.values())


def mayExist(portal: Portal, name: str) -> bool:
    """
    @return: whether there may be a user with this name. It is C{False} only if all checkers can
        tell which names are users, and none of them knows it
    """
    checkers = [each for kind, each in portal.checkers.items() if kind is not IAnonymous]
    return knows(portal, name) or not all(_tells(each) for each in checkers)


def _tells(checker: ICredentialsChecker) -> bool:
    return IKnowsUsers.providedBy(checker) or isinstance(
        checker, InMemoryUsernamePasswordDatabaseDontUse | UNIXChecker
    )


def _knows(checker: ICredentialsChecker, name: str) -> bool:
    if IKnowsUsers.providedBy(checker):
        return bool(checker.knows(name))
    if isinstance(checker, InMemoryUsernamePasswordDatabaseDontUse):
        users = [user.decode(errors="replace") for user in checker.users]
        return names.key(name) in map(names.key, users)
    if isinstance(checker, UNIXChecker):
        return any(names.key(user.pw_name) == names.key(name) for user in pwd.getpwall())
    return False
