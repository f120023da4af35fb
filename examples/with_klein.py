"""
A klein application that contains a chat, and a bot in one room (C{pip install klein})::

    twistd -ny examples/with_klein.py

    curl http://localhost:8080/rooms/ops -d text='The build is done.'
    curl http://localhost:8080/rooms/ops

Open http://localhost:8080/chat/#ops to see the messages. If you send C{!visits}, the bot replies
with the number of requests.
"""

import msgspec
from klein import Klein
from twisted.application import service, strports
from twisted.internet import reactor
from twisted.web.server import Site

from machat.errors import ChatError
from machat.events import Message
from machat.member import Member
from machat.service import ChatService
from machat.ws import ChatWebSocketFactory
from machat.ws.resource import PageResource


class Bot(Member):
    """
    The member that posts messages for the application.
    """

    visits = 0

    def heard(self, event):
        if isinstance(event, Message) and event.text == "!visits":
            chat.say(self, event.room, f"{self.visits} so far, {event.sender}.")


app = Klein()


@app.route("/rooms/<room>", methods=["GET"])
async def read(request, room):
    return answer(request, await chat.history(bot, room, limit=20))


@app.route("/rooms/<room>", methods=["POST"])
async def post(request, room):
    text = request.args.get(b"text", [b""])[0].decode(errors="replace")
    return answer(request, await chat.post(bot, room, text))


@app.route("/chat/", branch=True)
def page(request):
    return pages


@app.handle_errors(ChatError)
def refused(request, failure):
    request.setResponseCode(404 if failure.value.code == "not-joined" else 400)
    return f"{failure.value.text}\n"


def answer(request, value):
    bot.visits += 1
    request.setHeader("content-type", "application/json")
    return msgspec.json.encode(value) + b"\n"


application = service.Application("klein")
chat = ChatService(reactor)
chat.setServiceParent(application)
bot = Bot("bot")
chat.join(bot, "ops")
pages = PageResource(ChatWebSocketFactory(chat))

strports.service("tcp:8080:interface=127.0.0.1", Site(app.resource())).setServiceParent(chat)
