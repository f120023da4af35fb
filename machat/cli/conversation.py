"""
The conversation of one user, independent of the interface: it takes typed lines, and shows lines.
"""

from __future__ import annotations

from machat.cli import reception, slash
from machat.cli.talk import Talk
from machat.events import Event


class Conversation(Talk):
    """
    The conversation of one user.
    """

    def typed(self, text: str) -> None:
        """
        Handle what the user has typed: a command or a message.
        """
        if text.startswith("/") and not text.startswith("//"):
            slash.execute(self, text[1:])
        elif text:
            self.say(text[1:] if text.startswith("//") else text)

    def received(self, event: Event) -> None:
        """
        Show an event.
        """
        reception.receive(self, event)
