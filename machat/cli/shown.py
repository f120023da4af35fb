"""
The messages on the screen. A client remembers enough of them to quote them, and to find out whether
an edit, a redaction or a reaction is shown already.
"""

from __future__ import annotations

from collections import OrderedDict
from zlib import crc32

from machat import names
from machat.entries import REACTIONS, Edited, Message, Reacted, Redacted

#: The maximum number of remembered messages.
MAX_MESSAGES = 1_000

#: The number of characters that are remembered of a text, and of the texts in a reaction.
LENGTH = 60


class Remembered:
    """
    A message on the screen.

    @ivar sender: its sender
    @ivar text: the beginning of its first line
    @ivar redacted: whether its content was removed
    """

    __slots__ = ("_check", "_reactions", "redacted", "sender", "text")

    def __init__(self, message: Message) -> None:
        self._check: int | None = None
        self.sender = message.sender[:LENGTH]
        self.redacted = message.redacted
        self._reactions = {
            _reaction(emoji, name)
            for emoji, members in list((message.reactions or {}).items())[:REACTIONS]
            for name in members[:REACTIONS]
        }
        self.changeText(message.text)

    def changeText(self, text: str) -> bool:
        """
        @return: whether the text is another one than before
        """
        check = crc32(text.encode(errors="replace"))
        changed = self._check != check
        self._check = check
        line, _, more = text.partition("\n")
        self.text = f"{line[:LENGTH]}..." if more or len(line) > LENGTH else line
        return changed

    def changeReaction(self, event: Reacted) -> bool:
        """
        @return: whether the reaction was not added, or not removed, before
        """
        reaction = _reaction(event.emoji, event.by)
        if event.remove:
            found = reaction in self._reactions
            self._reactions.discard(reaction)
            return found
        if reaction in self._reactions:
            return False
        if len(self._reactions) < REACTIONS:
            self._reactions.add(reaction)
        return True


def _reaction(emoji: str, name: str) -> tuple[str, str]:
    return emoji[:LENGTH], names.key(name[:LENGTH])


class ShownMessages:
    """
    The last messages on the screen, of all rooms of one conversation.
    """

    def __init__(self) -> None:
        self._messages: OrderedDict[tuple[str, int], Remembered] = OrderedDict()
        self._own: dict[str, int] = {}

    def add(self, message: Message, own: bool) -> None:
        """
        Remember a message.

        @param own: whether the user is its sender
        """
        room = names.key(message.room)
        self._messages[room, message.seq] = Remembered(message)
        if len(self._messages) > MAX_MESSAGES:
            self._messages.popitem(last=False)
        if own and not message.redacted:
            self._own[room] = max(message.seq, self._own.get(room, 0))

    def get(self, room: str, number: int) -> Remembered | None:
        """
        @return: the message with this number, if it is remembered
        """
        return self._messages.get((names.key(room), number))

    def lastOwn(self, room: str) -> int | None:
        """
        @return: the number of the user's last message in a room
        """
        return self._own.get(names.key(room))

    def forget(self, room: str) -> None:
        """
        Forget the messages of a room whose numbers are used again, or which the user has left.
        """
        key = names.key(room)
        self._own.pop(key, None)
        for each in [each for each in self._messages if each[0] == key]:
            del self._messages[each]

    def edited(self, event: Edited) -> bool:
        """
        Record an edit.

        @return: whether the new text is not on the screen yet
        """
        message = self.get(event.room, event.target)
        if event.replaced or (message is not None and message.redacted):
            return False
        return message is None or message.changeText(event.text)

    def redacted(self, event: Redacted) -> bool:
        """
        Record a redaction.

        @return: whether it is not on the screen yet
        """
        room = names.key(event.room)
        if self._own.get(room) == event.target:
            del self._own[room]
        message = self.get(event.room, event.target)
        if message is None:
            return True
        was, message.redacted, message.text = message.redacted, True, ""
        return not was

    def reacted(self, event: Reacted) -> bool:
        """
        Record a reaction.

        @return: whether it is not on the screen yet
        """
        message = self.get(event.room, event.target)
        return message is None or message.changeReaction(event)
