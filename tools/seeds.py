"""
The first inputs of L{tools.fuzz}: valid conversations, and the words that they consist of.
"""

from __future__ import annotations

from machat.testing import clientFrame, clientRequest

MASK = b"\x01\x02\x03\x04"

TEXT_HELLO = b'{"name": "Mina", "room": "dev"}'
HELLO = b'{"v": 1, "name": "Mina", "room": "dev", "history": 3, "presence": true, "id": "0"}'
AGAIN = (
    b'{"v": 1, "name": "Mina", "session": "AAAA", "room": "dev", "since": {"epoch": "e", "seq": 2}}'
)

COMMANDS = (
    b'{"type": "join", "room": "r1", "history": 2, "id": "1"}',
    b'{"type": "join", "room": "r2", "since": {"epoch": "e", "seq": 0}}',
    b'{"type": "say", "room": "dev", "text": "h\xc3\xa9llo", "id": "2"}',
    b'{"type": "say", "room": "dev", "text": "again", "id": "2"}',
    b'{"type": "say", "text": "\\ud83d\\ude00 \\u0000"}',
    b'{"type": "history", "room": "dev", "before": 3, "limit": 2, "id": "3"}',
    b'{"type": "history", "room": "dev", "after": 0}',
    b'{"type": "who", "room": "dev", "id": "4"}',
    b'{"type": "ping", "id": "5"}',
    b'{"type": "pong"}',
    b'{"type": "leave", "room": "r1", "id": "6"}',
)

EVENTS = (
    b'{"type": "welcome", "v": 1, "server": "machat", "session": "s", "ping": 25,'
    b' "limits": {"line": 65536, "history": 300, "rooms": 32}}',
    b'{"type": "joined", "room": "dev", "name": "Mina", "epoch": "e", "seq": 2, "count": 2,'
    b' "members": ["Mina", "Ada"], "id": "join dev"}',
    b'{"type": "message", "room": "dev", "seq": 3, "from": "Ada", "text": "hi", "at": 1}',
    b'{"type": "message", "room": "dev", "seq": 2, "from": "Ada", "text": "", "at": 1,'
    b' "replay": true}',
    b'{"type": "presence", "room": "dev", "joined": ["Eve"], "left": [], "count": 3}',
    b'{"type": "ack", "id": "id-1", "room": "dev", "seq": 4, "duplicate": false}',
    b'{"type": "error", "code": "failed", "text": "no", "id": "id-2"}',
    b'{"type": "left", "room": "dev", "id": null}',
    b'{"type": "history", "room": "dev", "epoch": "e", "seq": 3, "messages": []}',
    b'{"type": "members", "room": "dev", "count": 1, "members": ["Mina"]}',
    b'{"type": "ping"}',
    b'{"type": "pong", "id": "1"}',
    b"CUT",
    b'{"type": "bye", "code": 3001, "reason": "shutdown", "reconnect": true, "retry": 1.5}',
)

FRAMES = (
    clientFrame(0x81, b"hello\nworld\n", MASK),
    clientFrame(0x01, b"hel", MASK) + clientFrame(0x80, b"lo", MASK),
    clientFrame(0x89, b"ping", MASK),
    clientFrame(0x8A, b""),
    clientFrame(0x82, b"\x00\xff", MASK),
    clientFrame(0x81, b"x" * 130),
    clientFrame(0x88, b"\x03\xe8bye", MASK),
)

REQUESTS = (
    clientRequest(),
    clientRequest(protocol="machat.v1"),
    clientRequest("/elsewhere"),
    clientRequest().replace(b"\r\n\r\n", b"\r\nOrigin: http://test\r\nX-Y: z\r\n\r\n"),
    clientRequest().replace(b"\r\n\r\n", b"\r\nOrigin: http://localhost/\r\n\r\n"),
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET http://localhost:8099/ HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /mychat?origin=https%3A%2F%2Fa.test HTTP/1.0\r\nHost: [::1]:8099\r\n\r\n",
    b"OPTIONS * HTTP/1.0\r\n\r\n",
)

#: Ways to split an input: not at all, after every byte, or into pieces with time steps and pauses
#: between them.
CONTROLS = (b"\x00", b"\x10\x00", b"\x60\x14\x1d\x24\x2d\x34\x3d")

_LINES = (
    TEXT_HELLO + b"\nhello\r\n\nworld\n",
    HELLO + b"\n" + b"\n".join(COMMANDS) + b"\n",
    AGAIN + b"\n" + COMMANDS[2] + b"\n",
)
_MESSAGES = (
    clientFrame(0x81, TEXT_HELLO, MASK) + b"".join(FRAMES),
    clientFrame(0x81, HELLO, MASK) + b"".join([clientFrame(0x81, c, MASK) for c in COMMANDS]),
    clientFrame(0x01, AGAIN[:20]) + clientFrame(0x80, AGAIN[20:]) + FRAMES[2] + FRAMES[6],
)
_OPENED = tuple(
    bytes((control[0] | 2,)) + control[1:] + messages
    for control in CONTROLS
    for messages in _MESSAGES
)

#: The first inputs for each target of L{tests.edges}.
SEEDS: dict[str, tuple[bytes, ...]] = {
    "hello": tuple(b"\x09" + hello for hello in (TEXT_HELLO + b"\nhi", HELLO, AGAIN, b"{}", b" [")),
    "lines": (b"hello\r\n\xc3\xa9\n", b"\n\r\n", b"\xed\xa0\x80", b"x" * 300),
    "frames": (*[b"\x03" + frame for frame in FRAMES], b"\x20" + b"".join(FRAMES)),
    "commands": (*COMMANDS, b"\n".join(COMMANDS)),
    "events": (b"\n".join(EVENTS), *EVENTS),
    "request": REQUESTS,
    "tcp": tuple(control + lines for control in CONTROLS for lines in _LINES),
    "websocket": (
        *[REQUESTS[0].join((control, _MESSAGES[0])) for control in CONTROLS],
        *[CONTROLS[0] + request for request in REQUESTS],
        *_OPENED,
    ),
}

#: The dictionary: words that the engine inserts into inputs.
TOKENS = sorted(
    {
        *b"join say leave history who ping pong hello welcome joined message presence ack".split(),
        *b"error left members bye name room text type since epoch seq before after limit".split(),
        *b"session id v from at count retry reconnect code reason true false null dev r1".split(),
        *(b'{"', b'": ', b'", "', b'"}', b"}\n", b"\\u0000", b"\\ud800", b"1e309", b"-1"),
        *(b"\x81\x80", b"\x81\xfe", b"\x01\x80", b"\x80\x80", b"\x88\x82", b"\x89\x80"),
        *(b"\r\n", b"\r\n\r\n", b"Upgrade: websocket", b"Sec-WebSocket-Protocol: machat.v1"),
        *(b"9007199254740993", b"18446744073709551616", b"\xe2\x80\xae", b"CUT\n"),
    }
)
