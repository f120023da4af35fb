"""
The faults of the engine, each with its remedy.
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct


class Course(Enum):
    """
    The store's response to a fault. Except with C{UNSURE}, the engine has not executed the command.
    """

    #: Report the failure to the caller.
    REFUSE = "refuse"
    #: Try again over this connection.
    WAIT = "wait"
    #: Connect again, and try again.
    RECONNECT = "reconnect"
    #: Report that the command may have been executed.
    UNSURE = "unsure"


class Fault(Struct, frozen=True):
    """
    A fault of the engine.

    @ivar text: the cause and the remedy, one line
    @ivar lasting: whether it lasts until the operator does something
    @ivar local: whether it may concern one room only
    """

    text: str
    course: Course = Course.RECONNECT
    lasting: bool = False
    local: bool = False


class EngineFault(Exception):
    """
    The engine has refused a command.

    @ivar fault: the fault
    """

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.text)
        self.fault = fault


#: The faults, by the first word of the engine's error message. The list of these words is in the
#: source of Redis, C{server.c}, C{createSharedObjects}.
_FAULTS = {
    "OOM": Fault(
        "the engine is out of memory: raise its maxmemory, or lower --log-messages", Course.REFUSE
    ),
    "MISCONF": Fault(
        "the engine cannot save its data to disk: see its log, and free disk space", Course.REFUSE
    ),
    "NOREPLICAS": Fault(
        "the engine has too few replicas (min-replicas-to-write): start them, or check its network",
        Course.REFUSE,
    ),
    "NOPERM": Fault(
        "the engine's user lacks a permission: grant ~machat:* &machat:* +@all -@dangerous +info"
        " +role",
        Course.REFUSE,
        lasting=True,
    ),
    "WRONGTYPE": Fault(
        "a key of this chat has a foreign value: delete the key, or choose another prefix",
        Course.REFUSE,
        local=True,
    ),
    "LATE": Fault("a later batch is stored", Course.UNSURE, local=True),
    "BUSY": Fault("the engine is busy with a script: wait, or use SCRIPT KILL", Course.WAIT),
    "LOADING": Fault("the engine is loading its data: wait until it has finished"),
    "READONLY": Fault(
        "the engine is a read-only replica: connect to the master, or through Sentinel"
    ),
    "MASTERDOWN": Fault("the engine is a replica without a master: connect to the master"),
    "NOAUTH": Fault("the engine requires a password: give one with password-file=", lasting=True),
    "WRONGPASS": Fault(
        "the engine refuses the password or the user: correct the password-file", lasting=True
    ),
    "CLUSTERDOWN": Fault("the cluster of the engine is down: repair it"),
    "MOVED": Fault(
        "the engine is a node of a cluster, which MaChat does not support: use one without cluster"
    ),
}

#: A reply of the wrong form. It may belong to another command, so the connection is of no use.
UNEXPECTED = Fault("the engine gives unexpected answers: check what is between it and MaChat")

_LONGEST = 200


def faultOf(message: str) -> Fault:
    """
    @param message: an error message of the engine
    """
    word = message.split(" ", 1)[0]
    found = _FAULTS.get(word)
    if found is None and "invalid password" in message:
        found = _FAULTS["WRONGPASS"]  # Redis 5 has no word for it
    if found is None:
        for name in ("WRONGTYPE", "OOM", "READONLY"):  # from inside a script
            if f"{name} " in message:
                return _FAULTS[name]
        printable = "".join([c if c.isprintable() else "?" for c in message[:_LONGEST]])
        found = Fault(f"the engine reports an error: {printable}", Course.UNSURE, local=True)
    return found
