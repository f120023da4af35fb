"""
Tests for L{machat.names}.
"""

from __future__ import annotations

import unicodedata

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from machat.errors import ChatError
from machat.names import checkName, checkRoom, key

#: Text in which names are frequent: short, and mostly of characters that a name may contain.
NAMES = st.text(
    st.one_of(
        st.characters(categories=["Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd"]),
        st.sampled_from("-_.[]{}|^~'ßſİıΣςｍＡﬁ\u0301\u0345\u0130K"),
    ),
    min_size=1,
    max_size=12,
)


class Refusals(SynchronousTestCase):
    """
    Tests for rules that member names and room names share.
    """

    def assertBadName(self, name: str, text: str) -> None:
        """
        The name is refused with this text.
        """
        error = self.assertRaises(ChatError, checkName, name)
        self.assertEqual((error.code, error.text), ("bad-name", text), ascii(name))

    def assertBadRoom(self, name: str, text: str) -> None:
        """
        The room name is refused with this text.
        """
        error = self.assertRaises(ChatError, checkRoom, name)
        self.assertEqual((error.code, error.text), ("bad-room", text), ascii(name))


class CheckNameTests(Refusals):
    """
    Tests for L{checkName}.
    """

    characters = "may contain only letters, marks, digits and -_.[]{}|^~'"
    unseen = "contains an invisible character"

    def test_allowed(self) -> None:
        """
        Letters, marks and digits of any script and a few punctuation characters may form a name.
        """
        for name in (
            "Mina",
            "mina-2_x.y[z]{}|^~'",
            "-",
            "7",
            "Ünsal",
            "Ελένη",
            "Дарья",
            "明子",
            "미나",
            "هدى",
            "नेहा",
            "q\u0323\u0307",
            "x\u20dd",
            "٣",
            "ǅ",
            "ʰ",
            "𝐌ina",
        ):
            self.assertEqual(checkName(name), name)

    def test_length(self) -> None:
        """
        A name has 1 to 32 characters.
        """
        self.assertEqual(checkName("x" * 32), "x" * 32)
        self.assertEqual(checkName("x"), "x")
        self.assertBadName("x" * 33, "must have 1 to 32 characters")
        self.assertBadName("", "must have 1 to 32 characters")

    def test_marks(self) -> None:
        """
        A character has at most four nonspacing marks, each once, including those of its
        composition, in names of members and of rooms. Words of languages with many marks are
        accepted.
        """
        piled = "may have at most 4 marks on a character, each once"
        self.assertEqual(checkName("q\u0323\u0330\u0307\u0303"), "q\u0323\u0330\u0307\u0303")
        self.assertBadName("Z" + "".join(map(chr, range(0x300, 0x31F))), piled)
        self.assertBadName("\u1ebf\u0331\u0327\u0328", piled)
        self.assertBadName("x\u0303\u0303", piled)
        self.assertBadRoom("dev\u0323\u0307\u0303\u0330\u0316", piled)
        self.assertBadName("x" + "\u20dd\u20de\u20df\u20e0\u20e2", piled)
        for name in (
            "Ti\u1ebfng.Vi\u1ec7t",
            "\u05e9\u05bc\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd",
            "\u0e1c\u0e39\u0e49\u0e43\u0e2b\u0e0d\u0e48",
            "\u0f42\u0f66\u0f92\u0fb2\u0f74\u0f56",
            "\u1019\u103c\u103d\u103e\u102d\u102f",
            "\u092e\u0902\u0924\u094d\u0930\u0940",
        ):
            self.assertEqual(checkName(name), unicodedata.normalize("NFC", name))

    def test_lengthInNFC(self) -> None:
        """
        The characters are counted after normalization: a letter with its accent is one, and one
        that decomposes is several.
        """
        self.assertEqual(checkName("e\u0301" * 32), "é" * 32)
        self.assertBadName("\u0958" * 17, "must have 1 to 32 characters")
        self.assertEqual(checkName("\u0958" * 16), "\u0915\u093c" * 16)

    def test_farTooLong(self) -> None:
        """
        Text that is longer than any spelling of a name is refused before it is examined.
        """
        self.assertBadName("e\u0301\u0301\u0301" * 32, "must have 1 to 32 characters")
        self.assertBadName("\n" * 128, "must have 1 to 32 characters")
        self.assertBadName("\n" * 129, "longer than 32 characters")

    def test_normalised(self) -> None:
        """
        A name is stored in NFC.
        """
        self.assertEqual(checkName("Ame\u0301lie"), "Am\u00e9lie")
        self.assertEqual(checkName("\u212bsa"), "\u00c5sa")
        self.assertEqual(checkName("\u1112\u1161\u11ab"), "\ud55c")

    def test_displayForm(self) -> None:
        """
        Case and compatibility forms are kept as written.
        """
        for name in ("MINA", "Ｍｉｎａ", "ﬁn", "Straße"):
            self.assertEqual(checkName(name), name)

    def test_refusedCharacters(self) -> None:
        """
        A name contains no delimiter of the protocol, no space, control, format, bidirectional or
        private character, no symbol, punctuation, other number or lone surrogate.
        """
        for character in (
            ':,#@!*?<>&"/+\\`$%=;() \t\r\n\0\x1b\x7f\x85\xa0\xad'
            "\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a\u202e\u2060\u2064"
            "\u2066\u2069\u2800\u3000\ufeff\ufff9\ufffd\uffff\ue000\ud800\udfff"
            "\u00b2\u00bd\u2163\u20ac\u00a9\u2026\u203f\u30fb\U0001f600\U000e0041\U000e0001"
        ):
            self.assertBadName(f"a{character}b", self.characters)
            self.assertBadName(character, self.characters)

    def test_everyCategory(self) -> None:
        """
        Of the first 65,536 characters exactly the letters, marks, decimal digits and the allowed
        punctuation may follow a letter, except those that are invisible.
        """
        invisible = {0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180F, 0x3164, 0xFFA0}
        invisible |= {*range(0x180B, 0x180E), *range(0xFE00, 0xFE10)}
        for number in range(0x10000):
            character = chr(number)
            if unicodedata.normalize("NFC", character) != character:
                continue
            category = unicodedata.category(character)
            expected = category[0] in "LM" or category == "Nd" or character in "-_.[]{}|^~'"
            try:
                checkName("a" + character)
            except ChatError:
                accepted = False
            else:
                accepted = True
            self.assertEqual(accepted, expected and number not in invisible, ascii(character))

    def test_invisible(self) -> None:
        """
        Invisible letters and marks are refused at any position.
        """
        for character in (
            "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u3164\ufe00\ufe0f\uffa0"
            "\U000e0100\U000e01ef"
        ):
            self.assertBadName(f"a{character}", self.unseen)
            self.assertBadName(f"{character}a", self.unseen)
        self.assertRaises(ChatError, checkName, "a\u180f")  # not known to Python 3.10

    def test_leadingMark(self) -> None:
        """
        A name does not begin with a mark, which would combine with the preceding character.
        """
        for mark in ("\u0301", "\u093e", "\u20dd"):
            self.assertBadName(f"{mark}a", self.unseen)
            self.assertEqual(checkName(f"x{mark}y"), unicodedata.normalize("NFC", f"x{mark}y"))

    def test_reserved(self) -> None:
        """
        The server's own name is reserved, in every spelling.
        """
        text = "the name machat is reserved for the server"
        for name in (
            "machat",
            "MaChat",
            "MACHAT",
            "ｍａｃｈａｔ",
            "ＭaＣhat",
            "𝗆𝖺𝖼𝗁𝖺𝗍",
            "𝕄𝔸ℂℍ𝔸𝕋",
            "ᵐᵃᶜʰᵃᵗ",
        ):
            self.assertBadName(name, text)

    def test_likeReserved(self) -> None:
        """
        A name that only contains the server's name is free.
        """
        for name in ("machat2", "machat.", "mach\u00e1t", "amachat"):
            self.assertEqual(checkName(name), name)

    def test_quotesNothing(self) -> None:
        """
        The text of a refusal does not repeat the refused name.
        """
        error = self.assertRaises(ChatError, checkName, "evil\nname")
        self.assertNotIn("evil", error.text)
        self.assertNotIn("\n", error.text)

    @given(name=st.text(max_size=40))
    @settings(deadline=None, max_examples=300)
    def test_anyText(self, name: str) -> None:
        """
        Any text is either a name, in NFC, of a valid length and without delimiters of the
        protocol, or is refused with one line.
        """
        try:
            checked = checkName(name)
        except ChatError as error:
            self.assertEqual(error.code, "bad-name")
            self.assertTrue(error.text.isprintable())
        else:
            self.assertEqual(checked, unicodedata.normalize("NFC", name))
            self.assertTrue(1 <= len(checked) <= 32)
            self.assertFalse(set(checked) & set(': \t\r\n,#@!*?<>&"'))
            self.assertEqual(checked.encode().decode(), checked)


