"""
The identity of clients, in the terms of L{twisted.cred}: users and their rights, credentials,
password files, JSON Web Tokens, the realm, and the login itself.
"""

from machat.auth.credentials import IKnowsUsers, IToken, IUnguessable, NotChecked, Token
from machat.auth.login import Authenticator
from machat.auth.passwords import BadPasswords, PasswordFile
from machat.auth.realm import ChatRealm
from machat.auth.tokens import BadKey, Tokens, keySet, secret
from machat.auth.users import ANYBODY, User

__all__ = [
    "ANYBODY",
    "Authenticator",
    "BadKey",
    "BadPasswords",
    "ChatRealm",
    "IKnowsUsers",
    "IToken",
    "IUnguessable",
    "NotChecked",
    "PasswordFile",
    "Token",
    "Tokens",
    "User",
    "keySet",
    "secret",
]
