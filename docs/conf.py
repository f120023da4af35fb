"""
Configuration of Sphinx, which builds the documents, and of pydoctor, which builds the API
reference::

    sphinx-build -W --keep-going docs build/docs

The build needs no network: the inventories of other projects are in C{inventories}.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.directives.code import CodeBlock

import machat
from machat.api.openapi import description

_DOCS = Path(__file__).parent
_PACKAGE = Path(machat.__file__).parent
_INVENTORIES = _DOCS / "inventories"
_SITES = {
    "python": "https://docs.python.org/3/",
    "twisted": "https://docs.twisted.org/en/stable/api/",
    "zope.interface": "https://zopeinterface.readthedocs.io/en/latest/",
}


def _internalModules() -> Iterator[str]:
    """
    @return: the modules that have no section in the index of the public API
    """
    public = re.findall(r"(?m)^(machat\.[a-z.]+)\n-+$", (_DOCS / "api.rst").read_text("utf-8"))
    for path in _PACKAGE.rglob("*.py"):
        parts = path.relative_to(_PACKAGE.parent).with_suffix("").parts
        name = ".".join(parts).removesuffix(".__init__")
        if name not in ("machat", *public):
            yield name


project = "MaChat"
author = copyright = "the authors of MaChat"
extensions = ["sphinx.ext.intersphinx", "pydoctor.sphinx_ext.build_apidocs"]
nitpicky = True
default_role = "any"
highlight_language = "text"

html_theme = "furo"
html_title = "MaChat"
html_show_sphinx = False

intersphinx_mapping = {
    name: (site, str(_INVENTORIES / f"{name}.inv")) for name, site in _SITES.items()
}

pydoctor_url_path = "api/"
pydoctor_args = [
    "--project-name=MaChat",
    "--project-url=../index.html",
    f"--project-base-dir={_DOCS.parent}",
    "--docformat=epytext",
    "--theme=readthedocs",
    "--html-output={outdir}/api",
    *(f"--privacy=PRIVATE:{name}" for name in sorted(_internalModules())),
    *(f"--intersphinx-file={_INVENTORIES / name}.inv::{site}" for name, site in _SITES.items()),
    str(_PACKAGE),
]


def setup(app: Sphinx) -> None:
    """
    Restore Sphinx's own C{code-block} directive, which pydoctor replaces. Add the description of
    the HTTP API.
    """
    app.connect("build-finished", _describe)
    app.connect("builder-inited", _ownBlocks, priority=495)  # pydoctor's is 490


def _describe(app: Sphinx, exception: Exception | None) -> None:
    """
    Write what a server has at C{/api/openapi.json}.
    """
    if exception is None and app.builder.format == "html":
        (Path(app.outdir) / "openapi.json").write_bytes(bytes(description()))


def _ownBlocks(app: Sphinx) -> None:
    directives.register_directive("code-block", CodeBlock)
