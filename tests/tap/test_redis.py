"""
Tests for L{machat.tap.redis}.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.task import Clock
from twisted.plugin import IPlugin
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from machat.interfaces import IStoreFactory
from machat.limits import DEFAULTS
from machat.store.redis import RedisStore
from machat.tap.stores import describeStores, makeStore, storeFactories


class RedisStoreFactoryTests(SynchronousTestCase):
    """
    Tests for the kinds of stores.
    """

    def test_plugins(self) -> None:
        """
        There are two plugins, for stores that several processes share.
        """
        factories: dict[str, Any] = {each.name: each for each in storeFactories()}
        for name in ("redis", "rediss"):
            verifyObject(IStoreFactory, factories[name])
            verifyObject(IPlugin, factories[name])
            self.assertTrue(factories[name].shared)
            self.assertIn(f"  {name}://", describeStores())

    def test_make(self) -> None:
        """
        A description selects the store.
        """
        for description in ("redis://localhost:6379/0", "rediss://localhost", "redis:///run/s"):
            self.assertIsInstance(makeStore(description, Clock(), DEFAULTS), RedisStore)

    def test_invalid(self) -> None:
        """
        An invalid description is refused in one line that does not contain the password.
        """
        for description, text in (
            ("redis:", "write //"),
            ("redis://", "the host is missing"),
            ("redis://h:x", '"h:x" is not a host and a port'),
            ("redis://u:hidden@h/x", '"x" is not the number of a database'),
            ("redis://h,i", "several hosts require the option sentinel=NAME"),
            ("redis://:hidden@h?password-file=f", "either a password or a password-file"),
            ("redis://h?ca=f", "requires rediss:"),
            ("redis://h?colour=red", "unknown option colour"),
            ("redis://h?prefix=a:b", "only letters and digits"),
            ("redis://h?user=u", "requires a password"),
            ("rediss:///s", "the host is missing"),
        ):
            error = self.assertRaises(ValueError, makeStore, description, Clock(), DEFAULTS)
            self.assertIn(text, str(error), description)
            self.assertNotIn("hidden", str(error))

    def test_absent(self) -> None:
        """
        If the library is not installed, the error names the package to install.
        """
        modules: dict[str, Any] = sys.modules
        self.addCleanup(modules.__setitem__, "machat.store.redis", modules["machat.store.redis"])
        modules["machat.store.redis"] = None
        error = self.assertRaises(ValueError, makeStore, "redis://h", Clock(), DEFAULTS)
        self.assertIn('install "machat[redis]"', str(error))
