"""
The texts of the client itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from machat.cli.display import Line, printable

#: The maximum number of reported reasons for a missing connection.
MAX_REASONS = 20


class Notes:
    """
    Shows texts of the client itself. They are always escaped.
    """

    def __init__(self, show: Callable[[Line], object]) -> None:
        self._show = show
        self._reasons: set[str] = set()

    def add(self, text: str) -> None:
        """
        Show a text.
        """
        self._show(Line(printable(text)))

    def addAll(self, texts: Iterable[str]) -> None:
        """
        Show texts, each in one line.
        """
        for text in texts:
            self.add(text)

    def addOnce(self, text: str) -> None:
        """
        Show a text that may repeat with each attempt to connect. It is shown only once until the
        client is connected.
        """
        if text not in self._reasons and len(self._reasons) < MAX_REASONS:
            self._reasons.add(text)
            self.add(text)

    def connected(self) -> None:
        """
        Show the same reasons again after the next loss of the connection.
        """
        self._reasons.clear()
