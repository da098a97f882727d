"""What single SDK versions spell differently from all others, put into the common spelling."""

from __future__ import annotations

from typing import Any

_PLACE = {"longitude", "latitude"}


def common_near(stage: Any) -> Any:
    """A ``$geoNear`` stage whose ``near`` is GeoJSON.

    @cloudbase/database 1.2 (wx-server-sdk 2.4, @cloudbase/node-sdk 2.4) sends its own Point object there, which would
    be a pair of legacy coordinates, with distances in radians.
    """
    near = stage.get("near") if isinstance(stage, dict) else None
    if not isinstance(near, dict) or near.keys() != _PLACE:
        return stage
    return {**stage, "near": {"type": "Point", "coordinates": [near["longitude"], near["latitude"]]}}


def common_text(query: Any) -> Any:
    """A filter whose ``$text`` has no ``null`` options: @cloudbase/database 1.0.0-beta.2 (wx-server-sdk 2.0) sends them."""
    text = query.get("$text") if isinstance(query, dict) else None
    if not isinstance(text, dict):
        return query
    return {**query, "$text": {name: value for name, value in text.items() if value is not None}}
