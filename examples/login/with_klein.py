"""
A klein site whose users are in the chat under the names of their accounts::

    pip install klein
    cd examples/login
    PYTHONPATH=. twistd -ny with_klein.py

Open http://localhost:8080/, and log in as Mina (password C{rain}), Ada Lovelace (C{snow}) or
grace@example.org (C{wind}).
"""

import time
from hashlib import sha256
from hmac import compare_digest, digest
from html import escape
from pathlib import Path
from secrets import token_bytes, token_urlsafe
from string import Template

import msgspec
from accounts import chatName, find, tokenFor
from klein import Klein
from twisted.application import service, strports
from twisted.cred.portal import Portal
from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.web.server import Site

from machat.auth import ChatRealm, Tokens, secret
from machat.errors import REMOVED
from machat.names import key
from machat.service import ChatService
from machat.ws import ChatWebSocketFactory
from machat.ws.resource import PageResource

FOLDER = Path(__file__).parent

#: The duration of a login, seconds.
SESSION = 12 * 3600

POLICY = (
    "default-src 'none'; img-src 'self'; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

#: The keys that sign the tokens and protect the forms, new at each start.
TOKENS, FORMS = token_urlsafe(32), token_bytes(32)

#: The account and the end of each login, by session. The cookie contains the session.
logins = {}

app = Klein()


def accountOf(request):
    """
    @return: the account that is logged in; C{None} if the user is not
    """
    account, end = logins.get(request.getCookie(b"session"), (None, 0))
    return account if end > time.time() else None


def begin(request):
    """
    @return: a new session, which the user's cookie contains from now on
    """
    session = token_urlsafe(32).encode()
    # behind TLS, add secure=True, and call the cookie __Host-session
    request.addCookie(b"session", session, path=b"/", httpOnly=True, sameSite=b"lax")
    return session


def csrf(session):
    """
    @return: the value of the hidden field of the forms, which another site cannot know
    """
    return digest(FORMS, session or b"", sha256).hex()


def isForged(request):
    given = request.args.get(b"csrf", [b""])[0]
    session = request.getCookie(b"session")
    return session is None or not compare_digest(given, csrf(session).encode())


def show(request, name, **values):
    """
    @return: an HTML file of this folder, with these values
    """
    request.setHeader("content-type", "text/html; charset=utf-8")
    request.setHeader("content-security-policy", POLICY)
    request.setHeader("cache-control", "no-store")
    escaped = {name: escape(value) for name, value in values.items()}
    return Template((FOLDER / name).read_text()).substitute(escaped)


def answer(request, status, value):
    request.setResponseCode(status)
    request.setHeader("content-type", "application/json")
    request.setHeader("cache-control", "no-store")
    return msgspec.json.encode(value)


@app.route("/")
def own(request):
    account = accountOf(request)
    if account is None:
        return request.redirect(b"/login")
    form = csrf(request.getCookie(b"session"))
    return show(request, "own.html", account=account, csrf=form, chat="/chat/")


@app.route("/own.js")
def script(request):
    request.setHeader("content-type", "text/javascript; charset=utf-8")
    return (FOLDER / "own.js").read_text()


@app.route("/login", methods=["GET"])
def askToLogIn(request, reason=""):
    session = request.getCookie(b"session") or begin(request)
    return show(request, "login.html", csrf=csrf(session), reason=reason)


@app.route("/login", methods=["POST"])
async def logIn(request):
    name, password = (
        request.args.get(field, [b""])[0].decode(errors="replace")
        for field in (b"name", b"password")
    )
    if isForged(request):
        return answer(request, 403, {"text": "this form is not from this site, or is too old"})
    account = await deferToThread(find, name, password)
    if account is None:
        request.setResponseCode(403)
        return askToLogIn(request, "Wrong name or password.")
    for session, (_, end) in list(logins.items()):
        if end <= time.time():
            del logins[session]
    logins[begin(request)] = account, time.time() + SESSION
    return request.redirect(b"/")


@app.route("/logout", methods=["POST"])
def logOut(request):
    if isForged(request):
        return answer(request, 403, {"text": "this form is not from this site, or is too old"})
    account, _ = logins.pop(request.getCookie(b"session"), (None, 0))
    if account is not None:
        disconnect(chatName(account))
    return request.redirect(b"/login")


def disconnect(name):
    """
    Close the user's connections, in all browsers and programs.
    """
    for connection in chat.connections:
        if key(connection.name) == key(name):
            connection.disconnected(REMOVED)


@app.route("/chat-token", methods=["GET"])
def token(request):
    account = accountOf(request)
    if account is None:
        return answer(request, 401, {"text": "you are not logged in", "login": "/login"})
    return answer(request, 200, tokenFor(account, TOKENS))


@app.route("/chat/", branch=True)
def page(request):
    return pages


application = service.Application("site")
chat = ChatService(reactor, portal=Portal(ChatRealm(), [Tokens(secret(TOKENS))]))
chat.setServiceParent(application)
pages = PageResource(ChatWebSocketFactory(chat, page="/chat-token"))

strports.service("tcp:8080:interface=127.0.0.1", Site(app.resource())).setServiceParent(chat)
