"""
Send a message from any Python program, with the standard library alone::

    MACHAT_KEY=$(cat key) python3 examples/http_client.py ops "backup done"
"""

import json
import os
import sys
import time
import uuid
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

URL = os.environ.get("MACHAT_URL", "http://127.0.0.1:8000")


def post(room, text, sender=None, tries=5):
    """
    Send a message once, however often the request has to be repeated.
    """
    fields = {"room": room, "text": text, "from": sender, "id": str(uuid.uuid4())}
    headers = {"X-API-Key": os.environ["MACHAT_KEY"], "Content-Type": "application/json"}
    request = Request(f"{URL}/api/publish", json.dumps(fields).encode(), headers)
    while True:
        tries -= 1
        delay = 1.0
        try:
            with urlopen(request, timeout=40) as answer:
                return json.load(answer)
        except HTTPError as error:
            if error.code not in (429, 502, 503, 504) or not tries:
                raise RuntimeError(error.read().decode()) from None
            delay = float(error.headers.get("Retry-After", delay))
        except (URLError, TimeoutError):
            if not tries:
                raise
        time.sleep(delay)


if __name__ == "__main__":
    print(post(sys.argv[1], sys.argv[2]))
