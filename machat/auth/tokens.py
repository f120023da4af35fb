"""
JSON Web Tokens (RFC 7519), signed with a shared secret or with one of the keys of a JWK Set.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import jwt
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.x509 import load_der_x509_certificate
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import UnauthorizedLogin
from zope.interface import implementer

from machat import names
from machat.auth.credentials import IToken, IUnguessable
from machat.auth.users import User
from machat.errors import ChatError

#: The shortest secret, bytes: as long as the hash of HS256 (RFC 7518 section 3.2).
SECRET = 32

#: How far the clocks of the issuer and of this machine may be apart, seconds.
LEEWAY = 5

_ALGORITHMS = ("RS256", "ES256", "EdDSA")

#: Keys in the formats of PEM and SSH.
_KEY_FILE = re.compile(r"\s*(----|ssh-|ecdsa-|sk-)")

#: The fields of an argument, and those whose values may have colons.
_FIELDS = ("key", "keyfile", "jwks", "aud", "iss")
_WITH_COLONS = ("aud", "iss")


class Key(NamedTuple):
    """
    A key that tokens are checked with.

    @ivar id: its C{kid}, if it has one
    @ivar algorithm: the one that it is for
    """

    id: str | None
    algorithm: str
    key: Any


class BadKey(ValueError):
    """
    A key cannot be used.
    """


def secret(key: str) -> list[Key]:
    """
    @return: the one key that any token is checked with
    @raise BadKey: it is too short, or no secret: anyone could sign with a public key
    """
    if len(key.encode()) < SECRET:
        raise BadKey(f"a secret has at least {SECRET} bytes")
    if _KEY_FILE.match(key) or _isJWK(key) or _isDER(key):
        raise BadKey("this is a key file, not a secret: public keys are given by jwks=FILE")
    return [Key(None, "HS256", key)]


def _isJWK(text: str) -> bool:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(data, dict) and ("keys" in data or "kty" in data)


def _isDER(text: str) -> bool:
    """
    @return: whether this is a public key or a certificate in base64, without the lines of PEM
    """
    for load in (load_der_public_key, load_der_x509_certificate):
        with suppress(Exception):
            load(b64decode(text))
            return True
    return False


def keySet(text: str) -> list[Key]:
    """
    @param text: a JWK Set (RFC 7517)
    @return: its keys, in their order; those that are not for signatures, or of other algorithms,
        are left out
    @raise BadKey: none can be used
    """
    try:
        keys = list(_keys(json.loads(text)["keys"]))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadKey(f"no set of keys: {error!r}") from None
    if not keys:
        raise BadKey(f"no key for {', '.join(_ALGORITHMS)}")
    return keys


def _keys(entries: list[dict[str, Any]]) -> Iterator[Key]:
    for entry in entries:
        signs = entry.get("use", "sig") == "sig" and "verify" in entry.get("key_ops", ["verify"])
        with suppress(jwt.PyJWTError):  # of an unknown type
            found = jwt.PyJWK(entry)
            if signs and found.algorithm_name in _ALGORITHMS:
                key = found.key.public_key() if hasattr(found.key, "public_key") else found.key
                yield Key(found.key_id, found.algorithm_name, key)


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
        self, keys: list[Key], audience: str | None = None, issuer: str | None = None
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
        header = jwt.get_unverified_header(token)
        if "crit" in header:  # RFC 7515 section 4.1.11; MaChat knows no extension
            raise ValueError("has a critical header")
        for key in self._candidates(header.get("kid"), header.get("alg")):
            with suppress(jwt.InvalidSignatureError):
                return self._decode(token, key)
        raise ValueError("not signed with a known key")

    def _candidates(self, id: str | None, algorithm: str | None) -> list[Key]:
        """
        @return: the keys that a token may be signed with. One without an id may be any token's
        """
        found = [key for key in self._keys if key.id == id] if id is not None else []
        found = found or [key for key in self._keys if key.id is None]
        if not found and id is None and len(self._keys) == 1:
            found = self._keys
        return [key for key in found if key.algorithm == algorithm]

    def _decode(self, token: str, key: Key) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(
            token,
            key.key,
            algorithms=[key.algorithm],
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
        with C{:} between them. As in endpoint strings, C{\\:} is a colon and C{\\\\} a backslash.
        In C{aud} and C{iss} a colon needs no backslash, unless C{NAME=} comes after it
    @raise ValueError: it cannot be used
    @raise OSError: a file cannot be read
    """
    fields = _fields(argument)
    if len({"key", "keyfile", "jwks"} & set(fields)) != 1:
        raise ValueError("one of key=, keyfile= and jwks=, then aud= and iss= if you like")
    if "jwks" in fields:
        keys = keySet(Path(fields["jwks"]).read_text("utf-8-sig"))
    elif "keyfile" in fields:
        keys = secret(Path(fields["keyfile"]).read_text("utf-8-sig").strip())
    else:
        keys = secret(fields["key"])
    return Tokens(keys, fields.get("aud"), fields.get("iss"))


def _fields(argument: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    last = ""
    for part in _split(argument):
        name, equals, value = part.partition("=")
        if equals and name in fields:
            raise ValueError(f"{name}= is there twice")
        if equals and name in _FIELDS:
            fields[name], last = value, name
        elif last in _WITH_COLONS and not (equals and re.fullmatch(r"[A-Za-z_-]+", name)):
            fields[last] += f":{part}"
        else:
            raise ValueError("between the colons are key=, keyfile=, jwks=, aud= and iss= alone")
    return fields


def _split(argument: str) -> list[str]:
    """
    @return: the parts between the colons that have no backslash before them
    """
    parts = [""]
    characters = iter(argument)
    for character in characters:
        if character == ":":
            parts.append("")
        else:
            parts[-1] += next(characters, "") if character == "\\" else character
    return parts
