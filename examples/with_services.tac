"""
A chat next to other services of an application. The services stop one after another::

    twistd -ny examples/with_services.tac

    echo 'Disk full on web3' | nc -N localhost 8200    # in the room ops: alarm:Disk full on web3

All messages in the room C{ops}, including the last ones before the shutdown, are appended to the
file C{ops.txt}.
"""

from twisted.application import service, strports
from twisted.internet import reactor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver

from machat.hooks import Hooks
from machat.member import Member
from machat.monitor import Monitor
from machat.service import ChatService
from machat.tcp import ChatFactory
from machat.ws import ChatWebSocketFactory


class InOrder(service.MultiService):
    """
    Stops its services in reverse order. It waits for each service before it stops the next one.
    """

    def stopService(self):
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self):
        service.Service.stopService(self)
        for each in reversed(list(self)):
            await maybeDeferred(each.stopService)


class Archive(service.Service, Hooks):
    """
    A file with the messages of C{ops}. The file is open while the service runs.
    """

    def startService(self):
        super().startService()
        self._file = open("ops.txt", "a", encoding="utf-8")

    def stopService(self):
        super().stopService()
        self._file.close()

    def said(self, messages):
        if messages[0].room == "ops":  # all messages of a batch are in one room
            self._file.writelines(f"{each.seq} {each.sender}: {each.text}\n" for each in messages)


class Alarm(LineOnlyReceiver):
    """
    Posts each line that it receives in C{ops}.
    """

    delimiter = b"\n"

    def lineReceived(self, line):
        chat.say(alarm, "ops", line.decode(errors="replace"))


application = service.Application("services")
parts = InOrder()
parts.setServiceParent(application)

archive = Archive()
chat = ChatService(reactor, hooks=archive)
monitor = Monitor(reactor, [chat])
for part in (archive, monitor, chat):
    part.setServiceParent(parts)

alarm = Member("alarm")
chat.join(alarm, "ops")

local = "interface=127.0.0.1"
strports.service(f"tcp:8989:{local}", ChatFactory(chat)).setServiceParent(chat)
strports.service(f"tcp:8099:{local}", ChatWebSocketFactory(chat)).setServiceParent(chat)
strports.service(f"tcp:9898:{local}", monitor.site).setServiceParent(monitor)
strports.service(f"tcp:8200:{local}", Factory.forProtocol(Alarm)).setServiceParent(parts)
