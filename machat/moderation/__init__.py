"""
The actions of moderators: kick, mute, ban, lock and topic, the active sanctions, and the policy
that the rooms ask.
"""

from machat.moderation.policy import RoomPolicy, mayModerate
from machat.moderation.sanctions import Active, Kind, Sanction, Sanctions
from machat.moderation.service import Moderation

__all__ = [
    "Active",
    "Kind",
    "Moderation",
    "RoomPolicy",
    "Sanction",
    "Sanctions",
    "mayModerate",
]
