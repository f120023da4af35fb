"""
Compares what the clients of L{tools.faults} have seen with what is stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from tools.witnesses import Seen, Talker

#: The counts of the summary, in its order. All after the fourth have to be 0.
COUNTS = (
    "acknowledged",
    "seen",
    "refused",
    "lost and reported",
    "lost without a report",
    "reports without a loss",
    "missed without a report",
    "twice",
    "out of order",
    "ghosts",
)


class Verdict:
    """
    The counts, and the problems.

    A message is lost if a client has seen it, or has received its acknowledgement, and it is not
    stored. The client has to be notified of that afterwards.

    @ivar counts: by the names in L{COUNTS}
    @ivar problems: one line each
    """

    def __init__(self, stored: Mapping[int, str], talkers: Sequence[Talker] = ()) -> None:
        """
        @param stored: the stored texts by their numbers
        @param talkers: all clients
        """
        self._stored = stored
        self._known = {each.seq for talker in talkers for each in talker.seen} | set(stored)
        self.counts: Counter[str] = Counter()
        self.problems: list[str] = []
        for text, count in Counter(stored.values()).items():
            if count > 1:
                self._note("twice", f"{text} is stored {count} times")

    def _note(self, name: str, problem: str) -> None:
        self.counts[name] += 1
        self.problems.append(f"{name}: {problem}")

    def ghosts(self, names: set[str], expected: set[str]) -> None:
        """
        @param names: the members of the room
        @param expected: the clients
        """
        for name in sorted(names ^ expected):
            self._note("ghosts", f"{name} is a member without a client, or the reverse")

    def judge(self, talker: Talker) -> None:
        """
        Judge what a client has seen.
        """
        seen = talker.seen
        self.counts["acknowledged"] += len(talker.acknowledged)
        self.counts["seen"] += sum([each.seq > 0 for each in seen])
        self.counts["refused"] += len(talker.refused)
        self._losses(talker)
        kept = [each for each in seen if each.seq == 0 or self._isStored(each)]
        self._order(talker.name, kept)
        self._missed(talker.name, kept)

    def _isStored(self, seen: Seen) -> bool:
        return self._stored.get(seen.seq) == seen.text

    def _losses(self, talker: Talker) -> None:
        """
        Each loss is reported, and each report has a loss.
        """
        unreported: list[Seen] = []
        last = 0
        lost = {each.text for each in talker.seen if each.seq and not self._isStored(each)}
        for each in talker.seen:
            if each.seq == 0:
                if not unreported and not self._skips(talker.seen, each, last):
                    self._note("reports without a loss", f"{talker.name}: {each.text}")
                self.counts["lost and reported"] += len(unreported)
                unreported = []
            else:
                last = each.seq
                if not self._isStored(each):
                    unreported.append(each)
        reports = [each.at for each in talker.seen if each.seq == 0]
        for each in talker.acknowledged:
            if not self._isStored(each) and each.text not in lost:
                if reports and reports[-1] >= each.at:
                    self.counts["lost and reported"] += 1
                else:
                    unreported.append(each)
        for each in unreported:
            self._note("lost without a report", f"{talker.name}: {each.seq} {each.text}")

    def _skips(self, seen: Sequence[Seen], report: Seen, last: int) -> bool:
        """
        @return: whether messages are missing between the last message and the next one. They may
            have been lost later
        """
        following = [each.seq for each in seen[seen.index(report) :] if each.seq]
        end = following[0] if following else max(self._known, default=0) + 1
        return any([number in self._known for number in range(last + 1, end)])

    def _order(self, name: str, kept: Sequence[Seen]) -> None:
        messages = [each for each in kept if each.seq]
        for text, count in Counter([each.text for each in messages]).items():
            if count > 1:
                self._note("twice", f"{name}: {text}")
        for before, after in zip(messages, messages[1:], strict=False):
            if after.seq <= before.seq:
                self._note("out of order", f"{name}: {after.text}")

    def _missed(self, name: str, kept: Sequence[Seen]) -> None:
        last, reported = 0, False
        end = Seen(0.0, max(self._stored, default=0) + 1, "")
        for each in [*kept, end]:
            if each.seq == 0:
                reported = True
                continue
            if last and not reported:
                for number in range(last + 1, each.seq):
                    if number in self._stored:
                        self._note("missed without a report", f"{name}: {self._stored[number]}")
            last, reported = each.seq, False
