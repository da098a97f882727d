"""The commands that are measured, as the engine gets them; the SQL of the others is beside them."""

from __future__ import annotations

from typing import Any

from yunbox.documents import commands as c

GROUP: list[dict[str, Any]] = [
    {"$match": {"age": {"$gt": 30}}},
    {"$group": {"_id": "$address.city", "n": {"$sum": 1}, "mean": {"$avg": "$score"}}},
    {"$sort": {"mean": 1}},
]
COUNT = c.Count("u", {"score": {"$gt": 50}})
REGEX = c.Count("u", {"name": {"$regex": "r[0-9]*7[0-9]*3$"}})
AGGREGATE = c.Aggregate("u", GROUP)
UPDATE_MANY = c.Update("u", {"age": {"$lt": 10}}, {"$inc": {"score": 1}}, multi=True)


def get(id: str, *, text: bool = False) -> c.Find:
    """A get by ``_id``."""
    return c.Find("u", {"_id": id}, raw=text)


def page(number: int, *, text: bool = False) -> c.Find:
    """Twenty documents by the compound index."""
    filter = {"address.city": f"city{number % 100}", "age": {"$gte": 20}}
    return c.Find("u", filter, sort=[("age", 1)], limit=20, raw=text)


def update(id: str, city: str) -> c.Update:
    """An update of one document that moves it in two indexes."""
    return c.Update("u", {"_id": id}, {"$set": {"address.city": city}, "$inc": {"age": 1}})


def ids(count: int, of: int) -> list[str]:
    """``count`` ids of a collection of ``of`` documents, spread over it."""
    return [f"{number * 7919 % of:024x}" for number in range(count)]
