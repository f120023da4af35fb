"""
The checks of an entry before it is added to a batch.
"""

from __future__ import annotations

from machat import wire
from machat.entries import LINES, Content, Draft, RichDraft, Said
from machat.errors import BAD_COMMAND, ChatError, TooLong
from machat.rooms.room import Room

NOT_TEXT = "a text must be valid Unicode"


def draftOf(room: Room, name: str, content: str | Content, id: str | None) -> Draft:
    """
    @param name: the name of the sender
    @return: the draft with a content; a plain one, if possible
    """
    if isinstance(content, str):
        return Draft(room.name, name, content, id)
    if isinstance(content, Said) and not content.json and content.reply is None:
        return Draft(room.name, name, content.text, id)
    return RichDraft(room.name, name, content.text, id, content)


def checked(draft: Draft) -> Draft:
    """
    @return: the draft; a rich one, if it has several lines
    @raise ChatError: C{bad-command}: its text has surrogates, which cannot be encoded; C{too-long}:
        it has too many lines
    """
    text = draft.text
    if not (text.isascii() or wire.isText(text)):
        raise ChatError(BAD_COMMAND, NOT_TEXT)
    if "\n" in text:
        if text.count("\n") >= LINES:
            raise TooLong(f"a message may have at most {LINES} lines")
        if not isinstance(draft, RichDraft):
            return RichDraft(draft.room, draft.sender, text, draft.id, Said(text))
    return draft
