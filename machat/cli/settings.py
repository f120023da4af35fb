"""
The settings that a user can change during a conversation.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Settings:
    """
    The display settings of a terminal or a pipe.

    @ivar times: whether each message is shown with its time
    @ivar numbers: whether each message is shown with its number
    @ivar bell: whether the bell rings when a message mentions the user
    @ivar typing: whether the other members see that the user is typing
    """

    times: bool = True
    numbers: bool = True
    bell: bool = True
    typing: bool = True

    def switch(self, name: str, argument: str) -> str:
        """
        Change a setting.

        @param name: the name of the setting
        @param argument: C{on} or C{off}; if it is empty, the setting does not change
        @return: the state of the setting, or the correct use of the command
        """
        if argument in ("on", "off"):
            setattr(self, name, argument == "on")
        elif argument:
            return f"use /{name} on or /{name} off"
        return f"{name}: {'on' if getattr(self, name) else 'off'}"
