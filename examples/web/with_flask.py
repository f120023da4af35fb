"""
A Flask application that posts to the chat, under a WSGI server::

    pip install flask waitress
    export MACHAT_KEY=$(cat key)
    cd examples/web
    waitress-serve --listen=127.0.0.1:8080 with_flask:app

In another terminal::

    curl -d order=17 http://localhost:8080/orders
"""

from chat import NotPosted, post
from flask import Flask, request

app = Flask(__name__)


@app.post("/orders")
def pay():
    order = request.form.get("order", type=int)
    if order is None:
        return "order is missing\n", 400
    # ... the order is stored ...
    try:
        seq = post("sales", f"Order {order} is paid.", id=f"order-{order}")
    except NotPosted as error:
        app.logger.warning("order %d is not announced: %s", order, error)
        return f"order {order} is paid, but not announced\n"
    return f"order {order} is announced as number {seq}\n"
