"""
The content of the commands that add entries to a room.
"""

from __future__ import annotations

from machat import commands, wire
from machat.entries import NO_JSON, Content, Said

#: The commands that add an entry.
Sending = commands.Say


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
    if isPlain(command):
        return command.text
    return Said(command.text, wire.decodeData(bytes(command.data)), command.reply)


def sizeOf(content: str | Content, room: str, name: str) -> int:
    """
    @param name: the name of the sender
    @return: the size of the entry when it is delivered, bytes
    """
    if isinstance(content, str):
        return wire.weigh(content, room, name)
    json = content.json if isinstance(content, Said) else b""
    return wire.weigh(content.text, room, name) + len(json)
