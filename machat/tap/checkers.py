"""
The checkers of C{--auth}, for L{twisted.cred.strcred}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.cred.checkers import (
    AllowAnonymousAccess,
    FilePasswordDB,
    InMemoryUsernamePasswordDatabaseDontUse,
)
from twisted.cred.portal import Portal
from twisted.cred.strcred import ICheckerFactory
from twisted.plugin import IPlugin
from zope.interface import implementer

from machat.auth.credentials import IToken
from machat.auth.passwords import PasswordFile
from machat.auth.realm import ChatRealm
from machat.auth.tokens import Tokens, tokensOf
from machat.http.static import checkTokens


@implementer(ICheckerFactory, IPlugin)
class TokenCheckerFactory:
    """
    Makes a L{Tokens} checker from the argument of C{--auth jwt:}.
    """

    authType = "jwt"
    authHelp = (
        "Checks JSON Web Tokens. Use jwt:key=SECRET or jwt:keyfile=FILE for HS256, and"
        " jwt:jwks=FILE for RS256, ES256 and EdDSA. To require an audience or an issuer, append"
        " :aud=AUDIENCE or :iss=ISSUER, as in :iss=https://example.com/. Write a backslash before"
        " each colon or backslash in SECRET or FILE."
    )
    argStringFormat = "key=SECRET, keyfile=FILE or jwks=FILE, then :aud=... and :iss=..."
    credentialInterfaces = (IToken,)

    def generateChecker(self, argstring: str) -> Tokens:
        """
        See L{tokensOf}.
        """
        return tokensOf(argstring)


def portalOf(checkers: list[Any], anonymous: bool, reactor: Any) -> Portal | None:
    """
    @param checkers: the checkers from the C{--auth} options
    @param anonymous: whether to admit clients without credentials too
    @param reactor: provides the threads that verify passwords
    @return: a portal with these checkers; C{None} if there are none, so that the chat requires no
        credentials
    @raise ValueError: the options conflict, or a checker cannot be used
    @raise OSError: a file cannot be read
    """
    if not checkers and anonymous:
        raise ValueError("--anonymous requires --auth: without it, every client is anonymous")
    portal = Portal(ChatRealm())
    for checker in checkers:
        if isinstance(checker, FilePasswordDB):
            checker = PasswordFile(checker.filename, reactor)
        elif isinstance(checker, InMemoryUsernamePasswordDatabaseDontUse):
            checker.users = _inBytes(checker.users)
        for interface in checker.credentialInterfaces:
            if interface in portal.checkers:
                raise ValueError(f"more than one --auth for {interface.__name__}")
        portal.registerChecker(checker)
    if anonymous:
        portal.registerChecker(AllowAnonymousAccess())
    return portal if checkers else None


def _inBytes(users: dict[Any, Any]) -> dict[bytes, bytes]:
    """
    @param users: the database of Twisted's C{memory:} checker. Twisted 26.10 fills it with C{str},
        but looks up C{bytes}, so that it finds no user
    """
    return {_bytes(name): _bytes(password) for name, password in users.items()}


def _bytes(text: Any) -> bytes:
    return text if isinstance(text, bytes) else str(text).encode()


def tokensRefusal(options: Mapping[str, Any]) -> str | None:
    """
    @return: why C{--page-token-url} cannot be used; C{None} if it can, or is not given
    """
    url = options["page-token-url"]
    if url is None:
        return None
    try:
        checkTokens(url)
    except ValueError as error:
        return str(error)
    if options["portal"] is None:
        return "without --auth, the server checks no token"
    return "there is no page, because of --no-page" if options["no-page"] else None
