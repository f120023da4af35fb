"""
Tests for L{machat.tap.options}.
"""

from __future__ import annotations

import contextlib
import io
import re
import resource
import socket
import sys
from math import inf
from pathlib import Path

from twisted.cred.credentials import IAnonymous, IUsernamePassword, UsernamePassword
from twisted.internet.endpoints import _SystemdParser
from twisted.logger import capturedLogs, formatEvent
from twisted.python.systemd import ListenFDs
from twisted.python.usage import Options as UsageOptions
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from machat.limits import DEFAULTS, UNLIMITED, Limits
from machat.tap.limits import OPTIONS
from machat.tap.options import Options


class OptionsTests(SynchronousTestCase):
    """
    Tests for L{Options}.
    """

    def limits(self, *arguments: str) -> Limits:
        """
        @return: the limits that result from the arguments
        """
        options = Options()
        options.parseOptions(list(arguments))
        limits: Limits = options["limits"]
        return limits

    def refusal(self, *arguments: str) -> str:
        """
        @return: the error for invalid arguments
        """
        self.patch(sys, "__stderr__", io.StringIO())
        error = self.assertRaises(UsageError, self.limits, *arguments)
        self.assertEqual(sys.__stderr__.getvalue(), f"machat: {error}\n")  # type: ignore[union-attr]
        return str(error)

    def test_unknown(self) -> None:
        """
        An argument without an option is named, and an unknown option may be one of C{twistd}.
        """
        self.assertIn("extra: an unexpected argument", self.refusal("--separate", "extra", "more"))
        self.patch(sys, "__stderr__", io.StringIO())
        options = Options()
        options.parent = UsageOptions()  # as under twistd
        ended = self.assertRaises(SystemExit, options.parseOptions, ["-n"])
        self.assertEqual(ended.code, 1)
        told = sys.__stderr__.getvalue()  # type: ignore[union-attr]
        self.assertEqual(
            told,
            "machat: option -n not recognized: see twistd machat --help. The options of twistd"
            ' itself go before "machat"\n',
        )

    def test_listRooms(self) -> None:
        """
        C{--list-rooms} takes C{all}, C{none} or one pattern.
        """
        for value, patterns in (("all", ("*",)), ("none", ()), ("Public-*", ("Public-*",))):
            options = Options()
            options.parseOptions(["--list-rooms", value])
            self.assertEqual(options["list-rooms"], patterns)
        options = Options()
        options.parseOptions([])
        self.assertEqual(options["list-rooms"], ())

    def test_api(self) -> None:
        """
        C{--api} needs a file of keys, which may be empty, and one chat.
        """
        keys, bad = Path(self.mktemp()), Path(self.mktemp())
        keys.write_text("")
        keys.chmod(0o600)
        bad.write_text("secret")
        api = ("--api", "tcp:0")
        for arguments, why in (
            (api, "--api: requires --api-keys FILE; machat-apikey adds keys"),
            (("--api-keys", str(keys)), "requires --api"),
            (
                (*api, "--api-keys", "/nowhere/keys"),
                "No such file or directory; machat-apikey makes it",
            ),
            ((*api, "--api-keys", str(bad)), "line 1: not LABEL RIGHTS ROOMS sha256:HASH"),
            ((*api, "--api-keys", str(keys), "--separate"), "serves one chat"),
            (("--api", "tcp:x", "--api-keys", str(keys)), "--api tcp:x: "),
            (("--api-origin", "x"), "--api-origin x: not an origin"),
        ):
            found = self.refusal(*arguments)
            self.assertIn(why, found)
            self.assertNotIn("secret", found)
        self.assertIn("must be a positive number", self.refused("--api-rate", "0"))
        options = Options()
        options.parseOptions([*api, "--tcp", "none", "--ws", "none", "--api-keys", str(keys)])
        self.assertEqual((options["api"], list(options["keys"])), (["tcp:0"], []))
        options.parseOptions(["--api-rate", "off"])
        self.assertEqual(options["api-rate"], inf)

    def refused(self, *arguments: str) -> str:
        """
        @return: the error for an argument that Twisted checks
        """
        return str(self.assertRaises(UsageError, self.limits, *arguments))

    def test_tokens(self) -> None:
        """
        C{--page-token-url} needs a valid URL, a page, and a server that checks tokens.
        """
        checked = ("--auth", "memory:Mina:secret")
        for url, arguments, reason in (
            ("token", checked, "must be a path, such as /chat-token, or an http or https URL"),
            ("/token", (), "without --auth, the server checks no token"),
            ("/token", (*checked, "--no-page"), "there is no page, because of --no-page"),
        ):
            refusal = self.refusal("--page-token-url", url, *arguments)
            self.assertEqual(refusal, f"--page-token-url {url}: {reason}")
        self.limits("--page-token-url", "/token", *checked)

    def test_defaults(self) -> None:
        """
        Without options the limits are those of the library, and the number of connections is 0.9
        times the number of descriptors.
        """
        limits = self.limits()
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        for field in Limits.__struct_fields__:
            if field != "maxConnections":
                self.assertEqual(getattr(limits, field), getattr(DEFAULTS, field), field)
        if hard != resource.RLIM_INFINITY:
            self.assertEqual(limits.maxConnections, int(hard * 0.9))

    def test_values(self) -> None:
        """
        Sizes, times and numbers are parsed with their units.
        """
        limits = self.limits(
            *("--rate", "2.5", "--burst", "7", "--max-line", "1KiB", "--max-waiting", "2MiB"),
            *("--max-waiting-total", "1GiB", "--log-age", "7d", "--join-timeout", "1.5s"),
            *("--ping", "1m", "--pong", "20", "--max-connections", "12"),
        )
        self.assertEqual((limits.rate, limits.burst, limits.maxLine), (2.5, 7, 1024))
        self.assertEqual((limits.maxWaiting, limits.maxWaitingTotal), (2 << 20, 1 << 30))
        self.assertEqual((limits.logAge, limits.joinTimeout), (604_800, 1.5))
        self.assertEqual((limits.ping, limits.pong, limits.maxConnections), (60, 20, 12))

    def test_webhook(self) -> None:
        """
        The options of a webhook are checked, and no error contains a secret.
        """
        path = self.mktemp()
        Path(path).write_text("eHh4" * 8)
        url = ("--webhook", "https://example.com/")
        for options, words in (
            (url, "--webhook and --webhook-secret-file must be given together"),
            (("--webhook-secret-file", path), "must be given together"),
            ((*url, "--webhook-secret-file", "/nowhere"), "/nowhere: No such file or directory"),
            ((*url, "--webhook-secret-file", __file__), "it must have 1 to 3 lines"),
            ((*url, "--webhook-secret-file", sys.executable), "not base64, but binary"),
            (("--webhook", "x", "--webhook-secret-file", path), "must have the form https://"),
            ((*url, "--webhook-secret-file", path, "--separate"), "to which chat they belong"),
        ):
            self.assertIn(words, self.refusal(*options))
        for mode, warnings in ((0o640, 0), (0o644, 1), (0o600, 0)):
            Path(path).chmod(mode)
            found = Options()
            with capturedLogs() as logs:
                found.parseOptions([*url, "--webhook-secret-file", path])
            self.assertEqual(found["secrets"], [b"x" * 24])
            lines = [formatEvent(event) for event in logs]
            self.assertEqual(len([line for line in lines if "run chmod 600" in line]), warnings)

    def test_names(self) -> None:
        """
        An option has the name of its limit.
        """
        for name, option in OPTIONS.items():
            dashed = re.sub("[A-Z]", lambda found: f"-{found[0].lower()}", option.field)
            self.assertEqual(name, dashed)

    def test_off(self) -> None:
        """
        A limit that only protects the server can be switched off.
        """
        for name, option in OPTIONS.items():
            if option.off is None:
                self.assertIn(f"--{name} off: must be ", self.refusal(f"--{name}", "off"))
            else:
                self.assertEqual(getattr(self.limits(f"--{name}", "off"), option.field), option.off)
        self.assertEqual(self.limits("--rate", "off").rate, inf)
        self.assertEqual(self.limits("--max-members", "off").maxMembers, UNLIMITED)

    def test_nonsense(self) -> None:
        """
        An invalid value is refused in one line that names the option.
        """
        for name, option in OPTIONS.items():
            for text in (
                "",
                "0",
                "-1",
                "x",
                "nan",
                "inf",
                "1XB",
                "1 KiB",
                "1e400",
                "\u0661",
                "9" * 20,
            ):
                said = self.refusal(f"--{name}", text)
                self.assertTrue(said.startswith(f"--{name} {text}: "), (said, option))
        self.assertEqual(
            self.refusal("--pong", "25"), "--pong 25: must be less than --ping, which is 25"
        )
        self.assertEqual(self.refusal("--workers", "257"), "--workers 257: must be at most 256")
        both = ("--workers", "2", "--store", "nothing:")
        self.assertIn("--store nothing:: must begin with one of ", self.refusal(*both))
        both = ("--workers", "2", "--store", "sqlite:x")
        self.assertIn("--workers 2: the workers would not see", self.refusal(*both))
        self.assertIn("--monitor nonsense: ", self.refusal("--monitor", "nonsense"))
        self.assertIn(
            "--ping 1.5: must be a whole number of seconds", self.refusal("--ping", "1.5")
        )

    def test_check(self) -> None:
        """
        A check of valid options prints nothing and exits with status 0; otherwise it prints the
        error.
        """
        ended = self.assertRaises(SystemExit, self.limits, "--check", "--rate", "3")
        self.assertEqual(ended.code, 0)
        self.assertIn("--rate none: ", self.refusal("--check", "--rate", "none"))
        told = self.refusal("--check", "--tcp", "tcp:99999999")
        self.assertEqual(told, "--tcp tcp:99999999: port must be a number from 0 to 65535")

    def test_help(self) -> None:
        """
        The help lists every limit with its default.
        """
        with contextlib.redirect_stdout(io.StringIO()):
            text = " ".join(str(Options()).split())
        self.assertIn(
            '--rate= Maximum average messages per second from one client, or "off". [default: 5]',
            text,
        )
        self.assertIn(
            "--max-line= Maximum length of a line or message, in bytes. [default: 65536]", text
        )
        self.assertIn("--max-waiting-total=", text)
        for name in OPTIONS:
            self.assertIn(f"--{name}=", text)

    def test_origins(self) -> None:
        """
        An invalid origin or host is refused with the reason, in printable characters.
        """
        options = Options()
        options.parseOptions(["--origin", "http://[::1]:3000", "--origin", "https://*.a.test"])
        self.assertEqual(options["origins"], ["http://[::1]:3000", "https://*.a.test"])
        options = Options()
        options.parseOptions(["--host", "chat.example.org", "--host", "::1"])
        self.assertEqual(options["hosts"], ["chat.example.org", "::1"])
        for name, value, reason in (
            ("origin", "chat.example.org", "must begin with http"),
            ("origin", "null", "null stands for"),
            ("origin", "http://[a-z].test", "without a path"),
            ("origin", "http://a*.test", "whole labels"),
            ("origin", "http://b\u00fccher.test", "xn--"),
            ("host", "localhost:8099", "write it without a port"),
            ("host", "http://localhost", "not a host name"),
            ("host", "\x1b[31m", "not a host name"),
        ):
            refusal = self.refusal(f"--{name}", value)
            self.assertIn(reason, refusal)
            self.assertIn(ascii(value)[1:-1], refusal)
            self.assertTrue(refusal.isprintable())

    def test_adoptedSockets(self) -> None:
        """
        A socket of the service manager must exist, and must have the given address family.
        """
        with socket.socket(socket.AF_INET6) as passed:
            sockets = ListenFDs([passed.fileno()], ["tcp"])
            self.patch(_SystemdParser, "_sddaemon", sockets)
            self.limits("--tcp", "systemd:domain=INET6:name=tcp")
            for wrapped in ("", "haproxy:"):
                told = self.refusal("--tcp", f"{wrapped}systemd:domain=INET:name=tcp")
                self.assertIn("the passed socket has domain INET6", told)
            told = self.refusal("--ws", "systemd:domain=INET6:name=ws")
        self.assertIn("the service manager did not pass this socket: 'ws'", told)

    def test_auth(self) -> None:
        """
        Credentials are required if a checker is named, and the checker must be usable.
        """
        options = Options()
        options.parseOptions(["--auth", "memory:Mina:secret", "--anonymous"])
        self.assertGreater(set(options["portal"].checkers), {IUsernamePassword, IAnonymous})
        memory = options["portal"].checkers[IUsernamePassword]
        shown = memory.requestAvatarId(UsernamePassword(b"Mina", b"secret"))
        self.assertEqual(self.successResultOf(shown), b"Mina")
        self.limits("--auth", "memory:Mina:secret", "--auth", f"jwt:key={'x' * 32}")
        for arguments, why in (
            (["--anonymous"], "--anonymous requires --auth"),
            (["--auth", "none"], "--auth none: unknown type"),
            (["--auth", "jwt:key=short"], "--auth jwt: a secret must have at least 32 bytes"),
            (["--auth", "file:/nowhere"], "--auth: /nowhere: No such file"),
            (["--auth", "jwt:keyfile=/nowhere"], "--auth jwt: /nowhere: No such file"),
            (["--auth", "unix", "--auth", "memory:Mina:x"], "more than one --auth"),
        ):
            self.assertIn(why, self.refusal(*arguments))
