"""
The npm package: its content, its types, and its use in Node.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import SkipTest, SynchronousTestCase, TestCase

from machat import __version__
from machat.service import ChatService
from machat.ws import ChatWebSocketFactory
from tests.javascript import TYPESCRIPT, environment, installed, node, succeeds, websocketOption
from tests.processes import PATIENCE, ROOT, freePort
from tools import npm

EXAMPLES = ROOT / "examples" / "javascript"

#: Lines that an application in TypeScript may contain.
RIGHT = """
import { ChatError, Client, conversation, key, partner } from "machat-client";
import type { Message, Options } from "machat-client";

const options: Options = { name: "Mina", credentials: async () => ({ token: "t" }) };
const client = new Client(new URL("wss://example.org/mychat"), options);
const seen: Message[] = [];
client.addEventListener("message", ({ detail }) => seen.push(detail));
client.addEventListener("gap", ({ detail }) => console.log(detail.missed, detail.after.seq));
client.addEventListener("state", ({ detail }) => console.log(detail.state === "ended"));
client.addEventListener("anything", (event: Event) => console.log(event.type));
const receipt: { seq: number } = await client.say("dev", "hello", { reply: 1, data: { x: [1] } });
const { duplicate }: { duplicate: boolean } = await client.react("dev", 1, "x", { remove: true });
client.addEventListener("edited", ({ detail }) => console.log(detail.target, detail.text.length));
const { room }: { room: string } = await client.direct("Ada", "lunch?", { data: { x: [1] } });
const other: string | null = partner(room, client.name);
client.addEventListener("conversations", ({ detail }) => detail.blocked?.includes("Eve"));
const name: string = conversation("A", "B");
client.addEventListener("read", ({ detail }) => client.markRead(detail.room, detail.seq));
const unread: number = (await client.join("dev")).read ?? 0;
client.addEventListener("typing", ({ detail }) => client.edit("dev", 1, detail.from));
const topics: (string | undefined)[] = [(await client.join("dev", { history: 5 })).topic];
const error: Error = new ChatError("left", "left the room");
const same: boolean = key("Mina") === key("MINA");
export { duplicate, error, name, other, receipt, same, seen, topics, unread };
"""

#: The lines of a program. Each except the first has one error.
WRONG = """
import { Client } from "machat-client";
const client = new Client("wss://example.org/mychat", {});
client.addEventListener("message", ({ detail }) => detail.sender);
client.addEventListener("state", ({ detail }) => detail.state === "closed");
client.redact("dev", "7");
client.join(5);
client.unknown();
"""

#: Closes a client in each state, with a class of WebSockets that is the first argument.
CLOSING = """
import { once } from "node:events";
import { Client } from "machat-client";

