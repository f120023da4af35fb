"""
The commands in the documents are run unchanged except for their ports, in this environment.
Commands that install something are not run again, but compared with C{.ci/run}; commands that need
parts of another machine (systemd, a container) are compared with the files that they name.
"""

from __future__ import annotations

import configparser
import json
import re
import shlex
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

from machat import __version__
from machat.store.sqlite.database import Database
from machat.store.sqlite.file import openDatabase
from machat.store.sqlite.records import Group, Wanted
from tests.processes import (
    BIN,
    LOCAL,
    PATIENCE,
    ROOT,
    RawClient,
    ServerTestCase,
    find,
    portsOf,
    start,
    twistd,
    waitForLine,
)

CI = (ROOT / ".ci/run").read_text() + (ROOT / "noxfile.py").read_text().replace('", "', " ")
UNITS = ROOT / "deploy" / "systemd"


class NotKnown(AssertionError):
    """
    There is no rule for this command.
    """


class Shell:
    """
    Runs the commands that a reader types.

    @ivar case: the test
    @ivar folder: the current folder
    @ivar made: the folder for files that commands create
    @ivar environment: variables for a command
    """

    def __init__(self, case: ServerTestCase, done: set[str]) -> None:
        """
        @param done: the commands that need not be run again, because they depend on nothing
        """
        self.case = case
        self._done = done
        self.folder = ROOT
        self.made = Path(case.mktemp()).resolve()
        self.made.mkdir()
        self.environment: list[str] = []
        self._ports: list[int] = []

    def run(self, line: str) -> None:
        """
        @param line: one command line
        @raise NotKnown: there is no rule for it
        """
        for command in re.split(r" && | \| ", line):
            words = shlex.split(command, comments=True)
            self.environment = [word for word in words if re.match(r"[A-Z_]+=", word)]
            words = words[len(self.environment) :]
            name = " ".join([words[0].rpartition("/")[2], *words[1:]])
            rule = next((rule for pattern, rule in RULES if re.match(pattern, name)), None)
            if rule is None:
                raise NotKnown(command)
            if name not in self._done:
                rule(self, words)
            if rule in (_serve, _chat):
                self._done.add(name)

    def ports(self) -> list[int]:
        """
        @return: the addresses of a chat, for lines and for WebSockets
        """
        if not self._ports:
            self._ports += self.case.serveBoth()[1:]
        return self._ports


def _environment(shell: Shell, words: list[str]) -> None:
    shell.case.assertIn("python3 -m venv", CI)


def _install(shell: Shell, words: list[str]) -> None:
    """
    C{.ci/run} installs the package and the requirements of the extra: those of the tests with the
    README's own command, those of C{dev} one by one.
    """
    installed = set(",".join(re.findall(r"\.\[([\w,]+)\]", CI)).split(",")) | {"test", "dev"}
    found = re.fullmatch(r"\.(?:\[(\w+)\])?", words[-1])
    shell.case.assertTrue(found, words)
    if found and found[1]:
        shell.case.assertIn(found[1], installed)


def _nox(shell: Shell, words: list[str]) -> None:
    """
    The session exists.
    """
    shell.case.assertIn(f"def {words[2]}(session", CI)


def _ci(shell: Shell, words: list[str]) -> None:
    """
    The script exists, and runs the tests that run this.
    """
    shell.case.assertTrue((ROOT / words[0]).exists())


def _inCi(shell: Shell, words: list[str]) -> None:
    shell.case.assertIn(" ".join([words[0].rpartition("/")[2], *words[1:]]), CI)


def _allTests(shell: Shell, words: list[str]) -> None:
    """
    C{.ci/run} runs the README's own line, which must stay the one that it finds.
    """
    shell.case.assertIn("'s/^ *\\(python3 .*trial -j2 tests\\)$/\\1/p' README.rst", CI)
    found = re.search(r"(?m)^ *(python3 .*trial -j2 tests)$", (ROOT / "README.rst").read_text())
    shell.case.assertTrue(found)


def _help(shell: Shell, words: list[str]) -> None:
    told = subprocess.run([BIN / "twistd", "machat", "--help"], capture_output=True, text=True)
    shell.case.assertIn("--tcp=", told.stdout)


