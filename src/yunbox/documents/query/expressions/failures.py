"""Errors of aggregation with MongoDB's numbers and code names."""

from __future__ import annotations

from yunbox.errors import QueryError

NAMES = {
    2: "BadValue",
    9: "FailedToParse",
    14: "TypeMismatch",
    15: "Overflow",
    17: "InvalidLength",
    50: "MaxTimeMSExpired",
    72: "InvalidOptions",
    73: "InvalidNamespace",
    115: "CommandNotSupported",
    160: "ViewDepthLimitExceeded",
    168: "InvalidPipelineOperator",
    238: "NotImplemented",
    241: "ConversionFailure",
    292: "QueryExceededMemoryLimitNoDiskUseAllowed",
}

CONVERSION_FAILURE = 241
MEMORY_LIMIT = 292


def failure(number: int, message: str) -> QueryError:
    """The error MongoDB reports as ``number``; numbers without a name of their own are called ``Location<number>``."""
    return QueryError(message, number=number, name=NAMES.get(number, f"Location{number}"))
