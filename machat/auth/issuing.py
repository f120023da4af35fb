"""
Tokens for C{--auth jwt:}: their creation, and their inspection.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jwt
from twisted.cred.error import UnauthorizedLogin

from machat import names
from machat.auth.credentials import Token
from machat.auth.tokens import Key, Tokens

#: The longest token, characters: it has to fit into a hello, with the other fields.
MAX_LENGTH = 3_500

#: The longest lifetime of a token, seconds. A token cannot be revoked before its end.
LIFETIME = 366 * 86_400


class Inspection(NamedTuple):
    """
    The content of a token, which is not to be trusted unless C{accepted}.

    @ivar header: the header
    @ivar claims: the claims
    @ivar signed: whether one of the keys has signed it; C{None} without keys
    @ivar refusal: why a server refuses it; C{None} if it accepts it, or without keys
    """

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signed: bool | None
    refusal: str | None

    @property
    def accepted(self) -> bool:
        """
        Whether a server accepts it.
        """
        return bool(self.signed) and self.refusal is None


def createToken(key: Key, name: str, now: float, lifetime: float, rights: Mapping[str, Any]) -> str:
    """
    @param key: see L{machat.auth.tokens.secret}
    @param name: the user's name
    @param now: Unix time
    @param lifetime: the time for which the token is valid, seconds
    @param rights: the claims C{rooms}, C{say}, C{mod}, C{aud} and C{iss}, as far as they are given
    @raise ChatError: C{bad-name}
    @raise ValueError: the lifetime is out of range, or the token would be too long
    """
    if not 1 <= lifetime <= LIFETIME:
        raise ValueError(f"the lifetime must be from 1 to {LIFETIME} seconds")
    claims = {"sub": names.checkName(name), "iat": int(now), "exp": int(now + lifetime), **rights}
    headers = {} if key.id is None else {"kid": key.id}
    token = jwt.encode(claims, key.key, key.algorithm, headers)
    if len(token) > MAX_LENGTH:
        raise ValueError(
            f"the token would be longer than {MAX_LENGTH} characters: name fewer rooms"
        )
    return token


def inspectToken(
    token: str, keys: Sequence[Key], audience: str | None = None, issuer: str | None = None
) -> Inspection:
    """
    @param keys: the keys of the server; none if the signature is not checked
    @param audience: see L{Tokens}
    @param issuer: see L{Tokens}
    @raise ValueError: it is not a token
    """
    try:
        content = jwt.decode_complete(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"not a token: {error}") from None
    header, claims = content["header"], content["payload"]
    if not keys:
        return Inspection(header, claims, None, None)
    checker = Tokens(list(keys), audience, issuer)
    refusal = None
    try:
        checker.requestAvatarId(Token(str(claims.get("sub")), token))
    except UnauthorizedLogin as error:
        refusal = str(error).removeprefix("token: ")
    return Inspection(header, claims, checker.isSigned(token), refusal)
