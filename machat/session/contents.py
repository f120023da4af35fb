"""
The content of the commands that add entries to a room.
"""

from __future__ import annotations

from functools import cache

from machat import commands, wire
from machat.entries import NO_JSON, Content, Edit, React, Redact, Said
from machat.errors import BAD_COMMAND, ChatError
from machat.moderation.actions import line

#: The commands that add an entry.
Sending = commands.Say | commands.Edit | commands.Redact | commands.React


def isPlain(command: commands.Say) -> bool:
    """
    @return: whether a message has nothing but a text
    """
    return command.data is NO_JSON and command.reply is None


def contentOf(command: Sending) -> str | Content:
    """
    @return: the content; a text for a message that has nothing else
    @raise ChatError: C{bad-command} or C{too-long}
    """
    match command:
        case commands.Edit():
            return Edit(command.target, command.text)
        case commands.Redact():
            return Redact(command.target, line(command.reason))
        case commands.React():
            return React(command.target, _emojiOf(command), command.remove)
    if isPlain(command):
        return command.text
    return Said(command.text, wire.decodeData(bytes(command.data)), command.reply)


def _emojiOf(command: commands.React) -> str:
    emoji = _qualifiedForms().get(command.emoji)
    if emoji is None:
        raise ChatError(BAD_COMMAND, "expected one emoji - at `$.emoji`")
    return emoji


@cache
def _qualifiedForms() -> dict[str, str]:
    """
    @return: the fully-qualified form of each emoji (Unicode Technical Standard 51, ED-18). The same
        emoji with and without a variation selector is one reaction
    """
    from emoji import EMOJI_DATA, STATUS  # takes 5 MB, so only a server with reactions loads it

    full = STATUS["fully_qualified"]
    forms = {str(data["en"]): each for each, data in EMOJI_DATA.items() if data["status"] == full}
    return {each: forms.get(str(data["en"]), each) for each, data in EMOJI_DATA.items()}


def sizeOf(content: str | Content, room: str, name: str) -> int:
    """
    @param name: the name of the sender
    @return: the size of the entry when it is delivered, bytes
    """
    if isinstance(content, str):
        return wire.weigh(content, room, name)
    json = content.json if isinstance(content, Said) else b""
    return wire.weigh(content.text, room, name) + len(json)
