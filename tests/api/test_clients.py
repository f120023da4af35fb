"""
Third-party clients of the HTTP API against a real server: curl, Python, Node and nginx.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys

from tests.api.servers import ApiTestCase, makeKey
from tests.processes import (
    BIN,
    PATIENCE,
    ROOT,
    RawClient,
    find,
    freePort,
    portsOf,
    start,
    waitForLine,
)

#: The commands that a reader types first.
COMMANDS = """
install -m 600 /dev/null key
machat-apikey --file keys --label backup --rights publish,read > key
twistd -n machat --api tcp:8000:interface=127.0.0.1 --api-keys keys
"""

#: Answers, except for the epochs and times.
ANSWER = """
{"epoch":"7fd224f1c7701fc0","seq":1,"duplicate":false}
"""
#: A refusal, as in L{tests.service.test_publisher.PublisherTests.test_rate}.
REFUSAL = """
{"error":{"code":"busy","message":"dev receives more than it may: try again in 5 s","retry":5.0}}
"""
STREAM = """
retry: 2000
id: 7fd224f1c7701fc0:1
event: joined
data: {"type":"joined","room":"ops","epoch":"7fd224f1c7701fc0","seq":1,"count":0}

id: 7fd224f1c7701fc0:2
data: {"type":"message","room":"ops","seq":2,"from":"Mina","text":"thanks","at":1795661533660}
"""

#: Publishes with the fetch of Node, and reads the answer from a stream.
NODE = """
const [url, key] = process.argv.slice(1);
const headers = { "X-API-Key": key, "Content-Type": "application/json" };
const stream = await fetch(`${url}/api/events?room=ops`, { headers });
const body = JSON.stringify({ room: "ops", text: "from Node" });
const answer = await fetch(`${url}/api/publish`, { method: "POST", headers, body });
console.log(answer.status, (await answer.json()).seq, stream.headers.get("content-type"));
let text = "";
for await (const piece of stream.body.pipeThrough(new TextDecoderStream())) {
    text += piece;
    if (text.includes("from Node")) break;
}
console.log(/"from":"bot","text":"from Node"/.test(text));
process.exit(0);
"""


NGINX = """
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/a;
    proxy_temp_path {folder}/b;
    fastcgi_temp_path {folder}/c;
    uwsgi_temp_path {folder}/d;
    scgi_temp_path {folder}/e;
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass {url}; }}
    }}
}}
"""


def plain(text: str) -> str:
    """
    @return: the text without epochs, times and the delay of the limit
    """
    text = re.sub(r"[0-9a-f]{16}", "EPOCH", text.strip())
    return re.sub(r'"at":\d+', '"at":0', text)


class ClientTests(ApiTestCase):
    """
    Tests with programs that know nothing of MaChat.
    """

    def curl(self, *arguments: str) -> subprocess.Popen[str]:
        """
        @return: a running curl with the key
        """
        command = (find("curl"), "-sSN", "-H", f"X-API-Key: {self.key}", *arguments)
        return self.stopAtEnd(start(*command))

    def test_curl(self) -> None:
        """
        The example with curl runs, and a stream shows what it and a TCP client send. SIGHUP reads
        the keys again.
        """
        self.serveApi()
        self.key = makeKey(self.folder / "keys", "backup", "publish,read")
        os.kill(self.server.pid, signal.SIGHUP)
        waitForLine(self.server, "2 API keys")
        environment = {**os.environ, "MACHAT": self.url, "KEY": self.key}
        done = subprocess.run(
            ["sh", ROOT / "examples" / "http_api.sh"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        published, history, presence = done.stdout.splitlines()
        self.assertEqual(plain(published), plain(ANSWER))
        self.assertEqual(json.loads(history)["messages"][0]["from"], "backup")
        self.assertEqual(json.loads(presence), {"room": "ops", "count": 0, "members": []})
        stream = self.curl(f"{self.url}/api/events?room=ops")
        lines = [waitForLine(stream, "data: ")]
        mina = RawClient(self.tcp)
        self.addCleanup(mina.close)
        mina.send(v=1, name="Mina", room="ops")
        mina.send(type="say", text="thanks")
        lines += [waitForLine(stream, "id: "), waitForLine(stream, "data: ")]
        expected = [line for line in plain(STREAM).splitlines() if line.startswith(("data", "id"))]
        self.assertEqual([plain(line) for line in lines], expected[1:])

    def test_stop(self) -> None:
        """
        A stream ends with a reason when the server stops, and the server ends with status 0.
        """
        self.serveApi()
        stream = self.curl(f"{self.url}/api/events?room=ops")
        waitForLine(stream, "data: ")
        self.server.terminate()
        self.assertIn('"reason":"shutdown","reconnect":true', waitForLine(stream, '"type":"bye"'))
        self.assertEqual(stream.wait(PATIENCE), 0)
        self.assertEqual(self.server.wait(PATIENCE), 0)

    def test_python(self) -> None:
        """
        The example with the standard library of Python sends a message.
        """
        self.serveApi()
        environment = {**os.environ, "MACHAT_URL": self.url, "MACHAT_KEY": self.key}
        script = str(ROOT / "examples" / "http_client.py")
        command = [sys.executable, script, "ops", "backup done"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        self.assertIn("'seq': 1, 'duplicate': False", done.stdout, done.stderr)

    def test_node(self) -> None:
        """
        Node's C{fetch} publishes and reads a stream.
        """
        node = find("node")
        self.serveApi()
        done = subprocess.run(
            [node, "--input-type=module", "-e", NODE, self.url, self.key],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        expected = "200 1 text/event-stream; charset=utf-8\ntrue\n"
        self.assertEqual((done.stdout, done.stderr), (expected, ""))

    def test_nginx(self) -> None:
        """
        Through an nginx that is not configured for it, each event arrives at once.
        """
        program = find("nginx")
        self.serveApi()
        port = freePort()
        path = self.folder / "nginx.conf"
        path.write_text(NGINX.format(folder=self.folder, port=port, url=self.url))
        self.stopAtEnd(start(program, "-e", "stderr", "-c", path))
        url = f"http://127.0.0.1:{port}"
        self.connect(port)
        stream = self.curl(f"{url}/api/events?room=ops")
        waitForLine(stream, "event: joined")
        body = '{"room":"ops","text":"hi"}'
        published = self.curl("-d", body, f"{url}/api/publish").communicate(timeout=PATIENCE)[0]
        self.assertEqual(json.loads(published)["seq"], 1)
        self.assertIn('"text":"hi"', waitForLine(stream, '"type":"message"'))

    def test_embedded(self) -> None:
        """
        The example of a site that contains the API answers requests and serves streams on the
        site's own port, and stops.
        """
        text = (ROOT / "examples" / "with_api.py").read_text()
        (self.folder / "with_api.py").write_text(re.sub(r'"tcp:\d+', '"tcp:0', text))
        command = (BIN / "twistd", "--pidfile=", "-l", "-", "-ny", "with_api.py")
        site = self.stopAtEnd(start(*command, cwd=self.folder))
        url = f"http://127.0.0.1:{portsOf(site, 'Site')[0]}/api"
        stream = self.curl(f"{url}/events?room=lobby")
        waitForLine(stream, "event: joined")
        published = self.curl("-d", '{"room":"lobby","text":"hello"}', f"{url}/publish")
        self.assertEqual(json.loads(published.communicate(timeout=PATIENCE)[0])["seq"], 1)
        self.assertIn('"text":"hello"', waitForLine(stream, '"type":"message"'))
        site.terminate()
        waitForLine(stream, "event: bye")
        self.assertEqual(stream.wait(PATIENCE), 0)
        site.wait(PATIENCE)

    def test_commands(self) -> None:
        """
        The first commands of the documentation make a key and start a server, on any port.
        """
        _, first, second = COMMANDS.strip().splitlines()
        words = first.replace("machat-apikey", f"{sys.executable} -m machat.cli.apikey")
        subprocess.run(
            words.replace("--file keys", "--file more"), cwd=self.folder, shell=True, check=True
        )
        self.assertRegex((self.folder / "key").read_text(), r"^machat_[\w-]{43}\n\Z")
        words = second.replace("8000", "0").replace(
            "twistd -n", f"{BIN / 'twistd'} -n --pidfile= -l -"
        )
        words = words.replace("--api-keys keys", "--api-keys more --tcp none --ws none")
        server = self.stopAtEnd(start(*words.split(), cwd=self.folder))
        waitForLine(server, "ApiSite starting on")
