"""
Tests for unread messages and read markers in a conversation.
"""

from __future__ import annotations

from machat.cli.away import IDLE
from machat.cli.reading import INTERVAL, MAX_REFUSED
from machat.cli.talk import HISTORY
from machat.cli.unread import MOST, Unread
from machat.events import Joined, Message, Moved, ReadMark
from machat.rooms.personal import PACE
from tests.cli.test_conversation import ConversationTestCase
from tests.cli.test_direct import AccountTestCase

NEW = "--- new since you were away ---"


class MarkerTests(AccountTestCase):
    """
    Ada posts to rooms of Mina, who was in them before.
    """

    def setUp(self) -> None:
        super().setUp()
        for name in ("Ada", "Mina"):
            for room in ("dev", "tea"):
                self.talks[name].typed(f"/join {room}")
                self.on(name)
        self.post("dev", "one", "two")

    def post(self, room: str, *texts: str) -> None:
        """
        Have Ada post messages.
        """
        ada = self.talks["Ada"]
        ada.typed(f"/join {room}")
        for text in texts:
            ada.typed(text)
            self.on("Ada")

    def again(self, *rooms: str) -> list[str]:
        """
        Start Mina's terminal again.

        @return: what is shown, without the lines about the connection
        """
        self.stop("Mina")
        self.begin("Mina")
        for room in rooms:
            self.talks["Mina"].typed(f"/join {room}")
        shown = self.on("Mina")
        return [line for line in shown if "connected" not in line and "joined " not in line]

    def read(self, room: str = "dev", seconds: float = INTERVAL) -> None:
        """
        Let Mina look at a room.
        """
        talk = self.talks["Mina"]
        talk.typed(f"/join {room}")
        self.now += seconds
        talk.away.present()
        talk.markRead()
        self.chat.clock.advance(PACE)
        self.on("Mina")

    def test_restart(self) -> None:
        """
        After a restart, a line precedes the first message that Mina has not read. Messages of the
        other room are counted.
        """
        self.read()
        self.post("dev", "three")
        self.post("tea", "a", "b")
        shown = self.again("tea", "dev")
        self.assertEqual(shown[-3:], ["[dev] Ada: two", f"[dev] {NEW}", "[dev] Ada: three"])
        self.assertIn("also in tea", self.talks["Mina"].status)

    def test_unread(self) -> None:
        """
        The number of unread messages is the same after a restart. It is a lower bound if there are
        more than the client requests.
        """
        self.read("tea")
        self.read("dev")
        for count, shown in ((2, "2"), (HISTORY, f"{HISTORY}+")):
            self.post("dev", *map(str, range(count)))
            self.again("dev", "tea")
            self.assertIn(f"also in dev ({shown} new)", self.talks["Mina"].status)
        self.talks["Mina"].typed("/join dev")
        self.on("Mina")
        self.assertNotIn("new", self.talks["Mina"].status)

    def test_older(self) -> None:
        """
        The line refers to older messages that were not read either.
        """
        self.read()
        self.post("dev", *map(str, range(HISTORY + 1)))
        self.assertIn(
            "--- new since you were away; /history shows older ones ---", self.again("dev")
        )

    def test_otherDevice(self) -> None:
        """
        Messages that Mina reads on another device are not unread here.
        """
        self.read("dev")
        self.read("tea")
        self.post("dev", "three", "four")
        self.on("Mina")
        talk = self.talks["Mina"]
        self.assertIn("also in dev (2 new)", talk.status)
        self.begin("Mina", "phone")
        self.talks["phone"].typed("/join dev")
        self.on("phone")
        phone = self.talks["phone"]
        assert phone.client is not None
        for number, shown in ((3, "dev (1 new)"), (4, "dev")):
            phone.client.markRead("dev", number)
            self.on("phone")
            self.chat.clock.advance(PACE)
            self.on("Mina")
            self.assertTrue(talk.status.endswith(f"also in {shown}"), talk.status)

    def test_sent(self) -> None:
        """
        A marker is sent at most every three seconds, not while Mina is away, and at the end.
        """
        self.read()
        talk = self.talks["Mina"]
        marks: list[int] = []
        assert talk.client is not None
        mark = talk.client.markRead

        def markRead(room: str, seq: int) -> object:
            marks.append(seq)
            return mark(room, seq)

        self.patch(talk.client, "markRead", markRead)
        talk.markRead()
        self.post("dev", "three")
        self.on("Mina")
        talk.markRead()
        self.assertEqual(marks, [])
        self.now += INTERVAL
        talk.markRead()
        self.assertEqual(marks, [3])
        self.post("dev", "four")
        self.on("Mina")
        talk.markRead(last=True)
        self.assertEqual(marks, [3, 4])
        self.post("dev", "five")
        self.on("Mina")
        self.now += IDLE
        talk.markRead()
        talk.markRead(last=True)
        self.assertEqual(marks, [3, 4])

    def test_conversations(self) -> None:
        """
        After a restart, direct messages that Mina has not read are shown again, and no others. When
        she switches to the conversation, the older ones follow. An answer marks them as read.
        """
        ada, room = self.talks["Ada"], "@Ada,Mina"
        for text in ("lunch?", "at one?"):
            ada.typed(f"/msg Mina {text}")
            self.on("Ada")
            self.on("Mina")
        self.talks["Mina"].typed("/msg Ada yes")
        self.on("Mina")
        ada.typed("/msg Mina fine")
        self.on("Ada")
        self.on("Mina")
        shown = self.again("dev")
        self.assertEqual(shown[0], "you have conversations with Ada: /msg NAME")
        told = [line for line in shown if room in line]
        self.assertEqual(told, [f"[{room}] {NEW}", f"[{room}] Ada: fine"])
        mina = self.talks["Mina"]
        self.assertTrue(mina.status.endswith(f"also in {room} (1 new)"), mina.status)
        mina.typed("/msg Ada")
        shown = self.on("Mina")
        self.assertEqual(
            shown[-5:],
            [
                f"--- the stored history of {room} begins here ---",
                *[f"[{room}] {each}" for each in ("Ada: lunch?", "Ada: at one?", "Mina: yes")],
                "--- end of the older messages ---",
            ],
        )
        self.read(room)
        self.assertEqual([line for line in self.again("dev") if room in line], [])

    def test_mention(self) -> None:
        """
        A message that Mina has not read before mentions her, and so does a first direct message. An
        older one does not.
        """
        self.read()
        self.post("dev", "Mina!")
        self.on("Mina")
        self.again("dev")
        self.assertEqual([line.text for line in self.lastScreen if line.mention], ["Mina!"])
        self.again("dev")
        self.read()
        self.again("dev")
        self.assertEqual([line.text for line in self.lastScreen if line.mention], [])
        self.talks["Ada"].typed("/msg Mina lunch?")
        self.on("Ada")
        self.on("Mina")
        self.assertEqual([line.text for line in self.lastScreen if line.mention], ["lunch?"])


