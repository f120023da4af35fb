"""
The document of the page with its style and its scripts in it. A browser that has to request each of
them from a server far away needs more round trips before the page can be used.

The files stay the source, and the document loads them if it is served as it is. The Content
Security Policy allows the style and the scripts by their hashes (Content Security Policy Level 3,
section 2.3.1), and no others.
"""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from machat.http.bundle import bundle, withoutComments

_STYLE = re.compile(r'<link rel="stylesheet" href="(\w+\.css)">')
_SCRIPT = re.compile(r'<script src="(\w+\.js)"></script>')

#: The part of the document that loads the modules.
_MODULES = re.compile(
    r'( *<link rel="modulepreload" href="[^"]*">\n)+'
    r' *<script type="module" src="(\w+)\.js"></script>\n'
)

#: Comments and indentation of a style, and the spaces in its lines without strings. A space before
#: a colon can have a meaning.
_SUPERFLUOUS = re.compile(
    r"/\*.*?\*/\n?|^ +|(?<=[;{])\n| (?=\{[^\"\n]*$)|(?<=[:,;{]) (?=[^\"\n]*$)",
    re.MULTILINE | re.DOTALL,
)

#: Texts that would end an element, or change how its content is read (HTML section 13.2.5).
_ENDS = re.compile("</(?:script|style)|<!--|<script", re.IGNORECASE)


class Document(NamedTuple):
    """
    A document without references to styles and scripts.

    @ivar body: the document
    @ivar scripts: the hashes of its scripts, as sources for the Content Security Policy
    @ivar styles: the hashes of its styles
    """

    body: str
    scripts: list[str]
    styles: list[str]


def assemble(folder: Path) -> Document:
    """
    @param folder: the folder of the files
    @return: the document C{index.html} with the content of its files
    @raise ValueError: a file contains text that would end its element
    """
    scripts: list[str] = []
    styles: list[str] = []

    def style(match: re.Match[str]) -> str:
        return _inserted("style", _SUPERFLUOUS.sub("", _read(folder, match[1])), styles)

    def script(match: re.Match[str]) -> str:
        return _inserted("script", withoutComments(_read(folder, match[1])), scripts)

    text = _SCRIPT.sub(script, _STYLE.sub(style, _read(folder, "index.html")))
    modules = _MODULES.search(text)
    if modules is not None:
        code = bundle(folder, modules[2]).decode()
        last = _inserted('script type="module"', code, scripts)
        before, end, after = text[modules.end() :].rpartition("</body>")
        text = f"{text[: modules.start()]}{before}{last}\n{end}{after}"
    return Document(text, scripts, styles)


def _read(folder: Path, name: str) -> str:
    return (folder / name).read_text("utf-8")


def _inserted(tag: str, text: str, hashes: list[str]) -> str:
    """
    @param hashes: the hash of this content is appended to it
    @return: an element with its content
    """
    element = tag.partition(" ")[0]
    if _ENDS.search(text):
        raise ValueError(f"the content of <{element}> would end it")
    hashes.append(f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'")
    return f"<{tag}>{text}</{element}>"
