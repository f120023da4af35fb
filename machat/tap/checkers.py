"""
C{--auth}: who may come in, in the way of L{twisted.cred.strcred}.
"""

from __future__ import annotations

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


@implementer(ICheckerFactory, IPlugin)
class TokenCheckerFactory:
    """
    Makes a L{Tokens} of an argument of C{--auth}.
    """

    authType = "jwt"
    authHelp = (
        "Checks JSON Web Tokens: jwt:key=SECRET or jwt:keyfile=FILE (HS256), or jwt:jwks=FILE"
        " (RS256, ES256, EdDSA); then :aud=AUDIENCE and :iss=ISSUER, if they are to be checked,"
        " as :iss=https://example.com/. A colon or backslash in SECRET or FILE has a backslash"
        " before it."
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
    @param checkers: those of C{--auth}
    @return: C{None} if there are none: then nobody is asked
    @raise ValueError: they do not go together, or cannot be used
    @raise OSError: a file cannot be read
    """
    if not checkers and anonymous:
        raise ValueError("--anonymous is for --auth: without it, everybody is")
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
    @param users: as C{memory:} of Twisted 26.10 has them: in C{str}, among which it finds nobody
    """
    return {_bytes(name): _bytes(password) for name, password in users.items()}


def _bytes(text: Any) -> bytes:
    return text if isinstance(text, bytes) else str(text).encode()
