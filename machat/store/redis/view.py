"""
The claims in a room, as one process sees them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from machat.records import Names
from machat.store.redis.frames import Kept, Step, Steps, unpackClaims


class Seen(NamedTuple):
    """
    A claim.

    @ivar node: the node that holds it
    @ivar spelling: the name, as its member spells it
    """

    node: str
    spelling: str


class Difference(NamedTuple):
    """
    The names that other processes have begun or ceased to hold.
    """

    joined: Sequence[str]
    left: Sequence[str]


class View:
    """
    The claims in a room by the keys of their names, in the order of the first claim of each name.

    @ivar version: the generation and the version of the claims; empty at first
    @ivar nodes: the number of claims of each node
    """

    def __init__(self, isOwn: Callable[[str], bool]) -> None:
        """
        @param isOwn: whether a claim, by its id, belongs to this process
        """
        self._isOwn = isOwn
        self._names: dict[str, dict[str, Seen]] = {}
        self.version = ""
        self.nodes: Counter[str] = Counter()

    def isAt(self, stored: tuple[str, int] | None) -> bool:
        """
        @param stored: the generation and the version of the stored claims; C{None}: there are none
        @return: whether this view is not older
        """
        if stored is None:
            return not self._names
        own, _, seen = self.version.partition(" ")
        return own == stored[0] and int(seen) >= stored[1]

    def follows(self, steps: Steps) -> bool | None:
        """
        @return: whether published changes continue this view; C{None} if it contains them already
        """
        generation, _, version = self.version.partition(" ")
        if generation == steps.generation and int(version) >= steps.after:
            return None
        if steps.before == 0:
            return not self._names
        return generation == steps.generation and int(version) == steps.before

    def apply(self, steps: Steps) -> Difference:
        """
        Make published changes.
        """
        touched = {step[1] for step in steps.steps}
        before = self._remote(touched)
        for step in steps.steps:
            self._step(step)
        self.version = f"{steps.generation} {steps.after}"
        return _difference(before, self._remote(touched))

    def replace(self, fields: Mapping[bytes, bytes], version: str) -> Difference:
        """
        Replace the view.

        @param fields: the stored claims
        @param version: their version
        """
        before = self._remote(self._names)
        found: list[tuple[str, Kept]] = []
        for field, value in fields.items():
            if field.startswith(b"+"):
                key = field[1:].decode("utf-8", "surrogatepass")
                found += [(key, claim) for claim in unpackClaims(value)]
        found.sort(key=lambda each: each[1][5])
        self._names.clear()
        self.nodes.clear()
        for key, claim in found:
            self._step(("+", key, claim[0], claim[1], claim[2], claim[5]))
        self.version = version
        return _difference(before, self._remote(self._names))

    def drop(self, key: str, id: str) -> None:
        """
        Remove a claim.
        """
        claims = self._names.get(key, {})
        seen = claims.pop(id, None)
        if seen is not None:
            self._discount(seen.node)
            if not claims:
                del self._names[key]

    def names(self, limit: int) -> Names:
        """
        @param limit: the maximum number of names
        """
        names = [next(iter(each.values())).spelling for each in islice(self._names.values(), limit)]
        return Names(len(self._names), names)

    def own(self) -> list[tuple[str, str]]:
        """
        @return: the keys and the ids of the claims of this process
        """
        found = []
        for key, claims in self._names.items():
            found += [(key, id) for id in claims if self._isOwn(id)]
        return found

    def remote(self) -> list[str]:
        """
        @return: the names that other processes hold
        """
        return list(self._remote(self._names).values())

    def _step(self, step: Step) -> None:
        operation, key, id, node, spelling, _ = step
        if operation == "+":
            claims = self._names.setdefault(key, {})
            if id in claims:
                self._discount(claims[id].node)
            claims[id] = Seen(node, spelling)
            self.nodes[node] += 1
        else:
            self.drop(key, id)

    def _discount(self, node: str) -> None:
        """
        Count one claim less of a node.
        """
        self.nodes[node] -= 1
        if self.nodes[node] <= 0:
            del self.nodes[node]

    def _remote(self, keys: Iterable[str]) -> dict[str, str]:
        """
        @return: the spellings of the names that other processes hold, by their keys
        """
        found = {}
        for key in keys:
            for id, seen in self._names.get(key, {}).items():
                if not self._isOwn(id):
                    found[key] = seen.spelling
                    break
        return found


def _difference(before: Mapping[str, str], after: Mapping[str, str]) -> Difference:
    return Difference(
        [spelling for key, spelling in after.items() if key not in before],
        [spelling for key, spelling in before.items() if key not in after],
    )
