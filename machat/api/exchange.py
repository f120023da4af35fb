"""
One request to the HTTP API, and its answer.
"""

from __future__ import annotations

from collections.abc import Coroutine
from http import HTTPStatus
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from machat.api.statuses import refused
from machat.auth.apikeys import ApiKey
from machat.errors import FAILED, UNKNOWN, ChatError
from machat.http.messages import Answer
from machat.http.resource import send
from machat.rooms.hookrunner import FAULT
from machat.service import ChatService

#: The status in the log and in the metrics of a request whose client has gone before the answer.
GONE = 499


class Exchange:
    """
    Answers one request once: when its coroutine has returned, when that takes too long, or not at
    all if the client has gone.

    @ivar request: the request of L{twisted.web}
    @ivar name: the name of the endpoint
    @ivar key: the key of the client; C{None} before it is known
    @ivar fields: header fields of every answer
    @ivar over: whether the request has been answered, or its client has gone
    """

    _log = Logger()

    def __init__(self, chat: ChatService, request: Any, name: str, peer: str) -> None:
        self.request = request
        self.name = name
        self.key: ApiKey | None = None
        self.fields: dict[str, str] = {}
        self.over = False
        self._chat = chat
        self._peer = peer
        self._began = chat.clock.seconds()
        self._timer: IDelayedCall | None = None
        request.notifyFinish().addErrback(self._gone)

    def _gone(self, failure: Failure) -> None:
        self.end(GONE)

    def run(self, coroutine: Coroutine[Any, Any, Answer | None], most: float) -> Deferred[None]:
        """
        Answer with the result of a coroutine. It is not cancelled: a message may be on its way to
        the store when its client goes.

        @param coroutine: returns the answer, or C{None} if it has answered itself
        @param most: the maximum time, seconds
        @return: fires when the coroutine has returned
        """
        running = Deferred.fromCoroutine(coroutine).addErrback(self._failed)
        if not running.called:
            self._timer = self._chat.clock.callLater(most, self._tooLate)
        return running.addCallback(self._finish)

    def _finish(self, answer: Answer | None) -> None:
        if answer is not None:
            self.finish(answer)

    def _tooLate(self) -> None:
        self._timer = None
        text = "the server has not answered in time: repeat the request with the same id"
        self.finish(refused(ChatError(UNKNOWN, text)))

    def _failed(self, failure: Failure) -> Answer:
        error = failure.value
        if isinstance(error, ChatError):
            self._chat.metrics.refusals[error.code] += 1
            return refused(error)
        self._log.failure("{name} of the API raised an exception", failure, name=self.name)
        return refused(ChatError(FAILED, FAULT), 500)

    def finish(self, answer: Answer) -> None:
        """
        Send the answer, unless the request is over.
        """
        if self.over:
            return
        request = self.request
        body = send(request, answer._replace(fields={**answer.fields, **self.fields}))
        request.setResponseCode(answer.status, HTTPStatus(answer.status).phrase.encode())
        if self._chat.draining:
            request.setHeader("Connection", "close")
            request.channel.persistent = False
        if answer.status != 204:
            request.setHeader("Content-Length", str(len(answer.body)))
        self.end(answer.status)
        request.write(body)
        request.finish()

    def end(self, status: int) -> None:
        """
        Log and count the request, which needs no answer any more.
        """
        if self.over:
            return
        self.over = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        taken = self._chat.clock.seconds() - self._began
        self._chat.metrics.countRequest(self.name, status, taken)
        if self.key is not None:
            self._log.info(
                "API {name} by {label} from {peer}: {status}, {time:.1f} ms",
                name=self.name,
                label=self.key.label,
                peer=self._peer,
                status=status,
                time=taken * 1000,
            )
