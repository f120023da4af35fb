"""
Tests for the transcript of a conversation with all features.
"""

from __future__ import annotations

from tests.processes import ROOT
from tools import conversation


class ConversationTests(conversation.Conversation):
    """
    Holds the conversation with real programs. It takes several seconds, because it is the only test
    of all features with a terminal, C{curl} and a bot on one server.
    """

    def test_document(self) -> None:
        """
        The document is the transcript of what happens; C{python -m tools.conversation >
        docs/conversation.rst} writes it.
        """
        self.hold()
        self.maxDiff = None
        expected = (ROOT / "docs/conversation.rst").read_text()
        self.assertEqual(conversation.page(self.transcript), expected)