class CheckRoomTests(Refusals):
    """
    Tests for L{checkRoom}.
    """

    characters = "may contain only letters, marks, digits and -_.[]{}|^~'/+"

    def test_allowed(self) -> None:
        """
        A room name may contain the characters of a member's name, slashes and plus signs.
        """
        for name in ("dev", "team/dev+ops", "/", "+", "Räume", "a-_.[]{}|^~'"):
            self.assertEqual(checkRoom(name), name)

    def test_length(self) -> None:
        """
        A room name has 1 to 64 characters.
        """
        self.assertEqual(checkRoom("x" * 64), "x" * 64)
        self.assertBadRoom("x" * 65, "must have 1 to 64 characters")
        self.assertBadRoom("", "must have 1 to 64 characters")
        self.assertBadRoom("x" * 257, "longer than 64 characters")

    def test_refused(self) -> None:
        """
        Delimiters of the protocol, spaces, and invisible characters are refused.
        """
        for character in ':,#@!*?<>&" \n\0\u200b\u202e':
            self.assertBadRoom(f"a{character}", self.characters)
        self.assertBadRoom("dev\u3164", "contains an invisible character")
        self.assertBadRoom("\u0301dev", "contains an invisible character")

    def test_normalised(self) -> None:
        """
        A room name is stored in NFC.
        """
        self.assertEqual(checkRoom("cafe\u0301"), "caf\u00e9")

    def test_notReserved(self) -> None:
        """
        A room may have the server's name.
        """
        self.assertEqual(checkRoom("MaChat"), "MaChat")


