"""
JSON Web Tokens (RFC 7519), signed with a shared secret or with one of the keys of a JWK Set.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jwt
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import UnauthorizedLogin
from zope.interface import implementer

from machat import names
from machat.credentials import IToken, IUnguessable
from machat.errors import ChatError
from machat.users import User

#: The shortest secret, bytes: as long as the hash of HS256 (RFC 7518 section 3.2).
SECRET = 32

#: How far the clocks of who signs and who checks may be apart, seconds.
LEEWAY = 5

_ALGORITHMS = ("RS256", "ES256", "EdDSA")

Key = tuple[str, Any]


class BadKey(ValueError):
    """
    A key cannot be used.
    """


def secret(key: str) -> dict[str | None, Key]:
    """
    @return: the one key that any token is checked with
    @raise BadKey: it is too short
    """
    if len(key.encode()) < SECRET:
        raise BadKey(f"a secret has at least {SECRET} bytes")
    return {None: ("HS256", key)}


def keySet(text: str) -> dict[str | None, Key]:
    """
    @param text: a JWK Set (RFC 7517)
    @return: its keys by their ids
    @raise BadKey: none can be used
    """
    try:
        found = jwt.PyJWKSet.from_json(text).keys
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError) as error:
        raise BadKey(f"no set of keys: {error}") from None
    keys: dict[str | None, Key] = {
        key.key_id: (key.algorithm_name, key.key)
        for key in found
        if key.algorithm_name in _ALGORITHMS
    }
    if not keys:
        raise BadKey(f"no key for {', '.join(_ALGORITHMS)}")
    return keys


#: What is raised for tokens that are not good: PyJWT lets through what C{json} and numbers raise.
_WRONG = (jwt.PyJWTError, ChatError, ValueError, TypeError, OverflowError, RecursionError)


@implementer(ICredentialsChecker, IUnguessable)
class Tokens:
    """
    Checks tokens. A token has to have C{sub}, the user's name, and C{exp}: what does not expire
    could never be taken back. It may have C{rooms}, patterns of rooms to join, and C{say} and
    C{mod}, each a list of patterns, or C{true} for all or C{false} for none.
    """

    credentialInterfaces = (IToken,)

    def __init__(
        self, keys: dict[str | None, Key], audience: str | None = None, issuer: str | None = None
    ) -> None:
        """
        @param keys: see L{secret} and L{keySet}
        @param audience: what C{aud} has to name, if there is one
        @param issuer: what C{iss} has to be
        """
        self._keys = keys
        self._audience = audience
        self._issuer = issuer

    def requestAvatarId(self, credentials: IToken) -> Any:
        """
        @return: the L{User} that the token tells of
        @raise UnauthorizedLogin: why the token is not good
        """
        try:
            claims = self._claims(credentials.token)
            name = names.checkName(claims["sub"])
            user = User(
                name=name,
                rooms=_patterns(claims.get("rooms", True)),
                say=_patterns(claims.get("say", True)),
                mod=_patterns(claims.get("mod", False)),
                expires=float(claims["exp"]),
            )
        except _WRONG as error:
            raise UnauthorizedLogin(f"token: {error.args[-1] if error.args else error}") from None
        return user

    def _claims(self, token: str) -> dict[str, Any]:
        kid = jwt.get_unverified_header(token).get("kid")
        if kid in self._keys:
            algorithm, key = self._keys[kid]
        elif len(self._keys) == 1 and (kid is None or None in self._keys):
            ((algorithm, key),) = self._keys.values()
        else:
            raise ValueError("signed with an unknown key")
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=self._audience,
            issuer=self._issuer,
            leeway=LEEWAY,
            options={"require": ["exp", "sub"], "verify_aud": self._audience is not None},
        )
        return claims


def _patterns(claim: object) -> tuple[str, ...]:
    if isinstance(claim, bool):
        return ("*",) * claim
    if isinstance(claim, list) and len(claim) <= 100 and all(isinstance(p, str) for p in claim):
        return tuple(claim)
    raise ValueError("rights are true, false, or a list of at most 100 rooms")


def tokensOf(argument: str) -> Tokens:
    """
    @param argument: C{key=SECRET} or C{keyfile=FILE} or C{jwks=FILE}, then C{aud=} and C{iss=},
        with C{:} between them
    @raise ValueError: what cannot be used
    @raise OSError: a file cannot be read
    """
    fields = dict(_field(part) for part in argument.split(":"))
    unknown = set(fields) - {"key", "keyfile", "jwks", "aud", "iss"}
    if unknown or len({"key", "keyfile", "jwks"} & set(fields)) != 1:
        raise ValueError("one of key=, keyfile= and jwks=, then aud= and iss= if you like")
    if "jwks" in fields:
        keys = keySet(Path(fields["jwks"]).read_text("utf-8"))
    elif "keyfile" in fields:
        keys = secret(Path(fields["keyfile"]).read_text("utf-8").strip())
    else:
        keys = secret(fields["key"])
    return Tokens(keys, fields.get("aud"), fields.get("iss"))


def _field(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    return name, value
