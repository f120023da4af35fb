"""
The chat client: it reconnects, recovers missed messages, and resends messages whose outcome it does
not know. If a server whose store is not durable was restarted in between, a resent message can be
published twice.

    >>> client = ChatClient(reactor, "localhost:8989", "Mina", print)
    >>> client.startService()
    >>> joined = await client.join("dev", history=20)
    >>> receipt = await client.say("dev", "hello")

The listener is called with the events of L{machat.events} that matter to a user, in the order of
the room, each message once. It is also called with L{Connected}, L{Failed}, L{Lost} and
L{Gap<machat.client.Gap>}.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.logger import Logger

from machat import commands, events
from machat.client.endpoints import dial
from machat.client.runner import CoreRunner
from machat.clock import chatClock
from machat.events import Done, Event, History, Joined, ReadMark, Receipt, RoomList
from machat.sansio import ClientCore, entries


class ChatClient(Service):
    """
    A client of one server, under one name. It connects when it is started as a service.

    Until the first welcome, a L{Failed} that needs a person's intervention ends the client, because
    the address or the options are probably wrong. After the first welcome, the client always
    reconnects.

    @ivar nick: the name
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        address: str | IStreamClientEndpoint,
        name: str,
        listener: Callable[[Event], object] = lambda event: None,
        presence: bool = True,
        origin: str | None = None,
        credentials: Callable[[], commands.Auth] = commands.Auth,
    ) -> None:
        """
        @param reactor: provides connections and timers
        @param address: C{host:port}, a client endpoint string, an endpoint, or a C{ws://} or
            C{wss://} URL
        @param listener: called with each event. Its exceptions are logged
        @param presence: whether to receive presence updates
        @param origin: the C{Origin} header of a WebSocket handshake
        @param credentials: returns the password or token. It is called for each connection, and
            before the current credentials expire. Its exceptions are logged and reported as
            L{Failed}, and the client calls it again later
        @raise ValueError: the address is invalid
        """
        self.nick = name
        self._listener = listener
        self._credentials = credentials
        clock = chatClock(reactor)
        self._core = core = ClientCore(name, presence, clock.seconds)
        call = partial(dial, reactor, address, origin=origin)
        self._runner = CoreRunner(clock, core, call, self._authenticate, self._notify)

    @property
    def limits(self) -> events.Allowed | None:
        """
        The limits that the last welcome contained.
        """
        return self._core.limits

    @property
    def connected(self) -> bool:
        """
        Whether the server has sent its welcome on the current connection.
        """
        return self._core.connected

    def joined(self, room: str) -> bool:
        """
        @return: whether the client is in this room on the current connection
        """
        return self._core.joined(room)

    def pause(self) -> None:
        """
        Stop reading from the server, for a listener that cannot accept more events. A few events
        may still arrive. A server closes a connection that is not read for a long time; after
        C{resume} the client reconnects, and recovers what it can.
        """
        self._core.pause()
        self._runner.carryOut()

    def resume(self) -> None:
        """
        Read from the server again.
        """
        self._core.resume()
        self._runner.carryOut()

    def startService(self) -> None:
        """
        Connect, and reconnect whenever the connection is lost.
        """
        Service.startService(self)
        self._core.start()
        self._runner.carryOut()

    def stopService(self) -> Deferred[None]:
        """
        Disconnect, and do not reconnect. Unacknowledged messages fail with L{Ended}.

        @return: fires when the connection is closed
        """
        Service.stopService(self)
        self._core.stop()
        self._runner.carryOut()
        return self._runner.whenClosed()

    def join(self, room: str, history: int = 0, key: str | None = None) -> Deferred[Joined]:
        """
        Join a room, and rejoin it on every later connection.

        @param history: the number of its last messages to receive first
        @param key: the key of the room, if it needs one
        @return: fires when the room is joined for the first time; fails with
            L{ChatError<machat.errors.ChatError>} if the server refuses, with L{Ended} if the client
            ends first. If the name is taken by a client that does not respond, the listener
            receives an L{Error<machat.events.Error>}, and the client tries again
        """
        return self._ask(lambda done: self._core.join(room, history, done, key))

    def leave(self, room: str) -> None:
        """
        Leave a room. Its unacknowledged messages fail with L{Ended}.
        """
        self._core.leave(room)
        self._runner.carryOut()

    def rooms(self) -> list[str]:
        """
        @return: the rooms that the client is in or rejoins
        """
        return self._core.rooms

    def who(self, room: str) -> None:
        """
        Ask for the members of a room. The listener receives a L{machat.events.Members}.
        """
        self._send(commands.Who(room=room))

    def history(
        self, room: str, before: int | None = None, limit: int = 50, text: str | None = None
    ) -> Deferred[History]:
        """
        Request stored messages of a joined room: the last ones, or the last ones before a number.

        @param text: one or more words; only messages that contain all of them are returned. The
            answer has C{searched}: to search the older messages, call this again with that number
            as C{before}, until it is at most 1
        @param limit: the number of messages. The answer may have fewer although the server has
            more; an answer without messages means that there are no older ones
        @return: fires with the L{History<machat.events.History>}; fails with
            L{ChatError<machat.errors.ChatError>} if the server refuses, with
            L{NotConnected<machat.client.NotConnected>} if the room is not joined, or if the
            connection is lost
        """
        command = commands.History(room=room, before=before, limit=limit, text=text)
        return self._ask(lambda done: self._core.history(command, done))

    def moderate(self, command: commands.Command) -> None:
        """
        Send a moderation command, such as L{commands.Kick}. The listener receives a
        L{machat.events.Done} or a L{machat.events.Error} with the same C{id}. Nothing is sent while
        the client is not connected.
        """
        self._send(command)

    def _send(self, command: commands.Command) -> None:
        self._core.send(command)
        self._runner.carryOut()

    def say(
        self,
        room: str,
        text: str,
        data: Mapping[str, Any] | None = None,
        reply: int | None = None,
        id: str | None = None,
    ) -> Deferred[Receipt]:
        """
        Send a message to a joined room: now, or after the next reconnect.

        @param text: up to 100 lines; may be empty if there is C{data}
        @param data: an object for programs, at most 4,096 bytes as JSON
        @param reply: the number of the message that this one answers
        @param id: identifies the message, so that another program, or this one after a restart, can
            repeat it: 1 to 64 printable ASCII characters. By default, the client makes one
        @return: fires with the L{Receipt} when the server has stored the message; fails with
            L{ChatError<machat.errors.ChatError>} if it was refused, with
            L{TooMuch<machat.client.TooMuch>} if too many messages are waiting, with
            L{Unknown<machat.client.Unknown>} or L{Ended} if the outcome is not known
        """
        return self._post(room, entries.say(text, data, reply, id))

    def edit(self, room: str, target: int, text: str) -> Deferred[Receipt]:
        """
        Replace the text of a message, as L{say} sends one.

        @param target: the number of the message
        """
        return self._post(room, commands.Edit(target=target, text=text))

    def redact(self, room: str, target: int, reason: str | None = None) -> Deferred[Receipt]:
        """
        Remove the content of a message, as L{say} sends one.
        """
        return self._post(room, commands.Redact(target=target, reason=reason or ""))

    def react(self, room: str, target: int, emoji: str, remove: bool = False) -> Deferred[Receipt]:
        """
        Add a reaction to a message, or remove it, as L{say} sends a message.
        """
        return self._post(room, commands.React(target=target, emoji=emoji, remove=remove))

    def typing(self, room: str) -> None:
        """
        Notify the other members of a joined room that the user is typing. Does nothing without a
        connection. The server forwards at most one notice in 3 seconds.
        """
        self._core.typing(room)
        self._runner.carryOut()

    def direct(
        self, user: str, text: str, data: Mapping[str, Any] | None = None
    ) -> Deferred[Receipt]:
        """
        Send a message to a user, as L{say} sends one. The client joins the direct conversation with
        this user. Both need an account.
        """
        command = entries.say(text, data)
        return self._ask(lambda done: self._core.direct(user, command, done))

    def listRooms(self, prefix: str = "", after: str = "", limit: int = 100) -> Deferred[RoomList]:
        """
        Request a part of the list of rooms.

        @param prefix: the beginning of the names
        @param after: the rooms follow the one with this name
        @param limit: the maximum number of rooms, up to 100
        @return: fires with the L{RoomList<machat.events.RoomList>}; fails with
            L{ChatError<machat.errors.ChatError>} if the server refuses, with
            L{NotConnected<machat.client.NotConnected>} if there is no connection
        """
        command = commands.ListRooms(prefix=prefix, after=after, limit=limit)
        return self._request(command)

    def block(self, user: str, blocked: bool = True) -> Deferred[Done]:
        """
        Refuse direct messages from a user, or accept them again. Fails as L{listRooms} does.
        """
        kind = commands.Block if blocked else commands.Unblock
        return self._request(kind(name=user))

    def markRead(self, room: str, seq: int) -> Deferred[ReadMark]:
        """
        Note that the user has read a room up to this message, for all of the user's connections.
        Fails as L{listRooms} does.
        """
        return self._request(commands.Read(room=room, seq=seq))

    def _request(self, command: commands.Command) -> Deferred[Any]:
        return self._ask(lambda done: self._core.request(command, done))

    def _post(self, room: str, command: commands.Command) -> Deferred[Receipt]:
        return self._ask(lambda done: self._core.post(room, command, done))

    def _ask(self, command: Callable[[Deferred[Any]], object]) -> Deferred[Any]:
        done: Deferred[Any] = Deferred()
        command(done)
        self._runner.carryOut()
        return done

    def _authenticate(self) -> commands.Auth:
        try:
            return self._credentials()
        except Exception:
            self._log.failure("reading the credentials of {name} failed", name=self.nick)
            raise

    def _notify(self, event: Event) -> None:
        try:
            self._listener(event)
        except Exception:
            self._log.failure("the listener of {name} failed", name=self.nick)
