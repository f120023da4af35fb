"""
How Sphinx builds the documents, and pydoctor the reference of the API beside them::

    sphinx-build -W --keep-going docs build/docs

Nothing is fetched: the inventories of other projects are in C{inventories}.
"""

from pathlib import Path

from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.directives.code import CodeBlock

import machat

_DOCS = Path(__file__).parent
_INVENTORIES = _DOCS / "inventories"
_SITES = {
    "python": "https://docs.python.org/3/",
    "twisted": "https://docs.twisted.org/en/stable/api/",
    "zope.interface": "https://zopeinterface.readthedocs.io/en/latest/",
}

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
    *(f"--intersphinx-file={_INVENTORIES / name}.inv::{site}" for name, site in _SITES.items()),
    str(Path(machat.__file__).parent),
]


def setup(app: Sphinx) -> None:
    """
    Have Sphinx's own blocks of code in the pages, also behind pydoctor, which brings others along.
    """
    app.connect("builder-inited", _ownBlocks, priority=495)  # pydoctor's is 490


def _ownBlocks(app: Sphinx) -> None:
    directives.register_directive("code-block", CodeBlock)
