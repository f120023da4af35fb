"""
Posts messages to the chat from a view of a web application, with the standard library alone. The
server has an API, and a key for the application::

    install -m 600 /dev/null key
    machat-apikey --file keys --label shop --rights publish --rooms sales > key
    twistd -n machat --api tcp:8000:interface=127.0.0.1 --api-keys keys
"""

import json
import os
from urllib.error import HTTPError
from urllib.request import Request, urlopen

URL = os.environ.get("MACHAT_URL", "http://127.0.0.1:8000")
KEY = os.environ["MACHAT_KEY"]

#: The longest wait for the answer, seconds. A view must not wait longer for the chat.
TIMEOUT = 5


class NotPosted(Exception):
    """
    The message is not in the room, or it is not known whether it is.
    """


def post(room, text, sender=None, id=None):
    """
    Post a message, and wait until the chat has stored it.

    @param sender: the name of the sender; by default, the label of the key
    @param id: a text that identifies the message: a message with the same sender and id as an
        earlier one is not posted again
    @return: the number of the message in its room
    """
    fields = {"room": room, "text": text, "from": sender, "id": id}
    body = json.dumps(fields).encode()
    headers = {"X-API-Key": KEY, "Content-Type": "application/json"}
    try:
        with urlopen(Request(f"{URL}/api/publish", body, headers), timeout=TIMEOUT) as answer:
            return json.load(answer)["seq"]
    except HTTPError as error:
        raise NotPosted(error.read().decode(errors="replace")) from None
    except OSError as error:
        raise NotPosted(f"the chat cannot be reached: {error}") from None
