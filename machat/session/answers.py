"""
The answers of the C{events} dialect that need more than the values of the chat.
"""

from __future__ import annotations

from math import inf

from msgspec.structs import replace

from machat import events, wire
from machat.entries import extraOf
from machat.limits import Limits

#: The maximum size of the messages in one answer to a C{history}, bytes; a single message may be
#: larger. Clients accept events of up to L{machat.codec.LONGEST} bytes.
ANSWER = 524_288

#: The name of the server in a welcome.
SERVER = "machat"


def welcome(limits: Limits, session: str, id: str | None) -> events.Welcome:
    """
    @param session: the secret with which the client may take over its own connection
    @param id: the id of the hello
    """
    unlimited = limits.rate == inf
    return events.Welcome(
        v=wire.VERSION,
        server=SERVER,
        session=session,
        limits=events.Allowed(
            line=limits.maxLine,
            history=limits.maxHistory,
            rooms=limits.maxRooms,
            rate=None if unlimited else limits.rate,
            burst=None if unlimited else limits.burst,
            edit=limits.editTime,
        ),
        ping=limits.ping,
        id=id,
    )


def shortened(answer: events.History, fromFirst: bool) -> events.History:
    """
    @param fromFirst: whether to keep the first messages; otherwise the last
    @return: the answer with at most L{ANSWER} bytes of messages, but at least one of them
    """
    messages = answer.messages if fromFirst else answer.messages[::-1]
    size = kept = 0
    for message in messages:
        size += wire.weigh(message.text, message.room, message.sender) + 2 * extraOf(message)
        if kept and size > ANSWER:
            break
        kept += 1
    if kept == len(messages):
        return answer
    messages = messages[:kept]
    searched = None if answer.searched is None else messages[-1].seq
    messages = messages if fromFirst else messages[::-1]
    return replace(answer, messages=messages, searched=searched)
