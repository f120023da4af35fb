"""
The scenes of the conversation in C{docs/conversation.rst}. The first sentence of each docstring is
the title of a section, and the others are its text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tools.conversation import Conversation

#: A text that is removed later.
SECRET = "swordfish"


def arrive(scene: Conversation) -> None:
    """
    Joining. Mina starts her terminal with ``--room ops``. The bot connects and joins the same room.
    """
    scene.mina = scene.stage.terminal("Mina")
    scene.screen("joined ops")
    scene.robo = scene.stage.bot("Robo")
    scene.calls('await client.join("ops")')
    scene.screen("Robo joined")
    scene.below("ops: 2 here")


def publish(scene: Conversation) -> None:
    """
    Data. The script publishes a message with an object for programs. The bot receives the object;
    the terminal shows a summary.
    """
    fields = {"room": "ops", "text": "Deploy 41 has started", "data": {"build": 41}}
    scene.curl("publish", fields, '"seq":1')
    scene.screen("Deploy: Deploy 41 has started (data: build=41)")
    scene.gets("message", '"data":{"build":41}')


def severalLines(scene: Conversation) -> None:
    """
    Several lines. Alt+Enter begins another line. It is one message with one number.
    """
    scene.types("Please watch:\n- the errors\n- the queues", "  | - the queues")
    scene.gets("message", r"Please watch:\n- the errors\n- the queues")


def typing(scene: Conversation) -> None:
    """
    Typing. Each sees that the other one is typing. Mina deletes the word again.
    """
    scene.mina.type("Please")
    scene.note("Mina types", "Please")
    scene.gets("typing", '"from":"Mina"')
    scene.mina.press("C-u")
    scene.calls('client.typing("ops")')
    scene.below("Robo is typing", lambda: scene.robo.call('client.typing("ops")'))


def reply(scene: Conversation) -> None:
    """
    Replies. The bot answers message 2, and the script answers the bot.
    """
    scene.calls('await room.say("12 errors in the last minute", reply=2)', '"seq":3')
    scene.screen("  > #2 Mina: Please watch:...", "Robo: 12 errors in the last minute")
    fields = {"room": "ops", "text": "Rolling back", "reply": 3}
    scene.curl("publish", fields, '"seq":4')
    scene.screen("  > #3 Robo: 12 errors", "Deploy: Rolling back")
    scene.gets("message", "12 errors")
    scene.gets("message", '"reply":3')


def edit(scene: Conversation) -> None:
    """
    Edits. Without a number, ``/edit`` changes the last message of the user.
    """
    scene.types("/edit Please watch the errors", "Mina edited #2: Please watch the errors")
    scene.gets("edited", '"target":2')
    fields = {"room": "ops", "target": 4, "text": "Rolled back to 40"}
    scene.curl("edit", fields, '"seq":6')
    scene.screen("Deploy edited #4: Rolled back to 40")
    scene.gets("edited", '"target":4')
    scene.calls('await room.edit(1, "Deploy 42")', "not-allowed")


def react(scene: Conversation) -> None:
    """
    Reactions. Mina adds one and removes it again.
    """
    scene.calls('await room.react(4, "\U0001f389")')
    scene.screen("Robo reacts to #4 with \U0001f389")
    scene.curl("react", {"room": "ops", "target": 3, "emoji": "\u2705"}, '"seq":8')
    scene.screen("Deploy reacts to #3 with \u2705")
    scene.types("/react 4 \U0001f44d", "Mina reacts to #4 with \U0001f44d")
    scene.types("/unreact 4 \U0001f44d", "Mina no longer reacts to #4")
    for emoji in ("\U0001f389", "\u2705", "\U0001f44d"):
        scene.gets("reacted", emoji)
    scene.gets("reacted", '"remove":true')


def redact(scene: Conversation) -> None:
    """
    Removal. Mina has posted a password. After ``/redact`` it is not in the history.
    """
    scene.types(f"the password is {SECRET}", SECRET)
    scene.gets("message", SECRET)
    scene.types("/redact 11 a password", "Mina removed #11: a password")
    scene.gets("redacted", '"target":11')
    scene.curl("history", {"room": "ops", "after": 4}, '"redacted":true')


def listRooms(scene: Conversation) -> None:
    """
    The list of rooms. Mina sets a topic and adds the room to the list.
    """
    scene.types("/topic Deployments", "moderator Mina set the topic: Deployments")
    scene.types("/listed on", "moderator Mina listed the room")
    scene.types("/list op", "ops, 2 here: Deployments")
    scene.calls('await client.listRooms("op")', '"topic":"Deployments"')


def key(scene: Conversation) -> None:
    """
    A key. Nobody joins the room without it. Mina and Robo stay in it. Ida is another bot.
    """
    scene.types("/key sesame", "moderator Mina set a key")
    with scene.other("Ida", "Ida"):
        scene.calls('await client.join("ops")', "bad-key")
        scene.calls('await client.join("ops", key="barley")', "bad-key: wrong key")
        scene.calls('await client.join("ops", key="sesame")')
        scene.screen("Ida joined ops")
        scene.calls('client.leave("ops")')
        scene.screen("Ida left ops")


def direct(scene: Conversation) -> None:
    """
    Direct messages. The server joins the conversation for the bot. The script cannot read it.
    """
    scene.types("/msg Robo are the queues empty?", "[@Mina,Robo] Mina: are the queues empty?")
    scene.gets("joined", '"room":"@Mina,Robo"')
    scene.screen("Robo joined @Mina,Robo")
    scene.gets("message", "are the queues empty?")
    scene.calls('await client.direct("Mina", "yes, since 12:04")', '"seq":2')
    scene.screen("Robo: yes, since 12:04")
    scene.below("also in @Mina,Robo (1 new)")
    scene.assertEqual(scene.mina.bells(), 1)
    scene.note("the bell", "has rung once")
    scene.curl("history", {"room": "@Mina,Robo"}, "not-allowed")


def block(scene: Conversation) -> None:
    """
    Blocking. A blocked user cannot send direct messages.
    """
    scene.types("/block Robo", "Robo is blocked")
    scene.calls('await client.direct("Mina", "are you there?")', "not-allowed")
    scene.types("/unblock Robo", "Robo is no longer blocked")
    scene.calls('await client.direct("Mina", "are you there?")', '"seq":3')
    scene.screen("Robo: are you there?")


def search(scene: Conversation) -> None:
    """
    Search. The edited text is found, and the removed one is not.
    """
    scene.types("/search ERRORS", "#2", "#3", "there are no older ones")
    scene.types(f"/search {SECRET}", f'no messages of ops with "{SECRET}"')
    scene.calls('await room.history(text="rolled")', "Rolled back to 40")


def readMarker(scene: Conversation) -> None:
    """
    Read markers. Mina's phone, which uses the same account, learns how far she has read in the
    terminal. Mina quits, and two messages arrive. After she has started ``machat`` again, a line
    shows where they begin. She has not opened the conversation with the bot; its messages are new.
    """
    with scene.other("Mina", "Phone"):
        scene.calls('await client.join("ops", key="sesame")')
        scene.curl("publish", {"room": "ops", "text": "All is well"}, '"seq":16')
        scene.screen("Deploy: All is well")
        scene.gets("read", '"seq":16')
    scene.types("/quit")
    scene.mina.ended()
    for text in ("Deploy 42 has started", "Mina: please look"):
        scene.curl("publish", {"room": "ops", "text": text}, '"duplicate":false')
    scene.mina = scene.stage.terminal("Mina")
    scene.screen("Deploy: All is well", "--- new since you were away ---", "Mina: please look")
    scene.screen("Robo: are you there?")
    scene.below("also in @Mina,Robo (2 new)")


def stop(scene: Conversation) -> None:
    """
    The store. The server is stopped. The file of the store contains the messages, and not the
    removed password.
    """
    stored = scene.stage.stop()
    for text in ("Rolled back to 40", SECRET):
        scene.note("the file", f'contains "{text}": {"yes" if text.encode() in stored else "no"}')
    scene.assertIn(b"Rolled back to 40", stored)
    scene.assertNotIn(SECRET.encode(), stored)


#: The scenes, in their order.
SCENES: tuple[Callable[[Conversation], None], ...] = (
    *(arrive, publish, typing, severalLines, reply, edit, react, redact),
    *(listRooms, key, direct, block, search, readMarker, stop),
)
