"""
The chat page: the files that a WebSocket endpoint serves to browsers. They are read once.
"""

from __future__ import annotations

import gzip
import re
from functools import cache
from hashlib import sha256
from html import escape
from pathlib import Path

from machat.http.document import Document, assemble
from machat.http.messages import Answer
from machat.http.origins import readOrigin

FOLDER = Path(__file__).parent.parent / "page"

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}

#: A file may load resources from its own origin only, run no inline scripts, and not be framed
#: (Content Security Policy Level 3). The document contains its style and most of its scripts.
#: Its policy has their hashes, and allows no others inside the document.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

#: A path on the page's own host. C{//} and a backslash would begin another host.
_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*")

#: The part of the document that states where the page gets its tokens.
_TOKENS = '<meta name="machat-tokens" content="{}">'

#: An encoding that a client accepts, or that it refuses (RFC 9110 section 12.5.3).
_GZIP = re.compile(r"(?:^|[\s,])(?:x-)?gzip\s*(?:;\s*q=(\d(?:\.\d*)?))?\s*(?:,|$)", re.IGNORECASE)

_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
    "Vary": "Accept-Encoding",
}

#: JavaScript modules may be loaded by pages of other origins; other files may not.
_SHARED = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
_OWN = {"Cross-Origin-Resource-Policy": "same-origin"}


class File:
    """
    One file.

    @ivar body: the content
    @ivar compressed: the content, compressed with gzip
    @ivar type: the C{Content-Type}
    @ivar tag: the C{ETag}
    @ivar fields: the other header fields
    """

    def __init__(self, name: str, body: bytes, policy: str = POLICY) -> None:
        """
        @param name: the name, whose suffix determines the type
        @param body: the content
        @param policy: the Content Security Policy
        """
        suffix = Path(name).suffix
        self.body = body
        self.compressed = gzip.compress(body, mtime=0)
        self.type = _TYPES[suffix]
        self.tag = f'"{sha256(self.body).hexdigest()[:16]}"'
        self.fields = {
            "Content-Security-Policy": policy,
            **_SAFE,
            **(_SHARED if suffix == ".js" else _OWN),
        }

    def answer(self, known: str, accepted: str = "") -> Answer:
        """
        @param known: the C{If-None-Match} field of the request
        @param accepted: its C{Accept-Encoding} field
        @return: the answer to C{GET}: the file, compressed if the client accepts that, or 304 if
            the client has it
        """
        small = acceptsGzip(accepted)
        tag = f'{self.tag[:-1]}-gzip"' if small else self.tag
        fields = {**self.fields, "ETag": tag}
        if tag in known:
            return Answer(304, fields)
        fields["Content-Type"] = self.type
        if not small:
            return Answer(200, fields, self.body)
        return Answer(200, {**fields, "Content-Encoding": "gzip"}, self.compressed)


class Pages:
    """
    The files of a directory. C{/} is C{index.html}, which contains the style and all scripts.

    @ivar files: the files by their URL paths
    """

    def __init__(self, folder: Path = FOLDER, tokens: str = "") -> None:
        """
        @param tokens: where the page fetches the user's name and token, see L{checkTokens}; empty:
            the page asks for a name and, if necessary, for a password
        """
        paths = [path for path in folder.iterdir() if path.suffix in _TYPES]
        self.files = {f"/{path.name}": File(path.name, path.read_bytes()) for path in paths}
        document = assemble(folder)
        empty, filled = (_TOKENS.format(each) for each in ("", escape(tokens)))
        body = document.body.replace(empty, filled).encode()
        self.files["/"] = File("index.html", body, _policy(document, tokens))
        self.files["/index.html"] = self.files["/"]
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


def acceptsGzip(accepted: str) -> bool:
    """
    @param accepted: the C{Accept-Encoding} field of a request
    @return: whether the answer may be compressed with gzip
    """
    match = _GZIP.search(accepted)
    return match is not None and (match[1] is None or float(match[1]) > 0)


def checkTokens(url: str) -> str:
    """
    @return: the same URL, if the page may fetch tokens from it
    @raise ValueError: it is neither a path nor an C{http} or C{https} URL
    """
    if "#" in url or (_PATH.fullmatch(url) is None and readOrigin(url) is None):
        raise ValueError("must be a path, such as /chat-token, or an http or https URL")
    return url


def _policy(document: Document, tokens: str) -> str:
    """
    @return: the policy of a page that may run its own scripts only, and may also connect to the
        server of the tokens
    """
    origin = readOrigin(tokens)
    changes = {
        "script-src 'self'": " ".join(["script-src 'self'", *document.scripts]),
        "style-src 'self'": " ".join(["style-src", *document.styles]),
        "connect-src 'self'": "connect-src 'self'" + (f" {origin}" if origin else ""),
    }
    policy = POLICY
    for before, after in changes.items():
        policy = policy.replace(before, after)
    return policy
