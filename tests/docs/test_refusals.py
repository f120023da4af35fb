"""
Tests for the table of refusals.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from machat import errors
from tests.processes import ROOT
from tools.refusals import CASES, page, rows

#: The log has no line about these codes, or a different one.
NO_FAULT = (
    *(
        "is connected when the server stops",
        "reconnects and takes over its earlier connection",
        "does not answer a ping",
    ),
    *("is kicked by a moderator",),
)


class RefusalTests(SynchronousTestCase):
    """
    Tests for the table of refusals.
    """

    def test_document(self) -> None:
        """
        The document describes the actual behaviour; C{python -m tools.refusals >
        docs/refusals.rst} writes it.
        """
        self.assertEqual(page(), (ROOT / "docs/refusals.rst").read_text())

    def test_everyCase(self) -> None:
        """
        Every case is refused or disconnected, and is logged unless it is not an error.
        """
        for done, dialect, code, end, log in rows():
            self.assertTrue(code or end or log, done)
            if done not in NO_FAULT:
                self.assertIn(" ADDRESS: ", log, (done, dialect))
        self.assertGreater(len(CASES), 25)

    def test_everyCode(self) -> None:
        """
        Every code has a case, except codes of an application or of a login.
        """
        told = {code.strip("`") for _, _, code, _, _ in rows()}
        codes = {
            value
            for name, value in vars(errors).items()
            if name.isupper() and isinstance(value, str)
        }
        self.assertEqual(codes - told, {errors.BAD_CREDENTIALS})
