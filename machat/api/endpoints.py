"""
The endpoints of the HTTP API.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from heapq import nlargest
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
from twisted.internet.defer import Deferred, gatherResults

from machat import commands, names, wire
from machat.api import answers, requests
from machat.api.limits import Counts
from machat.api.statuses import errorBody
from machat.api.tokens import makeToken
from machat.auth.apikeys import MODERATE, PUBLISH, READ, ApiKey
from machat.auth.users import User
from machat.entries import Content, Said
from machat.errors import NOT_ALLOWED, TOO_LONG, ChatError
from machat.member import Member
from machat.moderation.commands import sanctioned
from machat.rooms.room import Room
from machat.service import ChatService
from machat.service.publisher import Published
from machat.session.contents import contentOf

#: The maximum number of rooms in the answer to C{rooms}. The largest ones are listed.
LISTED = 1_000


class Caller(Member):
    """
    The holder of a key, as a sender or a moderator.
    """

    def __init__(self, key: ApiKey, name: str | None) -> None:
        """
        @param name: the name of the user for whom the request is made; C{None} is the label
        """
        Member.__init__(self, key.label if name is None else name)
        self.user = User(rooms=key.rooms, mod=key.rooms if MODERATE in key.rights else ())
        self.peer = f"API key {key.label}"


class Context(NamedTuple):
    """
    The chat and the key of a request, and the limits that it pays for.
    """

    chat: ChatService
    key: ApiKey
    counts: Counts

    def require(self, right: str, room: str) -> None:
        """
        @raise ChatError: C{bad-room}; C{not-allowed}: the key does not have a right for a room
        """
        if not self.key.may(right, names.checkRoom(room)):
            raise ChatError(NOT_ALLOWED, f"this key has no right to {right} in that room")

    def requireText(self, text: str) -> None:
        """
        @raise ChatError: C{too-long}
        """
        most = self.chat.limits.maxLine
        if len(text) > most or len(text.encode("utf-8", "replace")) > most:
            raise ChatError(TOO_LONG, f"a message may have at most {most} bytes")


class Endpoint(NamedTuple):
    """
    One endpoint, at C{/api/NAME}.

    @ivar right: the right that a key must have
    @ivar request: the type of the body
    @ivar result: the type of the answer
    @ivar call: carries out a request
    """

    right: str
    request: type[Any]
    result: type[Any]
    call: Callable[[Context, Any], Coroutine[Deferred[Any], Any, Any]]


async def _publish(context: Context, request: requests.Publish) -> answers.Published:
    context.require(PUBLISH, request.room)
    context.requireText(request.text)
    return await _published(context, request, _contentOf(request, request.reply))


async def _change(
    context: Context, request: requests.Edit | requests.Redact | requests.React
) -> answers.Published:
    context.require(PUBLISH, request.room)
    match request:
        case requests.Edit(target=target, text=text):
            context.requireText(text)
            content = contentOf(commands.Edit(target=target, text=text))
        case requests.Redact(target=target, reason=reason):
            content = contentOf(commands.Redact(target=target, reason=reason))
        case requests.React(target=target, emoji=emoji, remove=remove):
            content = contentOf(commands.React(target=target, emoji=emoji, remove=remove))
    return await _published(context, request, content)


async def _published(
    context: Context,
    request: requests.Publish | requests.Edit | requests.Redact | requests.React,
    content: str | Content,
) -> answers.Published:
    sender = Caller(context.key, request.sender)
    done = await context.chat.publish(sender, request.room, content, request.id)
    return answers.Published(epoch=done.epoch, seq=done.seq, duplicate=done.duplicate)


async def _broadcast(context: Context, request: requests.Broadcast) -> answers.Broadcasted:
    for room in request.rooms:
        context.require(PUBLISH, room)
    context.requireText(request.text)
    sender = Caller(context.key, request.sender)
    names.checkName(sender.name)
    send = partial(context.chat.publish, sender, content=_contentOf(request), id=request.id)
    sending = [_outcome(send, room) for room in request.rooms]
    found = await gatherResults([Deferred.fromCoroutine(each) for each in sending])
    return answers.Broadcasted(responses=found)


def _contentOf(
    request: requests.Publish | requests.Broadcast, reply: int | None = None
) -> str | Said:
    """
    @raise ChatError: C{too-long} or C{bad-command}: C{data} is too large, or nested too deeply
    """
    if request.data is None and reply is None:
        return request.text
    json = b"" if request.data is None else wire.decodeData(msgspec.json.encode(request.data))
    return Said(request.text, json, reply)


async def _outcome(send: Callable[[str], Deferred[Published]], room: str) -> answers.Outcome:
    try:
        done = await send(room)
    except ChatError as error:
        return answers.Outcome(room=room, error=errorBody(error))
    return answers.Outcome(room=room, epoch=done.epoch, seq=done.seq, duplicate=done.duplicate)


async def _history(context: Context, request: requests.ReadHistory) -> answers.History:
    context.require(READ, request.room)
    visitors = context.chat.visitors
    read = await visitors.history(request.room, request.before, request.after, request.limit)
    context.counts.chargeReading(context.key.label, read.scanned)
    messages: list[Any] = list(read.messages)
    return answers.History(room=read.room, epoch=read.epoch, seq=read.seq, messages=messages)


async def _presence(context: Context, request: requests.Presence) -> answers.Present:
    context.require(READ, request.room)
    found = await context.chat.visitors.members(request.room)
    return answers.Present(room=found.room, count=found.count, members=list(found.members))


async def _rooms(context: Context, request: requests.Rooms) -> answers.OpenRooms:
    def described(room: Room) -> answers.OpenRoom:
        seq = room.position.seq if room.position else 0
        return answers.OpenRoom(room=room.name, names=len(room.occupants), seq=seq)

    rooms = [room for room in context.chat.rooms if context.key.may(READ, room.name)]
    largest = nlargest(LISTED, map(described, rooms), key=attrgetter("names"))
    return answers.OpenRooms(count=len(rooms), rooms=largest)


async def _disconnect(context: Context, request: requests.Disconnect) -> answers.Disconnected:
    if not context.key.everywhere:
        raise ChatError(NOT_ALLOWED, "disconnect requires a key for all rooms")
    count = await context.chat.evictions.evict(request.name)
    return answers.Disconnected(connections=count)


def _acts(method: str, *fields: str) -> Callable[[Context, Any], Coroutine[Any, Any, answers.Done]]:
    """
    @param method: the name of a method of L{machat.moderation.service.Moderation}
    @param fields: the fields of the request that are its keyword arguments
    @return: the function of an endpoint
    """

    async def act(context: Context, request: Any) -> answers.Done:
        context.require(MODERATE, request.room)
        chosen = "banAddressOf" if getattr(request, "address", False) else method
        arguments = {name: getattr(request, name) for name in fields}
        by = Caller(context.key, request.moderator)
        names.checkName(by.name)
        await getattr(context.chat.moderation, chosen)(request.room, by=by, **arguments)
        return answers.Done()

    return act


async def _sanctions(context: Context, request: requests.ReadSanctions) -> answers.Sanctions:
    context.require(MODERATE, request.room)
    async with context.chat.rooms.visit(request.room) as room:
        found = sanctioned(context.chat.moderation, request.room)
        return answers.Sanctions(room=room.name, sanctions=found)


async def _token(context: Context, request: requests.MakeToken) -> answers.Token:
    context.require(READ, request.room)
    expires = int(context.chat.clock.now()) + request.seconds
    return answers.Token(token=makeToken(context.key, request.room, expires), expires=expires)


#: All endpoints by name.
ENDPOINTS = {
    "publish": Endpoint(PUBLISH, requests.Publish, answers.Published, _publish),
    "broadcast": Endpoint(PUBLISH, requests.Broadcast, answers.Broadcasted, _broadcast),
    "edit": Endpoint(PUBLISH, requests.Edit, answers.Published, _change),
    "redact": Endpoint(PUBLISH, requests.Redact, answers.Published, _change),
    "react": Endpoint(PUBLISH, requests.React, answers.Published, _change),
    "history": Endpoint(READ, requests.ReadHistory, answers.History, _history),
    "presence": Endpoint(READ, requests.Presence, answers.Present, _presence),
    "rooms": Endpoint(READ, requests.Rooms, answers.OpenRooms, _rooms),
    "disconnect": Endpoint(MODERATE, requests.Disconnect, answers.Disconnected, _disconnect),
    "kick": Endpoint(MODERATE, requests.Kick, answers.Done, _acts("kick", "name", "reason")),
    "mute": Endpoint(
        MODERATE, requests.Mute, answers.Done, _acts("mute", "name", "seconds", "reason")
    ),
    "unmute": Endpoint(MODERATE, requests.Unmute, answers.Done, _acts("unmute", "name")),
    "ban": Endpoint(
        MODERATE, requests.Ban, answers.Done, _acts("ban", "name", "seconds", "reason")
    ),
    "unban": Endpoint(MODERATE, requests.Unban, answers.Done, _acts("unban", "name")),
    "lock": Endpoint(MODERATE, requests.Lock, answers.Done, _acts("lock", "reason")),
    "unlock": Endpoint(MODERATE, requests.Unlock, answers.Done, _acts("unlock")),
    "topic": Endpoint(MODERATE, requests.Topic, answers.Done, _acts("setTopic", "text")),
    "sanctions": Endpoint(MODERATE, requests.ReadSanctions, answers.Sanctions, _sanctions),
    "token": Endpoint(READ, requests.MakeToken, answers.Token, _token),
}