def _serve(shell: Shell, words: list[str]) -> None:
    """
    The server listens where the command says, and exits with status 0 on SIGTERM.
    """
    arguments = [re.sub(r"^(tcp|reuseport):\d+", r"\1:0", word) for word in words[1:]]
    program: list[str | Path] = [BIN / "twistd"]
    if "redis://" in " ".join(arguments):  # without a server, each process has a store of its own
        at = arguments.index("--store")
        del arguments[at : at + 2]
        program = [BIN / "python", ROOT / "tests" / "tap" / "divided.py"]
    ends = ["--tcp", LOCAL, "--ws", LOCAL]
    keep = [] if "-l" in arguments else ["-l", "-", "--pidfile="]
    arguments = [re.sub("^sqlite:", f"sqlite:{shell.made}/", word) for word in arguments]
    arguments = [re.sub(r"^webhook\.secret$", f"{shell.made}/\\g<0>", word) for word in arguments]
    server = shell.case.stopAtEnd(start(*program, *keep, *arguments, *ends))
    if "--monitor" in arguments:
        waitForLine(server, "Site starting on ")
    (port, _) = portsOf(server, "ChatFactory", "ChatWebSocketFactory")
    client = RawClient(port)
    shell.case.addCleanup(client.close)
    client.send(v=1, name="Mina")
    shell.case.assertEqual(client.read()["type"], "welcome")
    server.terminate()
    shell.case.assertEqual(server.wait(PATIENCE), 0)


def _chat(shell: Shell, words: list[str]) -> None:
    """
    The client posts its input, and receives it.
    """
    tcp, ws = shell.ports()
    address = f"ws://localhost:{ws}/mychat" if "websocket" in words[1] else f"localhost:{tcp}"
    program = [BIN / "machat"] if words[0].endswith("machat") else [BIN / "python"]
    client = shell.case.stopAtEnd(start(*program, *words[1:], "--address", address, cwd=ROOT))
    name = words[words.index("--client") + 1]
    out, _ = client.communicate("hello\n", timeout=PATIENCE)
    shell.case.assertRegex(out, rf"(?m)^{name}: ?hello$")


def _post(shell: Shell, words: list[str]) -> None:
    """
    The server acknowledges the message.
    """
    address = f"localhost:{shell.ports()[0]}"
    client = shell.case.stopAtEnd(start(BIN / "machat", *words[1:], "--address", address))
    shell.case.assertEqual(client.communicate("up\n", timeout=PATIENCE), ("", ""))
    shell.case.assertEqual(client.returncode, 0)


def _doctor(shell: Shell, words: list[str]) -> None:
    """
    No check finds a problem.
    """
    address = words[2].replace("8099", str(shell.ports()[1]))
    client = shell.case.stopAtEnd(start(BIN / "machat", "doctor", address, *words[3:]))
    out, _ = client.communicate(timeout=PATIENCE)
    shell.case.assertIn("ok    silence  the connection is open", out)
    shell.case.assertEqual(client.returncode, 0, out)


def _secureChat(shell: Shell, words: list[str]) -> None:
    """
    The client trusts the certificate that was made before.
    """
    ends = "ssl:0:privateKey=privkey.pem:certKey=fullchain.pem:interface=127.0.0.1"
    server = shell.case.stopAtEnd(twistd("--tcp", "none", "--ws", ends, cwd=shell.made))
    (port,) = portsOf(server, "ChatWebSocketFactory (TLS)")
    words = [word.replace("//localhost/", f"//localhost:{port}/") for word in words[1:]]
    command = ["env", *shell.environment, BIN / "machat", *words, "--room", "dev"]
    client = shell.case.stopAtEnd(start(*command, cwd=shell.made))
    out, _ = client.communicate("hello\n", timeout=PATIENCE)
    shell.case.assertIn(": hello\n", out)


def _make(shell: Shell, words: list[str]) -> None:
    """
    Any output is accepted.
    """
    done = subprocess.run(words, cwd=shell.made, capture_output=True, text=True)
    shell.case.assertEqual(done.returncode, 0, done.stderr)


