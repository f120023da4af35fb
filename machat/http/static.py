"""
The chat page: the files that a WebSocket endpoint serves to browsers. They are read once.
"""

from __future__ import annotations

import re
from functools import cache
from hashlib import sha256
from html import escape
from pathlib import Path

from machat.http.messages import Answer
from machat.http.origins import readOrigin

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

#: A path on the page's own host. C{//} and a backslash would begin another host.
_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*")

#: The part of the document that states where the page gets its tokens.
_TOKENS = '<meta name="machat-tokens" content="{}">'

_SAFE = {
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

    def __init__(self, path: Path, tokens: str = "") -> None:
        """
        @param tokens: see L{Pages}
        """
        self.body = path.read_bytes()
        if tokens:
            filled = _TOKENS.format(escape(tokens)).encode()
            self.body = self.body.replace(_TOKENS.format("").encode(), filled)
        self.type = _TYPES[path.suffix]
        self.tag = f'"{sha256(self.body).hexdigest()[:16]}"'
        self.fields = {
            "Content-Security-Policy": _policy(tokens),
            **_SAFE,
            **(_SHARED if path.suffix == ".js" else _OWN),
        }

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

    def __init__(self, folder: Path = FOLDER, tokens: str = "") -> None:
        """
        @param tokens: where the page fetches the user's name and token, see L{checkTokens}; empty:
            the page asks for a name and, if necessary, for a password
        """
        paths = [path for path in folder.iterdir() if path.suffix in _TYPES]
        self.files = {f"/{path.name}": File(path, tokens) for path in paths}
        self.files["/"] = self.files["/index.html"]
        self.files["/favicon.ico"] = self.files["/icon.svg"]  # browsers request it for any document

    def find(self, path: str) -> File | None:
        """
        @param path: the path of a request, without the query
        @return: the file, or C{None} if there is none
        """
        return self.files.get(path)


@cache
def thePage(tokens: str = "") -> Pages:
    """
    @param tokens: see L{Pages}
    @return: the files of the chat page in this package
    """
    return Pages(tokens=tokens)


def checkTokens(url: str) -> str:
    """
    @return: the same URL, if the page may fetch tokens from it
    @raise ValueError: it is neither a path nor an C{http} or C{https} URL
    """
    if "#" in url or (_PATH.fullmatch(url) is None and readOrigin(url) is None):
        raise ValueError("must be a path, such as /chat-token, or an http or https URL")
    return url


def _policy(tokens: str) -> str:
    """
    @return: the policy of a page that may also connect to the server of the tokens
    """
    origin = readOrigin(tokens)
    own = "connect-src 'self'"
    return POLICY if origin is None else POLICY.replace(own, f"{own} {origin}")
