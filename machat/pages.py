"""
The page: files that a browser gets from where the WebSocket is. Pure.

They are read once. A request for one is answered, and the connection ends: what comes on it needs
no more bounds than those of one head and one answer.
"""

from __future__ import annotations

import re
from functools import cache
from hashlib import sha256
from pathlib import Path

FOLDER = Path(__file__).with_name("page")

_REQUEST = re.compile(r"(GET|HEAD) (/[^ ?]*)(?:\?\S*)? HTTP/1\.[01]\r\n", re.ASCII)
_UPGRADE = re.compile(r"^upgrade[ \t]*:", re.ASCII | re.IGNORECASE | re.MULTILINE)
_KNOWN = re.compile(r"^if-none-match[ \t]*:(.*)$", re.ASCII | re.IGNORECASE | re.MULTILINE)

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

#: What a page may do: load from here alone, run nothing that stands in a document, and be framed by
#: nobody (Content Security Policy Level 3).
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_SAFE = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}

#: The modules are for other pages too.
_SHARED = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
_OWN = {"Cross-Origin-Resource-Policy": "same-origin"}


class File:
    """
    One file, and the answers to who asks for it.

    @ivar body: its content
    @ivar type: its C{Content-Type}
    @ivar tag: its C{ETag}
    @ivar fields: the other header fields that it is served with
    """

    def __init__(self, path: Path) -> None:
        self.body = path.read_bytes()
        self.type = _TYPES[path.suffix]
        self.tag = f'"{sha256(self.body).hexdigest()[:16]}"'
        self.fields = {**_SAFE, **(_SHARED if path.suffix == ".js" else _OWN)}

    def answer(self, method: str, known: str) -> bytes:
        """
        @param known: the request's C{If-None-Match}
        @return: an answer as a whole (RFC 9110)
        """
        fields = {**self.fields, "Connection": "close", "ETag": self.tag}
        if self.tag in known:
            return _answer("304 Not Modified", fields)
        fields.update({"Content-Type": self.type, "Content-Length": str(len(self.body))})
        return _answer("200 OK", fields) + (self.body if method == "GET" else b"")


class Pages:
    """
    All files of a folder, at C{/} and their names.

    @ivar files: by their paths
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        paths = [path for path in folder.iterdir() if path.suffix in _TYPES]
        self.files = {f"/{path.name}": File(path) for path in paths}
        self.files["/"] = self.files["/index.html"]
        self.files["/favicon.ico"] = self.files["/icon.svg"]  # asked for without a document

    def answer(self, head: bytes) -> bytes | None:
        """
        @param head: the head of a request, with the empty line that ends it
        @return: the answer; C{None} if it does not ask for a file that is here
        """
        text = head.decode("latin-1")
        request = _REQUEST.match(text)
        file = self.files.get(request[2]) if request is not None else None
        if request is None or file is None or _UPGRADE.search(text):
            return None
        known = _KNOWN.search(text)
        return file.answer(request[1], known[1] if known is not None else "")


@cache
def thePage() -> Pages:
    """
    @return: the files of the package
    """
    return Pages()


def _answer(status: str, fields: dict[str, str]) -> bytes:
    lines = [f"{name}: {value}\r\n" for name, value in fields.items()]
    return f"HTTP/1.1 {status}\r\n{''.join(lines)}\r\n".encode()
