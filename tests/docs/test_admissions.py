"""
Tests for the table of admissions.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import ROOT
from tools.admissions import page, rows


class AdmissionsTests(SynchronousTestCase):
    """
    Tests for the table of the combinations that are admitted.
    """

    def test_document(self) -> None:
        """
        The document describes the actual behaviour; C{python -m tools.admissions} writes it.
        """
        self.assertEqual(page(), (ROOT / "docs/admission.rst").read_text())

    def test_onlyTheRight(self) -> None:
        """
        On every endpoint, only a client with the correct password or token is admitted.
        """
        let = [what for what, *outcomes in rows() if "admitted" in outcomes]
        after = "a valid token, after three failures"
        self.assertEqual(let, ["the correct password", "a valid token", after])
