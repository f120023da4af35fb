"""
Tokens with which a page opens an event stream, because C{EventSource} cannot send a header with a
key.

A token names a key, a room and the end of its validity. It is signed with the hash of the key, so
that it is valid in all processes of a server, also after a restart, and ends with the key.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from hashlib import sha256

import msgspec

from machat import names
from machat.auth.apikeys import READ, ApiKey, ApiKeys
from machat.errors import ChatError

_LONGEST = 1_024

#: Prevents the use of a signature for another purpose.
_PURPOSE = b"machat event stream\0"


class _Claims(msgspec.Struct, array_like=True):
    label: str
    room: str
    expires: int


def makeToken(key: ApiKey, room: str, expires: int) -> str:
    """
    @param room: the name of the room
    @param expires: the end of its validity, Unix time
    @return: a token
    """
    claims = msgspec.json.encode(_Claims(key.label, room, expires))
    return f"{_text(claims)}.{_text(_sign(key, claims))}"


def keyOf(token: str, room: str, keys: ApiKeys, now: float) -> ApiKey | None:
    """
    @param room: the name of the room that the client requests
    @param now: Unix time
    @return: the key of a token that is valid for the room
    """
    if len(token) > _LONGEST:
        return None
    first, _, last = token.partition(".")
    try:
        data, signature = _bytes(first), _bytes(last)
        claims = msgspec.json.decode(data, type=_Claims)
        room = names.checkRoom(room)
    except (NotBase64, ValueError, msgspec.DecodeError, ChatError):
        return None
    key = keys.labelled(claims.label)
    if key is None or not hmac.compare_digest(_sign(key, data), signature):
        return None
    if claims.expires < now or names.key(claims.room) != names.key(room):
        return None
    return key if key.may(READ, room) else None


def _sign(key: ApiKey, claims: bytes) -> bytes:
    return hmac.new(key.hash, _PURPOSE + claims, sha256).digest()


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
