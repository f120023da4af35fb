r"""
A Flask site whose users are in the chat of a separate MaChat server, under the names of their
accounts::

    cd examples/login
    install -m 600 /dev/null secret
    install -m 600 /dev/null key
    openssl rand -hex -out secret 32
    machat-apikey --file keys --label site --rights moderate > key
    twistd -n machat --auth jwt:keyfile=secret --page-token-url http://localhost:8080/chat-token \
        --origin http://localhost:8080 --api tcp:8000:interface=127.0.0.1 --api-keys keys

In another terminal::

    pip install flask waitress pyjwt
    cd examples/login
    waitress-serve --listen=127.0.0.1:8080 with_flask:app

Open http://localhost:8080/, and log in as Mina (password C{rain}), Ada Lovelace (C{snow}) or
grace@example.org (C{wind}).
"""

import hmac
import json
import os
from pathlib import Path
from secrets import token_urlsafe
from string import Template
from urllib.request import Request, urlopen

from accounts import chatName, find, tokenFor
from flask import Flask, abort, jsonify, redirect, request, send_from_directory, session
from markupsafe import escape

FOLDER = Path(__file__).parent

#: The addresses of the chat: of its page, and of its HTTP API.
CHAT = os.environ.get("CHAT", "http://localhost:8099/")
API = os.environ.get("CHAT_API", "http://localhost:8000/")

SECRET = Path("secret").read_text().strip()
KEY = Path("key").read_text().strip()

ORIGIN = CHAT.rstrip("/")
POLICY = (
    f"default-src 'none'; img-src 'self'; script-src 'self' {ORIGIN}; "
    f"connect-src 'self' {ORIGIN.replace('http', 'ws', 1)}; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

app = Flask(__name__)
app.config.update(
    SECRET_KEY=token_urlsafe(32),  # of the cookies; a site with several processes needs a fixed one
    SESSION_COOKIE_SAMESITE="Lax",
    SESSION_COOKIE_SECURE=False,  # True behind TLS
    MAX_CONTENT_LENGTH=10_000,
)


def csrf():
    """
    @return: the value of the hidden field of the forms, which another site cannot know
    """
    return session.setdefault("csrf", token_urlsafe(32))


def checkForm():
    if not hmac.compare_digest(request.form.get("csrf", "").encode(), csrf().encode()):
        abort(403, "This form is not from this site, or is too old.")


def show(name, **values):
    """
    @return: an HTML file of this folder, with these values
    """
    escaped = {name: escape(value) for name, value in values.items()}
    return Template((FOLDER / name).read_text()).substitute(escaped)


@app.after_request
def protect(response):
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Cache-Control"] = "no-store"
    return response


@app.get("/")
def own():
    if "account" not in session:
        return redirect("/login")
    return show("own.html", account=session["account"], csrf=csrf(), chat=CHAT)


@app.get("/own.js")
def script():
    return send_from_directory(FOLDER, "own.js")


@app.get("/login")
def askToLogIn(reason=""):
    return show("login.html", csrf=csrf(), reason=reason)


@app.post("/login")
def logIn():
    checkForm()
    account = find(request.form.get("name", ""), request.form.get("password", ""))
    if account is None:
        return askToLogIn("Wrong name or password."), 403
    session.clear()
    session["account"] = account
    return redirect("/")


@app.post("/logout")
def logOut():
    checkForm()
    account = session.get("account")
    session.clear()
    if account is not None:
        disconnect(chatName(account))
    return redirect("/login")


def disconnect(name):
    """
    Close the user's connections, in all browsers and programs. If that fails, they end when their
    tokens expire.
    """
    body = json.dumps({"name": name}).encode()
    headers = {"X-API-Key": KEY, "Content-Type": "application/json"}
    try:
        urlopen(Request(f"{API}api/disconnect", body, headers), timeout=5).close()
    except OSError:
        app.logger.exception("cannot disconnect %s", name)


@app.get("/chat-token")
def token():
    if "account" in session:
        answer = jsonify(tokenFor(session["account"], SECRET))
    else:
        login = {"text": "you are not logged in", "login": "/login"}
        answer = jsonify(login)
        answer.status_code = 401
    if request.headers.get("Origin") == ORIGIN:  # the page is on the server of the chat
        answer.headers["Access-Control-Allow-Origin"] = ORIGIN
        answer.headers["Access-Control-Allow-Credentials"] = "true"
        answer.headers["Vary"] = "Origin"
    return answer
