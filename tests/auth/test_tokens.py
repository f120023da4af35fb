"""
Tests for L{machat.auth.tokens}.
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
from hypothesis import given, settings
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import UnauthorizedLogin
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from machat.auth.credentials import Token
from machat.auth.tokens import BadKey, keySet, secret, tokensOf
from machat.auth.users import User

SECRET = "a secret of at least 32 bytes, yes"


def claims(**more: Any) -> dict[str, Any]:
    """
    @return: the claims of a valid token
    """
    return {"sub": "Mina", "exp": int(time.time()) + 600, **more}


class TokensTests(SynchronousTestCase):
    """
    Tests for L{machat.auth.tokens.Tokens}.
    """

    def check(self, argument: str, token: str) -> User:
        """
        @return: the user of this token
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
        @return: the reason for which it is refused
        """
        return str(self.assertRaises(UnauthorizedLogin, self.check, argument, token))

    def test_rights(self) -> None:
        """
        A token contains the user's name, its expiry and the user's rights.
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
        An invalid token is refused, whatever is wrong with it.
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
        The audience and the issuer must match if they are configured.
        """
        argument = f"key={SECRET}:aud=chat:iss=https"
        self.check(argument, self.sign(aud=["x", "chat"], iss="https"))
        for aud, iss in ((None, None), ("x", "https"), ("chat", None), ("chat", "x")):
            self.assertRefused(self.sign(aud=aud, iss=iss), argument)
        self.check(f"key={SECRET}", self.sign(aud="anything"))

    def test_keySet(self) -> None:
        """
        Each key of a set is used only for its own algorithm, and is selected by its id.
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
        # the public key of one key as the secret of another algorithm
        public = pairs["r"][1].public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
        head, body, _ = jwt.encode(claims(), SECRET, "HS256", {"kid": "r"}).split(".")
        signed = hmac.digest(public, f"{head}.{body}".encode(), "sha256")
        forged = urlsafe_b64encode(signed).rstrip(b"=").decode()
        self.assertRefused(f"{head}.{body}.{forged}", argument)
        self.assertRefused(jwt.encode(claims(), pairs["e"][1], "ES256", {"kid": "r"}), argument)

    def test_severalKeys(self) -> None:
        """
        A key without an id may have signed any token, so all keys for the token's algorithm are
        tried.
        """
        keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(3)]
        curve = ed25519.Ed25519PrivateKey.generate()
        entries = [ECAlgorithm.to_jwk(key.public_key(), as_dict=True) for key in keys[:2]]
        entries.append(OKPAlgorithm.to_jwk(curve.public_key(), as_dict=True))
        path = Path(self.mktemp())
        path.write_text(json.dumps({"keys": entries}))
        for key in keys[:2]:
            for kid in (None, "x"):
                token = jwt.encode(claims(), key, "ES256", {"kid": kid} if kid else None)
                self.assertEqual(self.check(f"jwks={path}", token).name, "Mina")
            self.assertRefused(jwt.encode(claims(exp=1), key, "ES256"), f"jwks={path}")
        self.check(f"jwks={path}", jwt.encode(claims(), curve, "EdDSA"))
        self.assertRefused(jwt.encode(claims(), keys[2], "ES256"), f"jwks={path}")
        entries[0]["kid"] = entries[1]["kid"] = "same"
        path.write_text(json.dumps({"keys": entries}))
        for key in keys[:2]:
            self.check(f"jwks={path}", jwt.encode(claims(), key, "ES256", {"kid": "same"}))

    def test_otherKeys(self) -> None:
        """
        Keys of a set that are not for signatures are ignored, and of a private key only the public
        part is used.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        for private in (key, ed25519.Ed25519PrivateKey.generate()):
            kind, name = (ECAlgorithm, "ES256") if private is key else (OKPAlgorithm, "EdDSA")
            entry = kind.to_jwk(private, as_dict=True)  # type: ignore[call-overload]
            path = Path(self.mktemp())
            path.write_text(json.dumps({"keys": [{"kty": "new"}, entry]}))
            self.check(f"jwks={path}", jwt.encode(claims(), private, name))
        for more in ({"use": "enc"}, {"key_ops": ["encrypt"]}, {"alg": "HS256"}, {"alg": "x"}):
            entry = {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), **more}
            entry.pop("key_ops", None) if "key_ops" not in more else None
            self.assertRaises(BadKey, keySet, json.dumps({"keys": [entry]}))

    def test_critical(self) -> None:
        """
        A token with a critical header is refused, because MaChat does not understand it.
        """
        for crit in (["exp"], ["b64"], [], "x", None):
            header = base64.urlsafe_b64encode(
                json.dumps({"alg": "HS256", "crit": crit, "exp": 1, "b64": True}).encode()
            ).rstrip(b"=")
            body = self.sign().split(".")[1].encode()
            signature = hmac.digest(SECRET.encode(), header + b"." + body, "sha256")
            signed = urlsafe_b64encode(signature).rstrip(b"=")
            self.assertRefused((header + b"." + body + b"." + signed).decode())

    def test_publicSecret(self) -> None:
        """
        A public key is refused as a secret in any form, because anyone could sign with it.
        """
        for private, kind in (
            (rsa.generate_private_key(65537, 2048), RSAAlgorithm),
            (ec.generate_private_key(ec.SECP256R1()), ECAlgorithm),
            (ed25519.Ed25519PrivateKey.generate(), OKPAlgorithm),
        ):
            key = private.public_key()
            jwk = kind.to_jwk(key, as_dict=True)  # type: ignore[call-overload]
            spki = PublicFormat.SubjectPublicKeyInfo
            der = base64.b64encode(key.public_bytes(Encoding.DER, spki)).decode()
            for text in (
                *(json.dumps(jwk), json.dumps({"keys": [jwk]}, indent=1)),
                key.public_bytes(Encoding.PEM, spki).decode(),
                "\n" + key.public_bytes(Encoding.PEM, spki).decode(),
                key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode() + " a comment",
                *(der, "\n".join(der[at : at + 64] for at in range(0, len(der), 64))),
            ):
                self.assertIn("not a secret", str(self.assertRaises(BadKey, secret, text)))
                path = Path(self.mktemp())
                path.write_text(text)
                self.assertRaises(BadKey, tokensOf, f"keyfile={path}")
        for text in ('{"a": "a secret of 32 bytes, in JSON"}', "x" * 64, "[1, 2]" * 8, "0" * 40):
            secret(text)

    def test_mode(self) -> None:
        """
        A secret that users other than the owner and the group may read is used, with a warning.
        """
        path = Path(self.mktemp())
        path.write_text(SECRET)
        for mode, warnings in ((0o640, 0), (0o644, 1), (0o660, 1), (0o600, 0)):
            path.chmod(mode)
            with capturedLogs() as logs:
                self.check(f"keyfile={path}", self.sign())
            lines = [formatEvent(event) for event in logs]
            self.assertEqual(len([line for line in lines if "run chmod 600" in line]), warnings)

    def test_colons(self) -> None:
        """
        An issuer or an audience may be a URL. In a secret, a colon is escaped with a backslash.
        """
        issuer, audience = "https://example.com:8443/x?y=1", "urn:chat\\"
        token = self.sign(iss=issuer, aud=audience)
        for argument in (
            "iss=https://example.com:8443/x?y=1:aud=urn:chat\\\\",
            "aud=urn\\:chat\\\\:iss=https\\://example.com\\:8443/x?y=1",
        ):
            self.check(f"key={SECRET}:{argument}", token)
            self.check(f"{argument}:key={SECRET}", token)
            self.assertRefused(self.sign(iss="https", aud=audience), f"key={SECRET}:{argument}")
        key = f"{SECRET}:aud=x\\y"
        escaped = key.replace("\\", "\\\\").replace(":", "\\:")
        self.check(f"key={escaped}", self.sign(key))
        self.check(f"iss=a\\:aud=b:key={SECRET}", self.sign(iss="a:aud=b"))

    def test_partialIssuer(self) -> None:
        """
        The issuer is compared as a whole.
        """
        for issuer in ("https", "https://example.co", "https://example.com/", ""):
            token = self.sign(iss=issuer)
            self.assertRefused(token, f"key={SECRET}:iss=https://example.com")

    def test_arguments(self) -> None:
        """
        A key that cannot be used is reported.
        """
        path = Path(self.mktemp())
        path.write_text(f"{SECRET}\n")
        self.check(f"keyfile={path}", self.sign())
        self.assertRaises(BadKey, secret, "x" * 31)
        for text in ("", "[]", "{}", '{"keys": []}', '{"keys": [{"kty": "oct", "k": "eA"}]}'):
            self.assertRaises(BadKey, keySet, text)
        for argument in (
            *("", "key", f"key={SECRET}:x=1", "aud=x", f"key={SECRET}:jwks=x"),
            *(f"key={SECRET}:x", f"key={SECRET}:aud=x:audience=y", f"key={SECRET}:aud=x:aud=y"),
            *(f"key={SECRET}:iss=https://x:key={SECRET}", "keyfile=a:b", f":key={SECRET}"),
        ):
            self.assertRaises(ValueError, tokensOf, argument)
        self.assertRaises(OSError, tokensOf, "jwks=/nowhere")

    @settings(deadline=None)
    @given(st.text(max_size=80), st.sampled_from(["", "eyJhbGciOiJIUzI1NiJ9."]))
    def test_anything(self, token: str, before: str) -> None:
        """
        No token causes an error other than a refusal.
        """
        self.assertRefused(before + token)
