"""
Tests for L{machat.webhooks.signature}.
"""

from __future__ import annotations

from base64 import b64encode

from twisted.trial.unittest import SynchronousTestCase

from machat.webhooks.signature import secretsOf, sign


class SignatureTests(SynchronousTestCase):
    """
    Secrets and signatures.
    """

    def test_example(self) -> None:
        """
        The signature is that of the libraries of the specification for the example in their tests.
        """
        secrets = secretsOf("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
        signature = sign(
            secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
        )
        self.assertEqual(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")

    def test_several(self) -> None:
        """
        With several secrets, a request has a signature for each.
        """
        self.assertEqual(secretsOf("eHh4" * 8), [b"x" * 24])
        lines = [f"whsec_{b64encode(letter * 32).decode()}" for letter in (b"a", b"b")]
        both = sign(secretsOf("\n\n".join(lines)), "m", 1, b"{}")
        self.assertEqual(both.split(), [sign(secretsOf(line), "m", 1, b"{}") for line in lines])

    def test_invalid(self) -> None:
        """
        Anything else is refused, and no error contains a part of it.
        """
        for text in (
            "",
            "\n",
            "secret secret secret secret secret secret",
            "whsec_",
            "whsec_!!!!",
            f"whsec_{b64encode(b'x' * 23).decode()}",
            f"whsec_{b64encode(b'x' * 65).decode()}",
            f"whsec_{b64encode(b'x' * 24).decode()}\n" * 4,
        ):
            error = self.assertRaises(ValueError, secretsOf, text)
            self.assertNotIn(text.strip()[6:] or "-", str(error))
