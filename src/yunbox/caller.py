"""Who asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

CallerKind = Literal["admin", "user", "function", "timer", "guest"]


class Caller(msgspec.Struct, frozen=True):
    """The identity behind one request, as proven by its protocol; services trust it.

    ``admin`` holds a space's keys; ``function`` is user code with admin rights on behalf of a user (``openid`` and
    ``user_id`` are that user's); ``timer`` is a trigger; ``user`` is a signed-in client; ``guest`` is nobody.
    ``source`` is where the call came from in the words of the function runtime: ``client``, ``function``, ``server``,
    ``http``, ``timing`` or a vendor's chain (``wx_client,scf``).

    ``grantee`` is another space on whose grant the call relies: services let it do what is granted, no more. ``from_*`` say
    who called from another space, also to the functions that run then. ``claims`` are what rules see in ``auth`` besides.
    """

    kind: CallerKind
    space: str
    user_id: str | None = None
    openid: str | None = None
    unionid: str | None = None
    app_id: str | None = None
    provider: str | None = None
    source: str = ""
    client_ip: str = ""
    user_agent: str = ""
    function: str | None = None
    request_id: str = ""
    grantee: str | None = None
    from_space: str | None = None
    from_openid: str | None = None
    from_app_id: str | None = None
    from_unionid: str | None = None
    claims: Mapping[str, Any] | None = None

    @property
    def is_admin(self) -> bool:
        """Whether rules do not apply: keys, functions and timers (USR-3)."""
        return self.kind in ("admin", "function", "timer")

    @property
    def owner(self) -> str | None:
        """The owner mark of what this caller creates: the openid, else the user id (tencent-client.md §12.1)."""
        return self.openid or self.user_id

    def as_function(self, function: str, source: str) -> Caller:
        """The same user behind a running function: admin rights, that user's identity."""
        return replace(self, kind="function", function=function, source=source, grantee=None)

    def from_another(self, space: str) -> Caller:
        """The same caller in the space ``space``, where it relies on what is granted to its own."""
        return Caller(
            kind="function",
            space=space,
            source=self.source,
            client_ip=self.client_ip,
            user_agent=self.user_agent,
            function=self.function,
            request_id=self.request_id,
            grantee=self.space,
            from_space=self.space,
            from_openid=self.owner,
            from_app_id=self.app_id,
            from_unionid=self.unionid,
        )
