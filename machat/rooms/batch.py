"""
The messages that a room receives in one turn, or while the store is busy with an earlier batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from machat.entries import REACTIONS, Draft, RichDraft, Said
from machat.errors import FAILED, NO_SUCH_MESSAGE, TOO_MANY_REACTIONS, ChatError
from machat.events import Receipt
from machat.interfaces import IChatMember
from machat.records import Change, Stored

#: The size of the messages that may wait for the store before their senders have to wait, and what
#: a message counts in addition to its text, bytes.
QUEUED = 262_144
DRAFT_BYTES = 128


NO_MESSAGE = "there is no such message - at `$.target`"

#: The texts for the codes with which a store refuses an entry.
REFUSALS = {
    NO_SUCH_MESSAGE: NO_MESSAGE,
    TOO_MANY_REACTIONS: f"a message may have at most {REACTIONS} reactions",
}

_log = Logger()


class Batch(Struct, eq=False):
    """
    Messages and changes that are stored together. It is a C{Struct} because one is made for nearly
    every message.

    @ivar drafts: the messages
    @ivar senders: for each message, its sender; C{None} if the sender does not wait for an error,
        because it has a receipt, or because it is the chat itself
    @ivar size: see L{QUEUED}
    @ivar changes: the changes, which take effect after the messages
    @ivar awaited: whether something waits for the result
    @ivar late: fire when the store takes the batch: senders wait for them, see L{wait}
    """

    drafts: list[Draft] = []  # each batch gets a new list
    senders: list[IChatMember | None] = []
    size: int = 0
    changes: Sequence[Change] = ()
    awaited: bool = False
    late: list[Deferred[None]] | None = None
    _expected: list[tuple[int, Deferred[Receipt] | None]] | None = None
    _changed: list[Deferred[None]] | None = None

    def post(self, draft: Draft, receipt: Deferred[Receipt]) -> None:
        """
        Add a message.

        @param receipt: fires with its receipt, or fails
        """
        self._expect(draft, receipt)
        self.size += len(draft.text) + DRAFT_BYTES
        if isinstance(draft, RichDraft) and isinstance(draft.content, Said):
            self.size += len(draft.content.json)

    def say(self, draft: Draft, sender: IChatMember) -> None:
        """
        Add a message without a receipt.
        """
        self.senders.append(sender)
        self.drafts.append(draft)
        self.size += len(draft.text) + DRAFT_BYTES

    def announce(self, draft: Draft) -> None:
        """
        Add a message of the chat itself.
        """
        self._expect(draft, None)

    def _expect(self, draft: Draft, receipt: Deferred[Receipt] | None) -> None:
        if self._expected is None:
            self._expected = []
            self.awaited = True
        self._expected.append((len(self.drafts), receipt))
        self.senders.append(None)
        self.drafts.append(draft)

    def change(self, changes: Sequence[Change]) -> Deferred[None]:
        """
        Add changes.

        @return: fires when they are stored, or fails
        """
        self.changes = (*self.changes, *changes)
        self.awaited = True
        done: Deferred[None] = Deferred()
        self._changed = [*(self._changed or ()), done]
        return done

    def wait(self) -> Deferred[None] | None:
        """
        @return: C{None}; or, if the batch is full, a C{Deferred} that fires when the store takes it
        """
        if self.size < QUEUED:
            return None
        waiting: Deferred[None] = Deferred()
        self.late = [*(self.late or ()), waiting]
        return waiting

    def taken(self) -> None:
        """
        The store takes the batch: let the senders that wait continue.
        """
        late, self.late = self.late, None
        for waiting in late or ():
            waiting.callback(None)

    def stored(self, room: str, stored: Stored) -> None:
        """
        Fire the receipts.

        @param room: the name of the room
        """
        for index, receipt in self._expected or ():
            if receipt is None:
                continue
            code = stored.refusals.get(index)
            if code is None:
                duplicate = index in stored.duplicates
                receipt.callback(Receipt(room, stored.numbers[index], duplicate))
            else:
                receipt.errback(ChatError(code, REFUSALS[code]))
        for done in self._changed or ():
            done.callback(None)

    def failed(self, room: str, error: ChatError) -> None:
        """
        Report to all senders that the batch was not stored, or possibly not.

        @param room: the name of the room
        """
        for _, receipt in self._expected or ():
            if receipt is not None:
                receipt.errback(error)
        for done in self._changed or ():
            done.errback(error)
        for sender, count in Counter(self.senders).items():
            if sender is None:
                continue
            what = "a message was" if count == 1 else f"{count} messages were"
            possibly = "not stored" if error.code == FAILED else "possibly not stored"
            text = f"{what} {possibly} in {room}: {error.text}"
            try:
                sender.notStored(room, ChatError(error.code, text))
            except Exception:
                _log.failure("notStored() of a member of {room} raised an exception", room=room)
