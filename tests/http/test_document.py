"""
Tests for L{machat.http.document}.
"""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from machat.http.document import assemble

DOCUMENT = """<!doctype html>
<head>
  <script src="early.js"></script>
  <link rel="stylesheet" href="look.css">
  <link rel="modulepreload" href="other.js">
  <script type="module" src="first.js"></script>
</head>
<body>
  <p>Text</p>
</body>
"""

FILES = {
    "index.html": DOCUMENT,
    "early.js": "// A comment.\nif (1 < 2) {\n  early();\n}\n",
    "look.css": '/* A comment. */\np {\n  content: "a: b";\n}\n',
    "first.js": 'import { other } from "./other.js";\nother();\n',
    "other.js": "export function other() {}\n",
}


class DocumentTests(SynchronousTestCase):
    """
    Tests for L{assemble}.
    """

    def write(self, **files: str) -> Path:
        """
        @return: a folder with L{FILES}; of those named here, with another content
        """
        folder = Path(self.mktemp())
        folder.mkdir()
        for name, text in FILES.items():
            (folder / name).write_text(files.get(name.partition(".")[0], text))
        return folder

    def test_assembled(self) -> None:
        """
        Scripts and styles are in the document, where it loads them. The modules are one script, at
        its end.
        """
        document = assemble(self.write())
        self.assertEqual(
            document.body,
            "<!doctype html>\n<head>\n"
            "  <script>if (1 < 2) {\nearly();\n}\n</script>\n"
            '  <style>p{content: "a: b";}\n</style>\n'
            "</head>\n<body>\n  <p>Text</p>\n"
            '<script type="module">const $1=(()=>{function other(){}\nreturn{other};})();'
            "const $0=(()=>{const{other}=$1;other();return{};})();</script>\n</body>\n",
        )
        self.assertEqual((len(document.scripts), len(document.styles)), (2, 1))

    def test_ends(self) -> None:
        """
        Text that would end its element, or make a browser read the rest differently, is refused.
        """
        for name, text in (
            ("early", 'write("</script>");'),
            ("first", 'write("</SCRIPT");'),
            ("first", 'write("<!--<script");'),
            ("look", "p { content: '</style>'; }"),
        ):
            self.assertRaises(ValueError, assemble, self.write(**{name: text}))
