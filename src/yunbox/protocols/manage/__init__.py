"""``/manage/v1``: the JSON API of the command line and the console. An administrator's bearer token opens all of it."""

from __future__ import annotations

from yunbox.http import Route, endpoint
from yunbox.protocols.manage import (
    access,
    backups,
    collections,
    documents,
    files,
    functions,
    push,
    quotas,
    rules,
    spaces,
    statistics,
    status,
    transfers,
    users,
)
from yunbox.protocols.manage.metrics import Metrics
from yunbox.protocols.manage.routing import Router
from yunbox.services import Services

PREFIX = "/manage/v1/"

ROUTES = (
    *status.ROUTES,
    *spaces.ROUTES,
    *users.ROUTES,
    *functions.ROUTES,
    *collections.ROUTES,
    *documents.ROUTES,
    *transfers.ROUTES,
    *rules.ROUTES,
    *files.ROUTES,
    *access.ROUTES,
    *backups.ROUTES,
    *statistics.ROUTES,
    *quotas.ROUTES,
    *push.ROUTES,
)


def routes(services: Services) -> list[Route]:
    """Where this API answers."""
    return [
        Route("prefix", PREFIX, Router(services, PREFIX, ROUTES)),
        Route("exact", "/metrics", endpoint(Metrics(services).handle)),
    ]


__all__ = ["PREFIX", "ROUTES", "routes"]
