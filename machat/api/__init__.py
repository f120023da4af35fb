"""
The HTTP API and the event streams: a chat for any program that can send HTTP requests.
"""

from machat.api.limits import ApiLimits
from machat.api.resource import ApiResource
from machat.api.site import ApiService, ApiSite
from machat.auth.apikeys import ApiKeys, KeyFile

__all__ = ["ApiKeys", "ApiLimits", "ApiResource", "ApiService", "ApiSite", "KeyFile"]
