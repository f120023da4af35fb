"""
The stores of C{--store}.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from textwrap import fill
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.plugin import IPlugin, getPlugins
from zope.interface import implementer

from machat.interfaces import IStore, IStoreFactory
from machat.limits import Limits
from machat.store.memory import MemoryStore
from machat.store.sqlite import SQLITE_DEFAULTS, SqliteStore
from machat.tap.limits import OPTIONS


@implementer(IStoreFactory, IPlugin)
class MemoryStoreFactory:
    """
    Makes a L{MemoryStore}.
    """

    name = "memory"
    argument = ""
    help = "Keeps messages in memory. A restart loses messages, mutes, bans and topics."
    shared = False
    defaults: Mapping[str, Any] = {}

    def parse(self, argument: str, reactor: IReactorTime, limits: Limits) -> MemoryStore:
        """
        See L{IStoreFactory.parse}.
        """
        if argument:
            raise ValueError("the memory store takes no argument: write memory:")
        return MemoryStore(reactor, limits)


@implementer(IStoreFactory, IPlugin)
class SqliteStoreFactory:
    """
    Makes a L{SqliteStore}.
    """

    name = "sqlite"
    argument = "FILE[:synchronous=normal]"
    help = (
        "Keeps messages, mutes, bans and topics in an SQLite database. FILE is created if it does"
        " not exist. After a power failure, everything that was acknowledged is there. With"
        " synchronous=normal, writing is faster, and the last messages may be lost; clients that"
        " received them are notified."
    )
    shared = False
    defaults: Mapping[str, Any] = SQLITE_DEFAULTS

    def parse(self, argument: str, reactor: IReactorTime, limits: Limits) -> SqliteStore:
        """
        See L{IStoreFactory.parse}.
        """
        path, separator, synchronous = argument.rpartition(":synchronous=")
        if not separator:
            path, synchronous = argument, "full"
        if not path:
            raise ValueError("name the file, as in sqlite:machat.sqlite")
        return SqliteStore(path, reactor, limits, synchronous)


def storeFactories() -> Iterator[IStoreFactory]:
    """
    @return: the installed kinds of stores, by name
    """
    found: Iterable[Any] = getPlugins(IStoreFactory)
    return iter(sorted(found, key=lambda factory: factory.name))


def factoryOf(description: str) -> tuple[IStoreFactory, str]:
    """
    @param description: the value of C{--store}
    @return: the kind of store, and its argument
    @raise ValueError: there is no such kind
    """
    name, separator, argument = description.partition(":")
    for factory in storeFactories():
        if factory.name == name and separator:
            return factory, argument
    names = ", ".join(f"{factory.name}:" for factory in storeFactories())
    raise ValueError(f"must begin with one of {names}; see --help-stores")


def describeStores() -> str:
    """
    @return: the text of C{--help-stores}
    """
    lines = ["Stores for --store:"]
    for factory in storeFactories():
        lines += ["", f"  {factory.name}:{factory.argument}"]
        lines += [_filled(factory.help), *_describeDefaults(factory)]
    return "\n".join(lines)


def _describeDefaults(factory: IStoreFactory) -> list[str]:
    """
    @return: the options whose defaults differ for this store, as one paragraph, or nothing
    """
    named = {option.field: name for name, option in OPTIONS.items()}
    shown = [f"--{named[field]} {value:.15g}" for field, value in factory.defaults.items()]
    return [_filled(f"Defaults: {', '.join(shown)}.")] if shown else []


def _filled(text: str) -> str:
    return fill(text, 78, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)


def makeStore(description: str, reactor: IReactorTime, limits: Limits) -> IStore:
    """
    @param description: the value of C{--store}
    @return: the store
    @raise ValueError: the description is not valid
    """
    factory, argument = factoryOf(description)
    return factory.parse(argument, reactor, limits)