def _bundle(shell: Shell, words: list[str]) -> None:
    """
    The file has a certificate and its key, and other users cannot read it.
    """
    made = subprocess.run(["sh", "-c", " ".join(words)], cwd=shell.made, check=False)
    shell.case.assertEqual(made.returncode, 0)
    bundle = shell.made / words[-1]
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(bundle)
    shell.case.assertEqual(bundle.stat().st_mode & 0o777, 0o600)


def _ask(shell: Shell, words: list[str]) -> None:
    """
    The server reports in one line why a page is refused.
    """
    address = words[-1].replace("8099", str(shell.ports()[1]))
    command = [find("curl"), "-s", *words[1:-1], address]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    shell.case.assertIn(" 403 ", asked.stdout)
    shell.case.assertIn("--origin https://chat.example.org,", asked.stdout)


def _quoted(shell: Shell, words: list[str]) -> None:
    """
    The command is a line of an example, which has a test of its own.
    """
    text = (ROOT / "examples" / "http_api.sh").read_text("utf-8").replace("\\\n", "")
    lines = [shlex.split(line, comments=True) for line in text.splitlines()]
    shell.case.assertIn(words, lines)


def _npm(shell: Shell, words: list[str]) -> None:
    """
    C{tests.page.test_npm} builds and installs the package.
    """
    shell.case.assertTrue((ROOT / "tools" / "npm.py").exists())
    shell.case.assertIn(words[-1], ("dist", f"dist/machat-client-{__version__}.tgz"))


def _go(shell: Shell, words: list[str]) -> None:
    shell.folder = shell.folder / words[1]
    shell.case.assertTrue(shell.folder.is_dir(), words[1])


def _nothing(shell: Shell, words: list[str]) -> None:
    """
    A command that only begins a procedure is not checked.
    """


def _example(shell: Shell, words: list[str]) -> None:
    """
    The examples have tests of their own.
    """
    (name,) = [word for word in words if word.endswith((".py", ".tac"))]
    shell.case.assertTrue((shell.folder / name).exists(), name)
    tests = [path for path in (ROOT / "tests").rglob("test_*.py") if path.stem != "test_docs"]
    named = any(Path(name).name in path.read_text() for path in tests)
    shell.case.assertTrue(named, f"no test runs {name}")


def _trial(shell: Shell, words: list[str]) -> None:
    """
    The tests pass.
    """
    command = [f"{BIN}/python", "-m", "twisted.trial", "--temp-directory", f"{shell.made}/temp"]
    done = subprocess.run([*command, *words[3:]], cwd=shell.folder, capture_output=True, text=True)
    shell.case.assertIn("PASSED", done.stdout)


def _benchmarks(shell: Shell, words: list[str]) -> None:
    """
    These commands take minutes, so only their arguments are parsed. C{--list} shows its list, and
    the other modules show their help.
    """
    from benchmarks.choices import chosenPeers, chosenShapes, parseArguments

    if words[2] == "benchmarks" and "--list" not in words:
        options = parseArguments(words[3:])
        shell.case.assertTrue(chosenShapes(options) and chosenPeers(options))
        return
    short = [] if "--list" in words else ["--help"]
    command = [f"{BIN}/python", *words[1:], *short]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)
    shell.case.assertEqual(done.returncode, 0, done.stderr)


def _storeFile(shell: Shell, words: list[str]) -> None:
    """
    The command succeeds with a store that has an empty room C{dev}.
    """
    path = str(shell.made / "machat.sqlite")
    database = Database(openDatabase(path, "full", PATIENCE), path)
    group = Group(0)
    group.wanted.append(Wanted("dev", "dev", None))
    database.write(group)
    database.db.close()
    command = [str(BIN / words[0]), *words[1:]]
    done = subprocess.run(command, cwd=shell.made, capture_output=True, text=True, timeout=PATIENCE)
    shell.case.assertEqual(done.returncode, 0, done.stderr)


