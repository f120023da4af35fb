"""
Tests for L{machat.tap.webhooks}. L{tests.tap.test_options} tests the options.
"""

from __future__ import annotations

from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from machat.service import ChatService
from machat.tap.webhooks import WebhookOfChats
from tests.test_logbook import logged


class ReloadTests(SynchronousTestCase):
    def test_reload(self) -> None:
        """
        New secrets are used for the next request, and invalid ones are reported, without a part of
        them.
        """
        path = Path(self.mktemp())
        path.write_text("eHh4" * 8)
        path.chmod(0o600)
        options = {
            "webhook": "http://localhost/?key=hidden",
            "webhook-secret-file": str(path),
            "secrets": [b"x" * 24],
        }
        clock = Clock()
        webhook = WebhookOfChats(clock, [ChatService(clock), ChatService(clock)], options)
        log = logged(self)
        path.write_text("eXl5" * 8 + "\n" + "eHh4" * 8)
        webhook.reload()
        new = [b"y" * 24, b"x" * 24]
        self.assertEqual([each.secrets for each in webhook._receivers], [new, new])
        path.write_text("hidden!")
        webhook.reload()
        path.unlink()
        webhook.reload()
        self.assertEqual([each.secrets for each in webhook._receivers], [new, new])
        lines = log()
        self.assertEqual([line.rpartition(": ")[2] for line in lines[:1]], ["reloaded"])
        for line in lines[1:]:
            self.assertIn("not reloaded, the previous secrets stay in use", line)
            self.assertNotIn("hidden", line)
        self.assertEqual(len(lines), 3)
