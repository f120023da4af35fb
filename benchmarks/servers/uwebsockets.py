"""
A chat server on uWebSockets, through C{socketify}. It speaks MaChat's text dialect:
C{python uwebsockets.py PORT}.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from socketify import App, AppListenOptions, OpCode, WebSocket


def main(port: int) -> None:
    """
    Serve until the process is stopped. Compression is off, as in all servers here. The library
    keeps data for a WebSocket only if its handshake attaches it. C{App.run} would poll two event
    loops in turn; the library's own loop alone is faster and waits.
    """
    app = App()

    def upgrade(response: Any, request: Any, context: Any) -> None:
        key = request.get_header("sec-websocket-key")
        response.upgrade(key, None, None, context, {})

    def message(ws: WebSocket, data: str, code: OpCode) -> None:
        user: dict[str, str] = ws.get_user_data()
        if not user:
            hello = json.loads(data)
            user |= {"room": hello["room"], "prefix": hello["name"] + ":"}
            ws.subscribe(hello["room"])
            return
        app.publish(user["room"], user["prefix"] + data + "\n", OpCode.TEXT)

    behavior = {"compression": 0, "idle_timeout": 0, "max_payload_length": 65_536}
    limits = {"max_backpressure": 1 << 24}
    app.ws("/mychat", {**behavior, **limits, "upgrade": upgrade, "message": message})
    app.listen(AppListenOptions(port=port, host="127.0.0.1"), lambda config: None)
    app.loop.uv_loop.run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
