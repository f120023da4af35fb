"""
The chat page: the files that a WebSocket endpoint serves to browsers. They are read once.
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

#: The page may load resources from its own origin only, run no inline scripts, and not be framed
#: (Content Security Policy Level 3).
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

#: JavaScript modules may be loaded by pages of other origins; other files may not.
_SHARED = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
_OWN = {"Cross-Origin-Resource-Policy": "same-origin"}


class File:
    """
    One file.

    @ivar body: the content
    @ivar type: the C{Content-Type}
    @ivar tag: the C{ETag}
    @ivar fields: the other header fields
    """

    def __init__(self, path: Path) -> None:
        self.body = path.read_bytes()
        self.type = _TYPES[path.suffix]
        self.tag = f'"{sha256(self.body).hexdigest()[:16]}"'
        self.fields = {**_SAFE, **(_SHARED if path.suffix == ".js" else _OWN)}

    def answer(self, known: str) -> Answer:
        """
        @param known: the C{If-None-Match} field of the request
        @return: the answer to C{GET}: the file, or 304 if the client has it
        """
        fields = {**self.fields, "ETag": self.tag}
        if self.tag in known:
            return Answer(304, fields)
        return Answer(200, {**fields, "Content-Type": self.type}, self.body)


class Pages:
    """
    The files of a directory. C{/} is C{index.html}.

    @ivar files: the files by their URL paths
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        paths = [path for path in folder.iterdir() if path.suffix in _TYPES]
        self.files = {f"/{path.name}": File(path) for path in paths}
        self.files["/"] = self.files["/index.html"]
        self.files["/favicon.ico"] = self.files["/icon.svg"]  # browsers request it for any document

    def find(self, path: str) -> File | None:
        """
        @param path: the path of a request, without the query
        @return: the file, or C{None} if there is none
        """
        return self.files.get(path)


@cache
def thePage() -> Pages:
    """
    @return: the files of the chat page in this package
    """
    return Pages()