const [address, nobody, choice] = process.argv.slice(2);
const options = { name: "Mina" };
if (choice === "ws") options.WebSocket = (await import("ws")).WebSocket;
const connecting = new Client(address, options);
connecting.open();
await Promise.resolve().then(() => connecting.close());
const waiting = new Client(nobody, options);
waiting.open();
while (waiting.state.state !== "waiting") await once(waiting, "state");
waiting.close();
const online = new Client(address, options);
online.open();
await online.join("dev");
const said = online.say("dev", "too late").catch(({ code }) => code);
online.close();
console.log(await said);
setImmediate(() => process.exit());
"""


class PackageTests(SynchronousTestCase):
    def setUp(self) -> None:
        node()
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()

    def test_built(self) -> None:
        """
        The package contains C{client.js}, all that it imports, their types, and nothing else. The
        types accept a correct program in strict mode, and find the errors of a wrong one.
        """
        if not succeeds(*TYPESCRIPT, "--version"):
            raise SkipTest("npx has not downloaded TypeScript: nox -s page does that")
        modules = self.folder / "node_modules"
        modules.mkdir()
        with tarfile.open(npm.build(self.folder, TYPESCRIPT)) as packed:
            names = {name.removeprefix("package/") for name in packed.getnames()}
            packed.extractall(modules)
        (modules / "package").rename(modules / "machat-client")
        scripts = set(npm.modules())
        types = {name.replace(".js", ".d.ts") for name in scripts}
        self.assertEqual(names, scripts | types | {"LICENSE", "README.md", "package.json"})
        self.assertCompiles(RIGHT, WRONG)

    def assertCompiles(self, right: str, wrong: str) -> None:
        """
        Fail unless TypeScript reports no error in one program, and one in each line of the other,
        except the first.
        """
        (self.folder / "package.json").write_text('{"type": "module"}')
        (self.folder / "right.ts").write_text(right)
        (self.folder / "wrong.ts").write_text(wrong.strip())
        strict = ("--strict", "--noEmit", "--target", "es2022", "--module", "nodenext")
        command = [*TYPESCRIPT, *strict, "right.ts", "wrong.ts"]
        done = subprocess.run(
            command, cwd=self.folder, check=False, capture_output=True, text=True, timeout=PATIENCE
        )
        lines = [int(line) for line in re.findall(r"(?m)^wrong.ts\((\d+),", done.stdout)]
        self.assertEqual(lines, [2, 3, 4, 5, 6, 7], done.stdout)
        self.assertNotIn("right.ts", done.stdout)

    def test_described(self) -> None:
        """
        The package has MaChat's version and no dependencies.
        """
        npm.copy(self.folder)
        described = json.loads((self.folder / "package.json").read_text())
        self.assertEqual(described["version"], __version__)
        self.assertRegex(__version__, r"^\d+\.\d+\.\d+$")
        self.assertEqual([name for name in described if name.endswith("ependencies")], [])

    def test_modules(self) -> None:
        """
        The comment at the beginning of C{client.js} and the documentation name all its modules.
        """
        wanted = sorted(set(npm.modules()) - {"client.js"})
        comment, _, _ = (npm.PAGE / "client.js").read_text().partition(" */")
        self.assertEqual(sorted(re.findall(r"`(\w+\.js)`", comment)), wanted)
        text = (ROOT / "docs" / "page.rst").read_text()
        section = text.partition("``client.js``\n-----")[2].partition("There are three ways")[0]
        self.assertEqual(sorted(re.findall(r"``(\w+\.js)``", section)), sorted(npm.modules()))


class NodeTests(TestCase):
    """
    Programs that Node runs, with a server in this process.
    """

    timeout = PATIENCE

    def setUp(self) -> None:
        self.node = node()
        self.folder = Path(self.mktemp()).absolute()
        chat = ChatService(reactor)
        chat.startService()
        self.addCleanup(chat.stopService)
        factory: Any = ChatWebSocketFactory(chat)
        port: Any = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.port = port.getHost().port
        self.address = f"ws://127.0.0.1:{self.port}/mychat"

    async def run_(self, *arguments: str, text: str = "") -> tuple[str, str, int]:
        """
        Run a program with Node in the project.

        @param text: the program, if it is not a file
        @return: what it wrote to the two outputs, and the exit status
        """
        if text:
            (self.folder / "program.js").write_text(text)
            arguments = ("program.js", *arguments)
        out, err, status = await getProcessOutputAndValue(
            self.node,
            [*websocketOption(self.node), *arguments],
            env=environment(),
            path=str(self.folder),
        )
        return out.decode(), err.decode(), status

    async def test_post(self) -> None:
        """
        The example posts a message with the package C{ws}, and exits with status 1 if the server
        refuses it.
        """
        installed(self.folder, "ws@8")
        shutil.copy(EXAMPLES / "post.mjs", self.folder)
        done = await self.run_("post.mjs", self.address, "dev", "built")
        self.assertEqual(done, ("stored as number 1 of dev\n", "", 0))
        out, err, status = await self.run_("post.mjs", self.address, "a room", "built")
        self.assertEqual((out, status), ("", 1))
        self.assertIn("not posted: ", err)

    async def test_readme(self) -> None:
        """
        The first example of the package's README runs on a platform with a WebSocket.
        """
        installed(self.folder)
        text = (npm.TEMPLATE / "README.md").read_text()
        example = text.partition("```js\n")[2].partition("```")[0]
        example = example.replace("ws://localhost:8099/mychat", self.address)
        out, err, status = await self.run_(text=example)
        self.assertEqual((err, status), ("", 0))
        self.assertEqual(set(out.splitlines()), {"Mina: hello", "stored as number 1"})

    async def test_close(self) -> None:
        """
        A client that is closed in any state raises no error, with Node's own WebSocket and with
        that of the package C{ws}.
        """
        installed(self.folder, "ws@8")
        nobody = f"ws://127.0.0.1:{freePort()}/mychat"
        for choice in ("ws", "own"):
            done = await self.run_(self.address, nobody, choice, text=CLOSING)
            self.assertEqual(done, ("ended\n", "", 0), choice)

    async def test_noWebSocket(self) -> None:
        """
        On a platform without a WebSocket, the error states what to do.
        """
        installed(self.folder)
        _, err, status = await self.run_(
            text='import { Client } from "machat-client"; globalThis.WebSocket = undefined;'
            'new Client("ws://localhost/mychat", { name: "Mina" });'
        )
        self.assertEqual(status, 1)
        self.assertIn("no WebSocket: pass the option WebSocket", err)