class KeyTests(SynchronousTestCase):
    """
    Tests for L{key}.
    """

    def test_value(self) -> None:
        """
        A key is composed by compatibility and case-folded.
        """
        for name, expected in (
            ("Mina", "mina"),
            ("Ｍｉｎａ", "mina"),
            ("Straße", "strasse"),
            ("ﬁn", "fin"),
            ("AME\u0301LIE", "am\u00e9lie"),
            ("\u212a", "k"),
            ("\u01f0", "\u01f0"),
            ("\u1e96\u0390", "\u1e96\u0390"),
            ("ΣΑΣ", "σασ"),
            ("\u0130", "i\u0307"),
            ("A-_.[]{}|^~'/+9", "a-_.[]{}|^~'/+9"),
        ):
            self.assertEqual(key(name), expected)

    def test_same(self) -> None:
        """
        All spellings of one name have one key.
        """
        for spellings in (
            ("mina", "MINA", "Mina", "ｍｉｎａ", "ＭＩＮＡ", "𝓶𝓲𝓷𝓪"),
            ("straße", "STRASSE", "STRAẞE", "ſtraſſe"),
            ("amélie", "ame\u0301lie", "AMÉLIE", "AME\u0301LIE"),
            ("σας", "ΣΑΣ", "σασ"),
            ("q\u0323\u0307", "q\u0307\u0323", "Q\u0307\u0323"),
            ("한", "\u1112\u1161\u11ab"),
        ):
            self.assertEqual({key(name) for name in spellings}, {key(spellings[0])})

    def test_different(self) -> None:
        """
        A name that only looks similar is another name.
        """
        for one, other in (("mina", "mína"), ("mina", "mına"), ("ss", "s"), ("o", "0"), ("a", "а")):
            self.assertNotEqual(key(one), key(other))

    @given(name=NAMES)
    @example(name="a\u0345")
    @example(name="\u1fb3\u0301")
    @example(name="\u0130\u0307")
    @settings(deadline=None, max_examples=400)
    def test_idempotent(self, name: str) -> None:
        """
        The key of a key is itself, for any text that may be a name.
        """
        try:
            checked = checkName(name)
        except ChatError:
            assume(False)
        self.assertEqual(key(key(checked)), key(checked))

    @given(name=NAMES)
    @settings(deadline=None, max_examples=400)
    def test_spellings(self, name: str) -> None:
        """
        The normalized and case-folded forms of a name have its key, and checking a name twice
        changes nothing.
        """
        try:
            checked = checkName(name)
        except ChatError:
            assume(False)
        self.assertEqual(checkName(checked), checked)
        for form in ("NFC", "NFD", "NFKC", "NFKD"):
            self.assertEqual(key(unicodedata.normalize(form, checked)), key(checked))
        self.assertEqual(key(checked.casefold()), key(checked))
