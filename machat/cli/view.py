"""
The lines that show the entries of a room: messages, edits, redactions and reactions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from machat import names
from machat.cli.display import Line, printable, printableName
from machat.cli.mentions import mentions
from machat.cli.shown import LENGTH, Remembered, ShownMessages
from machat.entries import Edited, Message, Reacted, Redacted

#: The maximum numbers of different emoji, and of names for each, that are shown below a message.
MAX_EMOJI = 10
MAX_NAMES = 5


class EntryView:
    """
    Shows the entries of the rooms of one conversation.

    @ivar shown: what is on the screen
    """

    def __init__(
        self,
        show: Callable[[Line], object],
        own: Callable[[], str],
        room: Callable[[str], str | None],
        escape: Callable[[str], str],
    ) -> None:
        """
        @param show: called with each line
        @param own: returns the user's own name
        @param room: returns the name of a room as it is shown with its messages; C{None} if it is
            not shown
        @param escape: escapes a line of text of other users
        """
        self.shown = ShownMessages()
        self._show = show
        self._own = own
        self._room = room
        self._escape = escape

    def message(self, event: Message, new: bool) -> None:
        """
        Show a message.

        @param new: whether it has just been posted
        """
        line = self.line(event, new)
        self.shown.add(event, self._isOwn(event))
        self._show(line)

    def line(self, event: Message, new: bool) -> Line:
        """
        @param new: whether it has just been posted
        @return: the line that shows a message
        """
        quote = None
        if event.reply is not None:
            quote = quoted(event.reply, self.shown.get(event.room, event.reply))
        return Line(
            "\n".join(map(self._escape, event.text.split("\n"))),
            printableName(event.sender),
            self._room(event.room),
            event.at,
            number=event.seq,
            target=(names.key(event.room), event.seq),
            quote=quote,
            mark=" ".join(marks(event)),
            reactions=printable(reactions(event.reactions or {})),
            mention=new and not self._isOwn(event) and self._concerns(event),
        )

    def _isOwn(self, event: Message) -> bool:
        return names.key(event.sender) == names.key(self._own())

    def note(self, text: str, room: str) -> None:
        """
        Show a text about a room.
        """
        self._show(Line(text, room=self._room(room)))

    def _concerns(self, event: Message) -> bool:
        """
        @return: whether a message mentions the user, or is a direct message. An announcement of the
            user's own action does neither
        """
        text = event.text
        if names.key(event.sender) == names.RESERVED:
            text = text.removeprefix(f"moderator {self._own()} ")
        return names.partners(event.room) is not None or mentions(text, self._own())

    def edited(self, event: Edited) -> None:
        """
        Show the new text of a message.
        """
        if self.shown.edited(event):
            text = "\n".join(map(printable, event.text.split("\n")))
            self._change(event, f"{printableName(event.by)} edited #{event.target}: {text}")

    def redacted(self, event: Redacted) -> None:
        """
        Show that the content of a message was removed.
        """
        if self.shown.redacted(event):
            author = f" from {event.author}" if event.author is not None else ""
            reason = f": {event.reason}" if event.reason else ""
            text = f"{event.by} removed #{event.target}{author}{reason}"
            self._change(event, printable(text))

    def reacted(self, event: Reacted) -> None:
        """
        Show a reaction.
        """
        if self.shown.reacted(event):
            verb = "no longer reacts" if event.remove else "reacts"
            text = f"{event.by} {verb} to #{event.target} with {event.emoji[:LENGTH]}"
            self._change(event, printable(text))

    def _change(self, event: Edited | Redacted | Reacted, text: str) -> None:
        self._show(
            Line(
                text,
                room=self._room(event.room),
                at=event.at,
                target=(names.key(event.room), event.target),
                removes=isinstance(event, Redacted),
            )
        )


def quoted(number: int, message: Remembered | None) -> str:
    """
    @return: the line that quotes a message
    """
    if message is None:
        return f"#{number}"
    text = "(removed)" if message.redacted else printable(message.text)
    return f"#{number} {printableName(message.sender)}: {text}"


def marks(message: Message) -> Iterable[str]:
    """
    @return: what to know about a message in addition to its text
    """
    if message.redacted:
        yield "(removed)"
    if message.edited:
        yield "(edited)"
    data = message.data
    if data is not None:
        yield printable(summary(data))


def summary(data: Mapping[str, Any]) -> str:
    """
    @return: the beginning of an object for programs: its keys, and its values where they are short
    """
    parts = []
    for key, value in list(data.items())[:MAX_NAMES]:
        plain = isinstance(value, (str, int, float, bool)) and len(str(value)) <= LENGTH // 2
        parts.append(f"{key[:LENGTH]}={value}" if plain else key[:LENGTH])
    more = ", ..." if len(data) > MAX_NAMES else ""
    return f"(data: {', '.join(parts)}{more})"


def reactions(found: Mapping[str, tuple[str, ...]]) -> str:
    """
    @return: the reactions to a message in one line; empty if there are none
    """
    parts = []
    for emoji, members in list(found.items())[:MAX_EMOJI]:
        rest = len(members) - MAX_NAMES
        more = f" and {rest} more" if rest > 0 else ""
        shown = ", ".join([name[:LENGTH] for name in members[:MAX_NAMES]])
        parts.append(f"{emoji[:LENGTH]} {shown}{more}")
    rest = len(found) - MAX_EMOJI
    return "; ".join([*parts, f"and {rest} more"] if rest > 0 else parts)
