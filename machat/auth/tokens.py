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
from twisted.logger import Logger
from zope.interface import implementer

from machat import names
from machat.auth.credentials import IToken, IUnguessable
from machat.auth.modes import warnIfExposed
from machat.auth.users import User
from machat.errors import ChatError

#: The minimum length of a secret, bytes: the length of the hash of HS256 (RFC 7518 section 3.2).
SECRET = 32

#: The maximum difference between the clocks of the issuer and of this machine, seconds.
LEEWAY = 5

_log = Logger()

_ALGORITHMS = ("RS256", "ES256", "EdDSA")

#: The beginning of a key in PEM or SSH format.
_KEY_FILE = re.compile(r"\s*(----|ssh-|ecdsa-|sk-)")

#: The fields of the argument, and the fields whose values may contain colons.
_FIELDS = ("key", "keyfile", "jwks", "aud", "iss")
_WITH_COLONS = ("aud", "iss")


class Key(NamedTuple):
    """
    A key that verifies tokens.

    @ivar id: its C{kid}, if it has one
    @ivar algorithm: the signature algorithm that it is for
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
    @return: one key for HS256, which verifies every token
    @raise BadKey: the secret is too short, or it is a key file. Public keys are rejected as
        secrets, because anyone who knows one could sign tokens with it
    """
    if len(key.encode()) < SECRET:
        raise BadKey(f"a secret must have at least {SECRET} bytes")
    if _KEY_FILE.match(key) or _isJWK(key) or _isDER(key):
        raise BadKey("this is a key file, not a secret: use jwks=FILE for public keys")
    return [Key(None, "HS256", key)]


def _isJWK(text: str) -> bool:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(data, dict) and ("keys" in data or "kty" in data)


def _isDER(text: str) -> bool:
    """
    @return: whether the text is a public key or a certificate in base64, without the PEM lines
    """
    for load in (load_der_public_key, load_der_x509_certificate):
        with suppress(Exception):
            load(b64decode(text))
            return True
    return False


def keySet(text: str) -> list[Key]:
    """
    @param text: a JWK Set (RFC 7517)
    @return: the keys in their order, without those that are not for signatures or are for
        unsupported algorithms
    @raise BadKey: no key can be used
    """
    try:
        keys = list(_keys(json.loads(text)["keys"]))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadKey(f"not a JWK Set: {error!r}") from None
    if not keys:
        raise BadKey(f"the set has no key for {', '.join(_ALGORITHMS)}")
    return keys


def _keys(entries: list[dict[str, Any]]) -> Iterator[Key]:
    for entry in entries:
        signs = entry.get("use", "sig") == "sig" and "verify" in entry.get("key_ops", ["verify"])
        with suppress(jwt.PyJWTError):  # unsupported key type
            found = jwt.PyJWK(entry)
            if signs and found.algorithm_name in _ALGORITHMS:
                key = found.key.public_key() if hasattr(found.key, "public_key") else found.key
                yield Key(found.key_id, found.algorithm_name, key)


#: The exceptions for an invalid token. PyJWT does not catch those of C{json} and of numbers.
_WRONG = (jwt.PyJWTError, ChatError, ValueError, TypeError, OverflowError, RecursionError)


@implementer(ICredentialsChecker, IUnguessable)
class Tokens:
    """
    Checks tokens. A token must have C{sub}, the user's name, and C{exp}, because a token that does
    not expire could never be revoked. It may have C{rooms}, a list of patterns of rooms to join,
    and C{say} and C{mod}. Each of the three is a list of patterns, C{true} for all rooms, or
    C{false} for none.
    """

    credentialInterfaces = (IToken,)

    def __init__(
        self, keys: list[Key], audience: str | None = None, issuer: str | None = None
    ) -> None:
        """
        @param keys: see L{secret} and L{keySet}
        @param audience: the required C{aud}; C{None} if C{aud} is not checked
        @param issuer: the required C{iss}; C{None} if C{iss} is not checked
        """
        self._keys = keys
        self._audience = audience
        self._issuer = issuer

    def requestAvatarId(self, credentials: IToken) -> Any:
        """
        @return: the L{User} that the token describes
        @raise UnauthorizedLogin: the text explains why the token is invalid
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
            reason = error.args[-1] if error.args else error
            if isinstance(error, jwt.MissingRequiredClaimError):
                reason = f"the claim {reason} is missing"
            raise UnauthorizedLogin(f"token: {reason}") from None
        return user

    def isSigned(self, token: str) -> bool:
        """
        @return: whether one of the keys has signed a token, whatever its claims are
        """
        try:
            header = jwt.get_unverified_header(token)
            keys = self._candidates(header.get("kid"), header.get("alg"))
        except (jwt.PyJWTError, ValueError):
            return False
        for key in keys:
            with suppress(jwt.PyJWTError):
                jwt.PyJWS().decode(token, key.key, [key.algorithm])
                return True
        return False

    def _claims(self, token: str) -> dict[str, Any]:
        header = jwt.get_unverified_header(token)
        if "crit" in header:  # RFC 7515 section 4.1.11; no extension is supported
            raise ValueError("it has an unsupported critical header")
        for key in self._candidates(header.get("kid"), header.get("alg")):
            with suppress(jwt.InvalidSignatureError):
                return self._decode(token, key)
        raise ValueError("it is not signed with a known key")

    def _candidates(self, id: str | None, algorithm: str | None) -> list[Key]:
        """
        @return: the keys that may have signed a token. A key without an id matches every token
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
    raise ValueError("rights must be true, false, or a list of at most 100 rooms")


def tokensOf(argument: str) -> Tokens:
    """
    @param argument: one of C{key=SECRET}, C{keyfile=FILE} and C{jwks=FILE}, optionally followed by
        C{aud=} and C{iss=}, separated by C{:}. As in endpoint strings, C{\\:} is a colon and
        C{\\\\} a backslash. In C{aud} and C{iss}, a colon needs a backslash only before C{NAME=}
    @raise ValueError: the argument is invalid
    @raise OSError: a file cannot be read
    """
    fields = _fields(argument)
    if len({"key", "keyfile", "jwks"} & set(fields)) != 1:
        raise ValueError(
            "exactly one of key=, keyfile= and jwks= is required; aud= and iss= are optional"
        )
    if "jwks" in fields:
        keys = keySet(Path(fields["jwks"]).read_text("utf-8-sig"))
    elif "keyfile" in fields:
        keys = secret(_secretIn(Path(fields["keyfile"])))
    else:
        keys = secret(fields["key"])
    return Tokens(keys, fields.get("aud"), fields.get("iss"))


def _secretIn(path: Path) -> str:
    warnIfExposed(_log, path, path.stat().st_mode, "make tokens")
    return path.read_text("utf-8-sig").strip()


def _fields(argument: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    last = ""
    for part in _split(argument):
        name, equals, value = part.partition("=")
        if equals and name in fields:
            raise ValueError(f"{name}= appears twice")
        if equals and name in _FIELDS:
            fields[name], last = value, name
        elif last in _WITH_COLONS and not (equals and re.fullmatch(r"[A-Za-z_-]+", name)):
            fields[last] += f":{part}"
        else:
            raise ValueError(
                "only key=, keyfile=, jwks=, aud= and iss= are allowed, separated by colons"
            )
    return fields


def _split(argument: str) -> list[str]:
    """
    @return: the parts between those colons that have no backslash before them
    """
    parts = [""]
    characters = iter(argument)
    for character in characters:
        if character == ":":
            parts.append("")
        else:
            parts[-1] += next(characters, "") if character == "\\" else character
    return parts
