"""Whose request it was before it was sent here, and where things are in the vendor's words."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from yunbox.http import Request
from yunbox.spaces import Space

PREFIX = "/tencentcloud/"
REGION = "ap-shanghai"
"""The region that every space is in: scripts need one, and it is the SDKs' default."""

_API = re.compile(r"(?P<service>[a-z0-9]+)(?:\.[a-z0-9.-]+)?\.tencentcloudapi\.(?:com|woa\.com)")
_COS = re.compile(
    r"(?P<bucket>[a-z0-9_-]+)\.cos(?:-internal)?\.(?P<region>[a-z0-9-]+)\.(?:myqcloud\.com|tencentcos\.cn)"
)


@dataclass(frozen=True, slots=True)
class Target:
    """The vendor's host that a request was meant for, and the path on it as it was sent."""

    host: str
    raw_path: str

    @property
    def service(self) -> str:
        """``tcb``, ``scf`` …, or ``""`` when the host is no API's."""
        match = _API.fullmatch(self.host)
        return match["service"] if match else ""

    @property
    def bucket(self) -> str:
        """The bucket, or ``""`` when the host is none's."""
        match = _COS.fullmatch(self.host)
        return match["bucket"] if match else ""


def target_of(request: Request) -> Target:
    """What follows ``/tencentcloud/``: the host, and the path that begins with ``/``."""
    host, _, path = request.raw_path.removeprefix(PREFIX).partition("/")
    return Target(host.lower(), f"/{path}")


def account_of(space: Space) -> str:
    """The number that stands for the account: the end of the space's bucket name."""
    return space.bucket.rpartition("-")[2]


def public_bucket(space: Space) -> str:
    """The space's bucket. The COS SDKs take no ``_`` in it, which a space's id may have."""
    return space.bucket.replace("_", "-")


def site_bucket(space: Space) -> str:
    """The bucket of the space's web site."""
    return f"{public_bucket(space).rpartition('-')[0]}-site-{account_of(space)}"


def staging_bucket(name: str) -> bool:
    """Whether a bucket is the one for function packages: ``shtempcos-…``, of whatever region."""
    return re.fullmatch(r"[a-z]+tempcos-\d+", name) is not None


def instance_of(space: Space) -> str:
    """The name of the space's database instance."""
    return f"tnt-{hashlib.sha256(f'instance:{space.id}'.encode()).hexdigest()[:9]}"
