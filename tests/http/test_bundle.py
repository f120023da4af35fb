"""
Tests for L{machat.http.bundle}.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from machat.http.bundle import bundle
from machat.http.static import FOLDER
from tests.javascript import environment, node
from tests.processes import PATIENCE

MODULES = {
    "first": (
        'import { say as tell, Greeter } from "./second.js";\n'
        'import {\n  count,\n} from "./third.js";\n'
        "/** A comment. */\n"
        'tell(new Greeter("you").text, count);\n'
    ),
    "second": (
        'import { count } from "./third.js";\n'
        "const NAME = 1;\n"
        "export class Greeter {\n"
        '  #greeting = "// hello";  // "a note"\n'
        "  #unused; // a note\n"
        "  /** @param {string} name */\n"
        "  constructor(name) {\n"
        "    const { a: b, ...rest } = { a: 1, c: 1 < 2 ? 3 : 4 };\n"
        '    const found = [b + rest.c, "d = { e: f }", /, (g = h) /.exec(", g = h ")[1]];\n'
        "    if (found.join() !== `4,d = { e: f },${'g = h'}`) throw new Error(found);\n"
        "    /** @type {string} */ (this.text) = `${this.#greet()} ${name}`;\n  }\n"
        "  #greet() {\n    return this.#greeting;\n  }\n}\n"
        "export function say(text, more) {\n  console.log(text, NAME, count + more);\n}\n"
    ),
    "third": "const NAME = 2;\nconst count = NAME + 1; // another\nexport { NAME, count };\n",
}

#: Spaces and comments; and the tokens of a script. A slash after a token that ends an expression
#: divides.
SKIPPED = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
TOKEN = re.compile(
    r""""(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`|\#?[\w$]+"""
    r"""|(?<![\w)\]"'`])/(?:[^/\\\n[]|\\.|\[(?:[^]\\\n]|\\.)*\])+/\w*"""
    r"""|=>|[!=]==?|\?\?=?|\?\.|\|\|=?|&&=?|\*\*|[-+*/%<>]=|\+\+|--|\.\.\.|[^\s\w"'`]"""
)

#: Tokens that are not needed before a closing bracket.
LAST = (",", ";")
CLOSING = (")", "]", "}")

#: The scripts of the page that are not in the bundle.
OTHERS = ("early.js", "german.js", "theme.js")

#: The parts that the bundle replaces: imports, exports, and the function around a module.
IMPORT = re.compile(r'^import \{[^}]*\} from "[^"]*";|^export \{[^}]*\};|^export ', re.MULTILINE)
ASSIGNED = re.compile(r"^const\{[^}]*\}=\$\w+;|return\{[\w,]*\};\}\)\(\);$")


def tokens(script: str) -> list[str]:
    """
    @return: the tokens of a script that are needed, with numbers as the names of private members
    """
    names: dict[str, str] = {}
    found = []

    def renamed(match: re.Match[str]) -> str:
        return names.setdefault(match[0], f"#{len(names)}")

    # a slash is judged by the characters right before it
    text = re.sub(r"([\w)\]]) / ", r"\1/ ", script)
    at = 0
    while (at := SKIPPED.match(text, at).end()) < len(text):  # type: ignore[union-attr]
        match = TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"not a token: {text[at : at + 40]!r}")
        at = match.end()
        member = r"^#\w+" if match[0][0] == "#" else r"(?<=\.)#\w+"  # in templates too
        found.append(re.sub(member, renamed, match[0]) if match[0][0] in "#`" else match[0])
    after = [*found[1:], ""]
    return [
        one
        for one, other in zip(found, after, strict=True)
        if one not in LAST or other not in CLOSING
    ]


class BundleTests(SynchronousTestCase):
    """
    Tests for L{bundle}.
    """

    def write(self, **modules: str) -> Path:
        """
        @return: a folder with these modules
        """
        folder = Path(self.mktemp())
        folder.mkdir()
        for name, text in modules.items():
            (folder / f"{name}.js").write_text(text)
        return folder

    def test_same(self) -> None:
        """
        The bundle does what the modules do. Names in different modules do not collide.
        """
        script = bundle(self.write(**MODULES), "first")
        for absent in (b"A comment", b"; // a note", b"#greet"):
            self.assertNotIn(absent, script)
        done = subprocess.run(
            [node(), "--input-type=module"],
            input=script,
            env=environment(),
            capture_output=True,
            check=True,
            timeout=PATIENCE,
        )
        self.assertEqual(done.stdout, b"// hello you 1 6\n")

    def test_spaces(self) -> None:
        """
        Code needs no spaces around operators, and no signs before a closing bracket. Strings,
        templates and comments keep theirs.
        """
        for text, wanted in (
            ('const a = { b: "c, d = e" };', 'const a={b:"c, d = e"};'),
            ('if (a && a.b !== "(f) ") a.g = (h) => h;', 'if(a&&a.b!=="(f) ")a.g=(h)=>h;'),
            ("a = [b, 'c = d', `e = ${f} = g`];", "a=[b,'c = d',`e = ${f} = g`];"),
            ("a = `b ${c ? `d = e` : f}`;", "a = `b ${c ? `d = e` : f}`;"),
            ("f({\n  a: [\n    b,\n  ],\n});", "f({a:[b]});"),
            ("function f() {\n  g(\n    h,\n  );\n}", "function f(){g(h)}\n"),
            ("a = b\n  ? c\n  : d\n      .e()\n      .f;", "a=b?c:d.e().f;"),
            ("const f = () => { // a, b;\n};", "const f=()=>{};"),
            ('g("//", a,\n);', 'g("//",a,\n);'),
        ):
            script = bundle(self.write(first=text + "\n"), "first").decode()
            self.assertEqual(script, f"const $0=(()=>{{{wanted}return{{}};}})();")

    def test_page(self) -> None:
        """
        The bundle of the page contains each module once. It has the same tokens as before, except
        the names of private members: no string, template or regular expression is changed.
        """
        _, *bodies = re.split(
            r"const \$\d+=(?:await\(async|\()\(\)=>\{", bundle(FOLDER, "app").decode()
        )
        found = []
        for body in bodies:
            while (less := ASSIGNED.sub("", body)) != body:
                body = less
            found.append(tokens(body))
        paths = [path for path in FOLDER.glob("*.js") if path.name not in OTHERS]
        self.assertEqual(len(found), len(paths))
        for path in paths:
            self.assertTrue(tokens(IMPORT.sub("", path.read_text("utf-8"))) in found, path.name)

    def test_unknown(self) -> None:
        """
        Other forms of imports and exports, and cycles, are refused.
        """
        for text in (
            'import * as all from "./a.js";\n',
            'import all from "./a.js";\n',
            "export default 1;\n",
            'export { a } from "./first.js";\n',
            'import { a } from "./first.js";\n',
        ):
            self.assertRaises(ValueError, bundle, self.write(first=text), "first")