def _token(shell: Shell, words: list[str]) -> None:
    """
    A token is created from the secret, and inspected.
    """
    program = [str(BIN / "python"), "-c", "from machat.cli.token import main; main()"]
    made = subprocess.run(
        [*program, "create", "--key-file", "secret", "--name", "Ada"],
        cwd=shell.made,
        capture_output=True,
        check=True,
    )
    done = subprocess.run([*program, *words[1:]], input=made.stdout, cwd=shell.made, check=False)
    shell.case.assertEqual(done.returncode, 0)


def _copy(shell: Shell, words: list[str]) -> None:
    shell.case.assertTrue(list(ROOT.glob(words[1])), words[1])
    shell.case.assertIn("/opt/machat/bin/twistd", (UNITS / "machat.service").read_text())


def _systemctl(shell: Shell, words: list[str]) -> None:
    shell.case.assertIn(words[1], {"daemon-reload", "enable", "reset-failed", "start", "stop"})
    for unit in words[2:]:
        template = re.sub(r"@\d", "@", unit)
        shell.case.assertTrue(unit == "--now" or (UNITS / template).exists(), unit)


def _build(shell: Shell, words: list[str]) -> None:
    shell.case.assertTrue((ROOT / words[words.index("-f") + 1]).exists())
    shell.case.assertTrue((ROOT / words[-1]).is_dir())


def _compose(shell: Shell, words: list[str]) -> None:
    """
    The file exists. L{tests.docs.test_cluster} runs what is in it.
    """
    shell.case.assertTrue((ROOT / words[words.index("-f") + 1]).exists())


def _runContainer(shell: Shell, words: list[str]) -> None:
    """
    The published ports are those on which the server listens, and the container may take longer to
    stop than its server does.
    """
    container = (ROOT / "deploy" / "Containerfile").read_text()
    found = re.search(r"(?m)^CMD (.*)$", container)
    arguments = json.loads(found[1]) if found else []
    for option, published in zip(words, words[1:], strict=False):
        if option == "-p":
            shell.case.assertIn(f"tcp:{published.partition(':')[2]}", arguments)
        if option == "--stop-timeout":
            own = arguments[arguments.index("--shutdown-timeout") + 1]
            shell.case.assertGreater(int(published), int(own))


#: The function that runs a command, by the command's beginning.
RULES: list[tuple[str, Callable[[Shell, list[str]], None]]] = [
    (r"python3 -m venv ", _environment),
    (r"pip install ", _install),
    (r"trial -j2 tests$", _allTests),
    (r"python -m twisted\.trial ", _trial),
    (r"sphinx-build ", _inCi),
    (r"nox -s \w+$", _nox),
    (r"run$", _ci),
    (r"twistd machat --help", _help),
    (r"twistd .*machat", _serve),
    (r"machat --client \w+ --address wss:", _secureChat),
    (r"machat --client ", _chat),
    (r"machat doctor ", _doctor),
    (r"machat post ", _post),
    (r"machat-store ", _storeFile),
    (r"machat-token ", _token),
    (r"jq ", _nothing),
    (r"(openssl|install) ", _make),
    (r"cat .* >> machat\.pem", _bundle),
    (r"curl -i ", _ask),
    (r"curl -sS --fail-with-body ", _quoted),
    (r"python examples/\w+_client\.py --client", _chat),
    (r"(python|twistd) .*\.(py|tac)\b", _example),
    (r"python -m tools\.npm |npm install dist/", _npm),
    (r"cd ", _go),
    (r"\. \.venv/bin/activate|uptime|python -m http\.server", _nothing),
    (r"python -m benchmarks", _benchmarks),
    (r"cp deploy/systemd/", _copy),
    (r"systemctl ", _systemctl),
    (r"podman build ", _build),
    (r"podman compose ", _compose),
    (r"podman run ", _runContainer),
]


def settings(case: ServerTestCase, text: str) -> None:
    """
    Compare the settings in a systemd drop-in with the unit that it changes: the names must exist
    there.
    """
    mine, unit = (_unit(source) for source in (text, (UNITS / "machat-tcp.socket").read_text()))
    for section in mine.sections():
        case.assertTrue(set(mine[section]) <= set(unit[section]), section)


def _unit(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",))
    parser.read_string(text)
    return parser
