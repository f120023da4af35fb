"""
The accounts of a site, and their names and tokens in the chat. Both sites in this folder use them.
"""

import re
import time
import unicodedata
from hashlib import scrypt, sha256
from hmac import compare_digest

import jwt

from machat.errors import ChatError
from machat.names import checkName

#: The lifetime of a token, seconds. The pages request a new one before it expires.
LIFETIME = 300


def digest(password, salt):
    return scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)


#: Salts and digests of the passwords, as a database might store them, by the names of the accounts.
ACCOUNTS = {
    "Mina": (b"1", digest("rain", b"1")),
    "Ada Lovelace": (b"2", digest("snow", b"2")),
    "grace@example.org": (b"3", digest("wind", b"3")),
}


def find(name, password):
    """
    @return: the name of the account with this password; C{None} if there is none
    """
    salt, expected = ACCOUNTS.get(name, (b"", b""))
    found = digest(password, salt)  # also for an unknown name, so that the time is the same
    return name if compare_digest(found, expected) else None


def chatName(account):
    """
    @return: the name of an account in the chat. If the chat does not allow the account's own name,
        the name ends with a part of its hash, so that two accounts never have the same name
    """
    if "~" not in account:
        try:
            return checkName(account)
        except ChatError:
            pass
    letters = unicodedata.normalize("NFKD", account).encode("ascii", "ignore").decode()
    allowed = re.sub(r"[^A-Za-z0-9.-]+", "_", letters)[:23]
    return f"{allowed}~{sha256(account.encode()).hexdigest()[:8]}"


def tokenFor(account, secret):
    """
    @return: what the page receives from the token endpoint
    """
    name = chatName(account)
    claims = {"sub": name, "exp": int(time.time()) + LIFETIME, "rooms": ["team", "lobby"]}
    return {"name": name, "token": jwt.encode(claims, secret, "HS256")}