class WithoutAccountTests(ConversationTestCase):
    def test_notAllowed(self) -> None:
        """
        On a server without accounts, one marker is refused, and no other is sent. The refusal is
        not shown. Without credentials, none is sent.
        """
        self.seen()
        counts = self.chat.service.metrics.refusals
        talk = self.conversation
        talk.away.present()
        for enabled, refused in ((False, 0), (True, 1)):
            talk.reading.enabled = enabled
            for text in ("a", "b"):
                self.chat.service.say(self.bot, "dev", text)
                self.assertEqual(self.seen(), [f"bot: {text}"])
                self.now += INTERVAL
                talk.markRead()
                self.assertEqual(self.seen(), [])
            self.assertEqual(counts["not-allowed"], refused)
        self.assertEqual(talk.known.get("dev").unread.read, None)

    def test_refusals(self) -> None:
        """
        Other refusals are limited, and are forgotten with a new connection.
        """
        self.seen()
        talk = self.conversation
        talk.away.present()
        talk.reading.enabled = True
        unread = talk.known.get("dev").unread
        counts = self.chat.service.metrics.refusals
        for _ in range(2 * MAX_REFUSED):
            unread.top = 7  # the room has no message
            self.now += INTERVAL
            talk.away.present()
            talk.reading._refused = min(talk.reading._refused, MAX_REFUSED)
            talk.markRead()
            self.seen()
        self.assertLessEqual(sum(counts.values()), MAX_REFUSED)


class UnreadTests(ConversationTestCase):
    def test_bounds(self) -> None:
        """
        A server cannot make the client count any number of messages, nor go back.
        """
        unread = Unread()
        unread.joined(Joined(room="dev", name="Mina", epoch="e", seq=0, count=1))
        for number in range(1, MOST + 9):
            unread.add(Message(room="dev", seq=number, sender="Eve", text="x", at=0))
        self.assertEqual(str(unread), f"{MOST}+")
        unread.moved(Moved(room="dev", epoch="f", seq=20, lost=True))
        self.assertEqual((str(unread), unread.top), ("13", 20))
        unread.marked(19)
        self.assertEqual(str(unread), "1")
        unread.moved(Moved(room="dev", epoch="g", seq=3, lost=True))
        self.assertEqual((str(unread), unread.read), ("", 3))

    def test_elsewhere(self) -> None:
        """
        Markers of other rooms change nothing.
        """
        self.seen()
        self.conversation.received(ReadMark(room="other", seq=5))
        self.assertEqual(list(self.conversation.known), ["dev"])
