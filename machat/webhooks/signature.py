"""
The signatures of webhooks: HMAC-SHA256 over id, time and body.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence

#: The beginning of a secret, which may be missing. The rest is in base64.
PREFIX = "whsec_"

#: The lengths that the specification allows for a secret, bytes.
SHORTEST = 24
LONGEST = 64

#: The maximum number of secrets: the current one, the next one, and a spare.
MOST = 3


def secretsOf(text: str) -> list[bytes]:
    """
    Parse the content of a secret file: a secret on each line. Requests are signed with all of them,
    so that a receiver can change from one to the next at any time.

    @raise ValueError: it is not valid. The message contains no part of it
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not 1 <= len(lines) <= MOST:
        raise ValueError(f"it must have 1 to {MOST} lines, each with a secret")
    return [_secretOf(line) for line in lines]


def _secretOf(line: str) -> bytes:
    try:
        secret = b64decode(line.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("a secret must be base64, see openssl rand -base64 32") from None
    if not SHORTEST <= len(secret) <= LONGEST:
        raise ValueError(f"a secret must have {SHORTEST} to {LONGEST} bytes")
    return secret


def sign(secrets: Sequence[bytes], id: str, at: int, body: bytes) -> str:
    """
    @param at: the time of the attempt, Unix time
    @return: the value of the header C{webhook-signature}
    """
    content = b"%b.%d.%b" % (id.encode(), at, body)
    digests = [hmac.digest(secret, content, "sha256") for secret in secrets]
    return " ".join([f"v1,{b64encode(digest).decode()}" for digest in digests])
