"""
The contract of a store, as tests. L{StoreTests} is the public class; the modules contain its parts.
"""

from machat.testing.contract.claims import ClaimTests, NodeTests
from machat.testing.contract.deliveries import DeliveryTests
from machat.testing.contract.entries import EntryTests
from machat.testing.contract.faults import FaultTests
from machat.testing.contract.ids import IdTests
from machat.testing.contract.listing import ListingTests
from machat.testing.contract.messages import MessageTests, ReadingTests
from machat.testing.contract.quotas import QuotaTests
from machat.testing.contract.recovery import PositionTests, RestartTests
from machat.testing.contract.searching import SearchTests
from machat.testing.contract.sequences import SequenceTests


class StoreTests(
    MessageTests,
    ReadingTests,
    IdTests,
    EntryTests,
    ClaimTests,
    NodeTests,
    PositionTests,
    RestartTests,
    FaultTests,
    QuotaTests,
    DeliveryTests,
    ListingTests,
    SearchTests,
    SequenceTests,
):
    """
    The contract of L{machat.interfaces.IStore}, for the tests of your own store. Inherit from this
    class and from L{TestCase<twisted.trial.unittest.TestCase>}, in this order, and implement
    C{makeStore}. Each of the other methods supplies a facility, for example the restart of a
    process. Tests that need a facility are skipped if your class does not supply it::

        class MyStoreTests(StoreTests, TestCase):
            def makeStore(self, limits):
                self.clock = Clock()
                return MyStore(self.clock, limits)

    If the store answers only while the reactor runs, set C{reactor} to the reactor.
    """
