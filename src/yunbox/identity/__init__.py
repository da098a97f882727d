"""Users, sessions and the ways to sign in, per space."""

from yunbox.identity.providers import PlatformUser
from yunbox.identity.service import IdentityService
from yunbox.identity.user import Identity, Session, User

__all__ = ["Identity", "IdentityService", "PlatformUser", "Session", "User"]
