"""
Tests for L{machat.cli.token} and L{machat.auth.issuing}: the command C{machat-token}.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import time
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ed25519
from jwt.algorithms import OKPAlgorithm
from twisted.trial.unittest import SynchronousTestCase

from machat.auth.credentials import Token
from machat.auth.tokens import tokensOf
from machat.auth.users import User
from machat.cli import token as command
from machat.cli.token import UNCHECKED, main

SECRET = "a secret of at least 32 bytes, yes"


class TokenTests(SynchronousTestCase):
    """
    The command.
    """

    def setUp(self) -> None:
        self.file = self.mktemp()
        Path(self.file).write_text(f"{SECRET}\n")

    def run_(self, *arguments: str) -> tuple[int, str, str]:
        """
        @return: the exit status, the output and the error
        """
        output, errors = io.StringIO(), io.StringIO()
        status: Any = 0
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            try:
                main(arguments)
            except SystemExit as end:
                status = end.code
        self.assertNotIn(SECRET, output.getvalue() + errors.getvalue() + str(status))
        if isinstance(status, str):
            return 1, output.getvalue(), status
        return status, output.getvalue(), errors.getvalue()

    def create(self, *arguments: str) -> str:
        """
        @return: a new token
        """
        options = ("create", "--key-file", self.file, "--name", "Ada", *arguments)
        status, output, errors = self.run_(*options)
        self.assertEqual((status, errors, output.count("\n")), (0, "", 1))
        return output.strip()

    def inspect(self, status: int, token: str, *arguments: str) -> Any:
        """
        @return: what the command shows
        """
        found, output, errors = self.run_("inspect", token, *arguments)
        self.assertEqual((found, errors), (status, ""))
        return json.loads(output)

    def user(self, token: str, more: str = "") -> User:
        """
        @return: the user whom a server makes of a token
        """
        user: User = tokensOf(f"keyfile={self.file}{more}").requestAvatarId(Token("Ada", token))
        return user

    def test_create(self) -> None:
        """
        A server accepts the token, with the rights of the options.
        """
        user = self.user(self.create())
        self.assertEqual((user.rooms, user.say, user.mod), (("*",), ("*",), ()))
        assert user.expires is not None
        self.assertLess(abs(user.expires - time.time() - 3600), 60)
        rights = ("--rooms", "dev", "--rooms=team/*", "--read-only", "--mod=dev", "--lifetime=9")
        more = self.user(self.create(*rights, "--aud=chat", "--iss=https://x/"), ":aud=chat")
        self.assertEqual((more.rooms, more.say, more.mod), (("dev", "team/*"), (), ("dev",)))

    def test_refused(self) -> None:
        """
        Invalid options are refused with one line, which contains no key.
        """
        short = self.mktemp()
        Path(short).write_text("tooshort")
        binary = self.mktemp()
        Path(binary).write_bytes(SECRET.encode() + b"\xff")
        for words, arguments in (
            ("bad-name", ("--key-file", self.file, "--name", "a b")),
            ("from 1 to", ("--key-file", self.file, "--name=a", "--lifetime=0")),
            ("from 1 to", ("--key-file", self.file, "--name=a", "--lifetime=99999999")),
            ("name fewer rooms", ("--key-file", self.file, "--name=a", "--rooms", "x" * 4000)),
            ("contradict", ("--key-file", self.file, "--name=a", "--read-only", "--say=x")),
            ("/nowhere: No such file", ("--key-file", "/nowhere", "--name=a")),
            ("a secret must have at least 32 bytes", ("--key-file", short, "--name=a")),
            ("it is not UTF-8", ("--key-file", binary, "--name=a")),
        ):
            status, output, errors = self.run_("create", *arguments)
            self.assertEqual((status, output), (1, ""))
            self.assertIn(words, errors)
            self.assertNotIn("tooshort", errors)

    def test_inspect(self) -> None:
        """
        The output has the claims, the expiry and the signature. The exit status tells whether a
        server accepts the token.
        """
        token = self.create("--rooms=dev")
        shown = self.inspect(0, token, "--key-file", self.file)
        self.assertEqual(shown["header"], {"alg": "HS256", "typ": "JWT"})
        self.assertEqual((shown["claims"]["sub"], shown["claims"]["rooms"]), ("Ada", ["dev"]))
        self.assertEqual((shown["signature"], shown["accepted"]), ("valid", True))
        self.assertRegex(shown["expires"], r"^20\d\d-.* UTC, in 3\d\d\d s$")
        other = self.mktemp()
        Path(other).write_text(f"{SECRET}, but another one")
        shown = self.inspect(1, token, "--key-file", other)
        self.assertEqual((shown["signature"], shown["accepted"]), ("invalid", False))
        shown = self.inspect(UNCHECKED, token)
        self.assertEqual((shown["signature"], shown["accepted"]), ("not checked", None))
        shown = self.inspect(1, token, "--key-file", self.file, "--aud=chat")
        self.assertEqual((shown["signature"], shown["accepted"]), ("valid", False))
        self.assertIn("aud", shown["refusal"])

    def test_expired(self) -> None:
        """
        An expired token, and one without an expiry, have a valid signature and are not accepted.
        """
        for claims, refusal in (
            ({"sub": "Ada", "exp": 5}, "Signature has expired"),
            ({"sub": "Ada"}, "the claim exp is missing"),
            ({"exp": 2**33, "\x1b[2J": "\u202e"}, "the claim sub is missing"),
        ):
            token = jwt.encode(claims, SECRET, "HS256")
            shown = self.inspect(1, token, "--key-file", self.file)
            self.assertEqual(shown["signature"], "valid")
            self.assertIn(refusal, shown["refusal"])

    def test_keys(self) -> None:
        """
        Public keys verify tokens as well.
        """
        key = ed25519.Ed25519PrivateKey.generate()
        public = json.loads(OKPAlgorithm.to_jwk(key.public_key()))
        path = self.mktemp()
        Path(path).write_text(json.dumps({"keys": [{**public, "kid": "one"}]}))
        claims = {"sub": "Ada", "exp": int(time.time()) + 60}
        token = jwt.encode(claims, key, "EdDSA", {"kid": "one"})
        self.assertTrue(self.inspect(0, token, "--jwks", path)["accepted"])
        self.assertFalse(self.inspect(1, self.create(), "--jwks", path)["accepted"])
        self.assertIn(": not a JWK Set", self.run_("inspect", token, "--jwks", self.file)[2])

    def test_input(self) -> None:
        """
        Without an argument, the token is read from standard input. Anything else is refused.
        """
        inner, outer = os.pipe()
        os.write(outer, f" {self.create()}\n".encode())
        os.close(outer)
        self.patch(command, "_INPUT", inner)
        status, output, _ = self.run_("inspect", "--key-file", self.file)
        os.close(inner)
        self.assertEqual((status, json.loads(output)["accepted"]), (0, True))
        for token in (
            "",
            "x",
            "a.b.c",
            "\u00e9.\u00e9.\u00e9",
            jwt.encode({}, SECRET).rsplit(".", 1)[0],
        ):
            status, output, errors = self.run_("inspect", token, "--key-file", self.file)
            self.assertEqual((status, output), (1, ""))
            self.assertIn("machat-token: not a token", errors)

    def test_unsigned(self) -> None:
        """
        A token without a signature is not accepted.
        """
        token = jwt.encode({"sub": "Ada", "exp": 2**33}, "", "none")
        shown = self.inspect(1, token, "--key-file", self.file)
        self.assertEqual((shown["signature"], shown["accepted"]), ("invalid", False))
