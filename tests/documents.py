"""
The examples in the documents: every literal block of README.rst, CONTRIBUTING.rst and C{docs}.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.core import publish_doctree
from docutils.parsers.rst import Directive, directives, roles

from tests.processes import ROOT

#: The files with examples.
PAGES = [ROOT / "README.rst", ROOT / "CONTRIBUTING.rst", *sorted((ROOT / "docs").glob("*.rst"))]

#: Sphinx roles, which docutils does not know.
_ROLES = ("any", "doc", "ref", "term", "py:class", "py:func", "py:meth", "py:mod", "py:obj")


@dataclass(frozen=True)
class Example:
    """
    A literal block.

    @ivar page: the name of its file
    @ivar line: its line in that file; for an included file, the text before it
    @ivar language: the language of a C{code-block}; empty for a plain block
    @ivar classes: the classes of a C{code-block}, which name conditions for running it
    @ivar text: the block
    """

    page: str
    line: int
    language: str
    classes: tuple[str, ...]
    text: str

    @property
    def place(self) -> str:
        """
        The location of the example.
        """
        return f"{self.page}:{self.line}"


class _Omitted(Directive):
    """
    A Sphinx directive without text of its own.
    """

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True
    option_spec = None

    def run(self) -> list[nodes.Node]:
        return []


class _Included(_Omitted):
    """
    C{literalinclude}: the example is a file.
    """

    # any: Sphinx selects the lines that are shown
    option_spec: Any = defaultdict(lambda: directives.unchanged, language=directives.unchanged)

    def run(self) -> list[nodes.Node]:
        source = Path(self.state.document.current_source or "")
        text = (source.parent / self.arguments[0]).read_text()
        block = nodes.literal_block(text, text, classes=["code", "included"])
        block.line = self.lineno
        return [block]


def parse(path: Path) -> nodes.document:
    """
    @return: the page
    @raise docutils.utils.SystemMessage: the page is not valid reStructuredText
    """
    directives.register_directive("toctree", _Omitted)
    directives.register_directive("glossary", _Omitted)
    directives.register_directive("literalinclude", _Included)
    for role in _ROLES:
        roles.register_generic_role(role, nodes.literal)
    settings: dict[str, Any] = {"halt_level": 2, "report_level": 5, "syntax_highlight": "none"}
    return publish_doctree(path.read_text(), str(path), settings_overrides=settings)


def examples(path: Path) -> Iterator[Example]:
    """
    @return: the examples on a page
    """
    lines = [line.strip() for line in path.read_text().splitlines()]
    line = 0
    for block in parse(path).findall(nodes.literal_block):
        classes = [name for name in block["classes"] if name != "code"]
        language = classes.pop(0) if "code" in block["classes"] and classes else ""
        text = block.astext()
        if language != "included":  # docutils does not give the line of every block
            line = lines.index(text.splitlines()[0].strip(), line) + 1
        yield Example(path.name, line, language, tuple(classes), text)


ALL = [example for path in PAGES for example in examples(path)]
