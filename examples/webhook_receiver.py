"""
A receiver of webhooks that needs only the standard library. It prints each event once.

    python examples/webhook_receiver.py --secret-file webhook.secret --port 8055
"""

import argparse
import hmac
import json
import time
from base64 import b64decode, b64encode
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

#: The maximum difference between the clocks of the sender and the receiver, seconds.
TOLERANCE = 300

#: The maximum size of a request, bytes.
LARGEST = 1_048_576


def verify(secret, headers, body, now):
    """
    Check that a request comes from the chat, and that nobody has recorded it and sends it again.

    @param secret: the line of the secret file
    @raise ValueError: it does not
    """
    id, at, signatures = (
        headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")
    )
    if not at.isdecimal() or abs(now - int(at)) > TOLERANCE:
        raise ValueError("the timestamp is missing, or too old: compare the clocks")
    key = b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{id}.{at}.".encode() + body, "sha256")
    expected = f"v1,{b64encode(digest).decode()}".encode()
    if not any(hmac.compare_digest(expected, each.encode()) for each in signatures.split()):
        raise ValueError("the signature is wrong: compare the secrets")


class Receiver(BaseHTTPRequestHandler):
    timeout = 10
    secret = ""
    seen: dict[
        str, int
    ] = {}  # the number of the last message of each room; a real program stores it

    def do_POST(self):
        length = self.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > LARGEST:
            self.answer(413)
            return
        body = self.rfile.read(int(length))
        try:
            verify(self.secret, self.headers, body, time.time())
        except ValueError as error:
            self.log_error("%s", error)
            self.answer(403)
            return
        for event in json.loads(body)["data"]["events"]:
            self.handle_event(event)
        self.answer(204)  # only now: what is not acknowledged is sent again

    def handle_event(self, event):
        room, seq = event["room"], event.get("seq")
        if seq is not None:
            if seq <= self.seen.get(room, 0):
                return  # it was sent again, because the answer was lost
            self.seen[room] = seq
        print(json.dumps(event), flush=True)

    def answer(self, code):
        self.send_response(code)
        self.end_headers()

    def log_request(self, code="-", size="-"):
        pass


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--secret-file", type=Path, required=True)
    parser.add_argument("--port", type=int, default=8055)
    options = parser.parse_args()
    Receiver.secret = options.secret_file.read_text().split()[0]
    HTTPServer(("127.0.0.1", options.port), Receiver).serve_forever()


if __name__ == "__main__":
    main()
