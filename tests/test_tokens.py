"""
Tests for L{machat.tokens}.
"""

from __future__ import annotations

import base64
import hmac
import json
import time
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import UnauthorizedLogin
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from machat.credentials import Token
from machat.tokens import BadKey, keySet, secret, tokensOf
from machat.users import User

SECRET = "a secret of at least 32 bytes, yes"


def claims(**more: Any) -> dict[str, Any]:
    """
    @return: what a good token says
    """
    return {"sub": "Mina", "exp": int(time.time()) + 600, **more}


class TokensTests(SynchronousTestCase):
    """
    Tests for L{machat.tokens.Tokens}.
    """

    def check(self, argument: str, token: str) -> User:
        """
        @return: who this is
        """
        user: User = tokensOf(argument).requestAvatarId(Token("Mina", token))
        return user

    def sign(self, key: Any = SECRET, algorithm: str = "HS256", **more: Any) -> str:
        """
        @return: a token
        """
        said = {name: value for name, value in claims(**more).items() if value is not None}
        return jwt.encode(said, key, algorithm)

    def assertRefused(self, token: str, argument: str = f"key={SECRET}") -> str:
        """
        @return: why it is not good
        """
        return str(self.assertRaises(UnauthorizedLogin, self.check, argument, token))

    def test_rights(self) -> None:
        """
        A token tells who somebody is, until when, and what he may.
        """
        verifyObject(ICredentialsChecker, tokensOf(f"key={SECRET}"))
        user = self.check(f"key={SECRET}", self.sign(exp=2**33))
        self.assertEqual(user, User(name="Mina", expires=float(2**33)))
        told = self.sign(rooms=["team/*"], say=False, mod=True, exp=2**33)
        user = self.check(f"key={SECRET}", told)
        expected = User(name="Mina", rooms=("team/*",), say=(), mod=("*",), expires=float(2**33))
        self.assertEqual(user, expected)

    def test_refused(self) -> None:
        """
        Whatever is wrong with a token, it is refused.
        """
        now = time.time()
        for token in (
            self.sign("another secret of at least 32 bytes"),
            self.sign(exp=now - 10),
            self.sign(exp=None),
            self.sign(nbf=now + 60),
            self.sign(sub=None),
            self.sign(sub="a:b"),
            self.sign(sub="machat"),
            self.sign(rooms="dev"),
            self.sign(mod=[1]),
            self.sign(rooms=["x"] * 101),
            self.sign(algorithm="HS512"),
            jwt.encode(claims(), "", "none"),
            "",
            "x.y.z",
            "x" * 4000,
            self.sign(exp=10**400),
            base64.urlsafe_b64encode(b'{"alg":' + b"[" * 20_000).decode() + ".x.y",
        ):
            self.assertTrue(self.assertRefused(token))

    def test_audience(self) -> None:
        """
        The audience and the issuer have to be right where they are asked for.
        """
        argument = f"key={SECRET}:aud=chat:iss=https"
        self.check(argument, self.sign(aud=["x", "chat"], iss="https"))
        for aud, iss in ((None, None), ("x", "https"), ("chat", None), ("chat", "x")):
            self.assertRefused(self.sign(aud=aud, iss=iss), argument)
        self.check(f"key={SECRET}", self.sign(aud="anything"))

    def test_keySet(self) -> None:
        """
        Each key of a set is good for its own algorithm, found by its id.
        """
        pairs: dict[str, tuple[str, Any, Any]] = {
            "r": ("RS256", rsa.generate_private_key(65537, 2048), RSAAlgorithm),
            "e": ("ES256", ec.generate_private_key(ec.SECP256R1()), ECAlgorithm),
            "d": ("EdDSA", ed25519.Ed25519PrivateKey.generate(), OKPAlgorithm),
        }
        keys = [
            {**kind.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig", "alg": name}
            for kid, (name, key, kind) in pairs.items()
        ]
        path = Path(self.mktemp())
        path.write_text(json.dumps({"keys": keys}))
        argument = f"jwks={path}"
        for kid, (name, key, _) in pairs.items():
            token = jwt.encode(claims(), key, name, {"kid": kid})
            self.assertEqual(self.check(argument, token).name, "Mina")
            self.assertRefused(jwt.encode(claims(), key, name, {"kid": "x"}), argument)
            self.assertRefused(jwt.encode(claims(), key, name), argument)
        # the public key of one as the secret of another algorithm
        public = pairs["r"][1].public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
        head, body, _ = jwt.encode(claims(), SECRET, "HS256", {"kid": "r"}).split(".")
        signed = hmac.digest(public, f"{head}.{body}".encode(), "sha256")
        forged = urlsafe_b64encode(signed).rstrip(b"=").decode()
        self.assertRefused(f"{head}.{body}.{forged}", argument)
        self.assertRefused(jwt.encode(claims(), pairs["e"][1], "ES256", {"kid": "r"}), argument)

    def test_arguments(self) -> None:
        """
        What cannot be used as a key is told.
        """
        path = Path(self.mktemp())
        path.write_text(f"{SECRET}\n")
        self.check(f"keyfile={path}", self.sign())
        self.assertRaises(BadKey, secret, "x" * 31)
        for text in ("", "[]", "{}", '{"keys": []}', '{"keys": [{"kty": "oct", "k": "eA"}]}'):
            self.assertRaises(BadKey, keySet, text)
        for argument in ("", "key", f"key={SECRET}:x=1", "aud=x", f"key={SECRET}:jwks=x"):
            self.assertRaises(ValueError, tokensOf, argument)
        self.assertRaises(OSError, tokensOf, "jwks=/nowhere")

    @given(st.text(max_size=80), st.sampled_from(["", "eyJhbGciOiJIUzI1NiJ9."]))
    def test_anything(self, token: str, before: str) -> None:
        """
        No token is more than refused.
        """
        self.assertRefused(before + token)
