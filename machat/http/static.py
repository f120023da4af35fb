"""
The page: the files that a browser gets at the WebSocket's endpoint. Pure.

They are read once.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path

from machat.http.messages import Answer

FOLDER = Path(__file__).parent.parent / "page"

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

    def answer(self, known: str) -> Answer:
        """
        @param known: the request's C{If-None-Match}
        @return: the answer to C{GET}
        """
        fields = {**self.fields, "ETag": self.tag}
        if self.tag in known:
            return Answer(304, fields)
        return Answer(200, {**fields, "Content-Type": self.type}, self.body)


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

    def find(self, path: str) -> File | None:
        """
        @param path: a request's, without the query
        @return: C{None} if there is no file
        """
        return self.files.get(path)


@cache
def thePage() -> Pages:
    """
    @return: the files of the package
    """
    return Pages()
