"""The OpenAPI of version 2019-06-15: one handler per action, found by the action's name in `registry.ACTIONS`."""

from __future__ import annotations

from yunbox.protocols.mpserverless.openapi.endpoint import OpenApi

__all__ = ["OpenApi"]
