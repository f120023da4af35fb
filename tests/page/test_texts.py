"""
Tests for the texts of the page: the tables, and that no other module contains texts.
"""

from __future__ import annotations

import json
import re
import subprocess
from html.parser import HTMLParser
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from machat.http.static import FOLDER
from tests.javascript import environment, node
from tests.processes import PATIENCE
from tools import npm

#: The modules with texts. Those of the client are in English, because programs use them too.
TABLES = {"english.js": "ENGLISH", "german.js": "GERMAN"}

#: A string literal; in a template, up to its first expression. Comments contain quotes too.
LITERAL = re.compile(r'//[^\n]*|/\*.*?\*/|"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`', re.S)

#: Two words, or one with a capital letter, as in a text for people.
WORDS = re.compile(r"[A-Za-z]{2,}[,.:]? [a-z]{2,}|^[A-Z][a-z]+[.!?…]?$|[a-z]{3,}…")

#: Literals that look like texts: names of keys, media queries, errors in the page, link types.
TECHNICAL = re.compile(
    r"(?:Arrow(?:Left|Right|Up|Down)|Alt|Ctrl|Shift|Esc|Control|Enter|Escape|Notification|Home|End|Page(?:Up|Down)|Tab)$"
    r"|\([a-z-]+: [a-z]+\)$|the page has no |noopener noreferrer"
)

#: Names of classes.
CLASSES = re.compile(r'class: (?:"[^"]*"|`[^`]*`)')


def table(name: str) -> dict[str, Any]:
    """
    @return: the table of a module
    """
    found: dict[str, Any] = evaluate(name, TABLES[name])
    return found


def evaluate(name: str, expression: str, language: str = "en") -> Any:
    """
    @param expression: an expression with one export of the module
    @param language: the language of the browser
    @return: its value
    """
    program = f"""
        const navigator = {{ languages: [{json.dumps(language)}] }};
        Object.defineProperty(globalThis, "navigator", {{ value: navigator }});
        globalThis.matchMedia = () => ({{}});
        const all = await import({json.dumps((FOLDER / name).as_uri())});
        console.log(JSON.stringify(all.{expression}));"""
    command = [node(), "--input-type=module", "--eval", program]
    options: dict[str, Any] = {"capture_output": True, "text": True, "check": True}
    done = subprocess.run(command, env=environment(), timeout=PATIENCE, **options)
    return json.loads(done.stdout)


def forms(text: str | dict[str, str]) -> list[str]:
    """
    @return: a text's plural forms, or the text itself
    """
    return [text] if isinstance(text, str) else list(text.values())


def placeholders(text: str | dict[str, str]) -> set[str]:
    """
    @return: the placeholders in all forms of a text
    """
    return {name for form in forms(text) for name in re.findall(r"\{(\w+)\}", form)}


class Document(HTMLParser):
    """
    Collects the texts of the document with the keys of the elements that contain them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[tuple[str | None, str]] = []
        self._key: str | None = None
        self.feed((FOLDER / "index.html").read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """
        Record labels, and the key of the text that follows.
        """
        found = dict(attrs)
        self._key = found.get("data-text")
        label = found.get("aria-label") or found.get("placeholder") or found.get("title")
        if label:
            self.texts.append((found.get("data-label"), label))

    def handle_endtag(self, tag: str) -> None:
        """
        Forget the key.
        """
        self._key = None

    def handle_data(self, data: str) -> None:
        """
        Record a text.
        """
        if data.strip():
            self.texts.append((self._key, data.strip()))


class TableTests(SynchronousTestCase):
    def test_same(self) -> None:
        """
        Both tables have the same keys. A text has the same placeholders in both languages, plural
        forms in both or in none, and each form of a text that is counted shows the number.
        """
        english, german = table("english.js"), table("german.js")
        self.assertEqual(list(english), list(german))
        for key, text in english.items():
            self.assertEqual(placeholders(text), placeholders(german[key]), key)
            self.assertEqual(type(text), type(german[key]), key)
            for each in (text, german[key]):
                if isinstance(each, dict):
                    self.assertEqual(list(each), ["one", "other"], key)
                    self.assertTrue(all("{count}" in form for form in each.values()), key)

    def test_refusals(self) -> None:
        """
        A German page explains a refusal by its text, or else by its code, and keeps its time. The
        server has each of these texts and codes.
        """
        for code, text, german in (
            ("not-joined", "nobody with that name is in that room", "Niemand mit diesem Namen"),
            ("not-joined", "not in that room", "Du bist nicht in diesem Raum"),
            ("not-allowed", "banned until 2026-01-02 03:04 UTC", "Du bist ausgeschlossen ("),
            ("bad-key", "another reason", "Der Schlüssel fehlt"),
            ("another-code", "another reason", "another reason"),
        ):
            shown = evaluate("times.js", f"localised({json.dumps(text)}, {json.dumps(code)})", "de")
            self.assertTrue(shown.startswith(german), shown)
        paths = [*FOLDER.parent.rglob("*.py"), FOLDER / "client.js", FOLDER / "outgoing.js"]
        sources = "".join(path.read_text("utf-8") for path in paths)
        for known in evaluate("german.js", "REFUSALS"):
            needed = known.replace("the name machat", "the name {RESERVED}")
            self.assertRegex(sources, f'"{re.escape(needed)}( until|")', known)

    def test_document(self) -> None:
        """
        Each text of the document is the English text of a key, so that it can be translated; only
        the title before the start has none.
        """
        english = table("english.js")
        texts = Document().texts
        self.assertGreater(len(texts), 15)
        for key, text in texts:
            if (key, text) != (None, "MaChat"):
                self.assertEqual(english.get(key or ""), text)

    def test_nowhereElse(self) -> None:
        """
        No module but the tables contains a text.
        """
        for path in sorted(FOLDER.glob("*.js")):
            if path.name in {*TABLES, "texts.js", *npm.modules()}:
                continue
            found = LITERAL.findall(CLASSES.sub("", path.read_text()))
            texts = [one or two for one, two in found]
            wrong = [text for text in texts if WORDS.search(text) and not TECHNICAL.match(text)]
            self.assertEqual(wrong, [], path.name)

    def test_used(self) -> None:
        """
        Every key of the table is used, and every used key is in the table.
        """
        english = table("english.js")
        sources = {path.name: path.read_text() for path in FOLDER.iterdir() if path.is_file()}
        for name in TABLES:
            del sources[name]
        used = set(re.findall(r'["`]([a-z]+\.[A-Za-z0-9]+)["`]', "\n".join(sources.values())))
        computed = re.compile(
            r"close\.\d+|connection\.(online|waiting|ended|connecting)|settings\.[a-z]+"
        )
        unused = {key for key in english if key not in used and not computed.fullmatch(key)}
        self.assertEqual(unused, set())
        groups = {key.partition(".")[0] for key in english}
        files = {path.name for path in FOLDER.iterdir()}
        named = {key for key in used if key.partition(".")[0] in groups and key not in files}
        self.assertEqual(named - set(english), {"machat.name", "machat.tab"} & named)
