"""$rand $sampleRate $meta $type $isNumber, sizes of values, timestamps, and the refused JavaScript operators."""

from __future__ import annotations

import random
from typing import Any

import bson
from bson import Binary, Int64, Timestamp
from bson.codec_options import CodecOptions, TypeRegistry

from ..values import MISSING, UNDEFINED, type_name
from .building import function, single
from .compiler import compile_in
from .failures import failure
from .numbers import is_number, to_double
from .registry import Document, Evaluate, Variables, operator
from .scope import Scope

METADATA = "$metadata"
METADATA_NAMES = (
    "textScore",
    "randVal",
    "geoNearDistance",
    "geoNearPoint",
    "recordId",
    "indexKey",
    "searchScore",
    "searchHighlights",
    "sortKey",
)


@function("$type", 1)
def name_of_type(value: Any) -> str:
    """The name of the value's BSON type; ``missing`` for a missing one."""
    return "missing" if value is MISSING else type_name(value)


@function("$isNumber", 1)
def is_numeric(value: Any) -> bool:
    """True for int, long, double and decimal."""
    return is_number(value)


@operator("$rand")
def build_rand(operand: Any, scope: Scope) -> Evaluate:
    """A random double from 0 up to but without 1, another for each document."""
    if operand not in ({}, []):
        raise failure(3040501, "$rand does not currently accept arguments")
    return lambda document, variables: random.random()


@operator("$sampleRate")
def build_sample_rate(operand: Any, scope: Scope) -> Evaluate:
    """True with the given probability."""
    rate = compile_in(operand, scope)

    def evaluate(document: Document, variables: Variables) -> bool:
        probability = rate(document, variables)
        if not is_number(probability) or not 0 <= to_double(probability) <= 1:
            raise failure(2, "numeric argument to $sampleRate must be in [0, 1]")
        return random.random() < to_double(probability)

    return evaluate


@operator("$meta")
def build_meta(operand: Any, scope: Scope) -> Evaluate:
    """What an earlier stage noted about the document, in the mapping that is the variable `METADATA`."""
    if not isinstance(operand, str):
        raise failure(17307, "$meta only supports string arguments")
    if operand not in METADATA_NAMES:
        raise failure(17308, f"Unsupported argument to $meta: {operand}")
    scope.read_whole()
    if operand == "randVal":
        return lambda document, variables: random.random()

    def evaluate(document: Document, variables: Variables) -> Any:
        noted = variables.get(METADATA, {}).get(id(variables.get("ROOT", document)))
        return MISSING if noted is None else noted[1].get(operand, MISSING)

    return evaluate


@single("$binarySize")
def binary_size(value: Any) -> int:
    """The number of bytes of a string or binary value."""
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass"))
    if isinstance(value, bytes | Binary):
        return len(value)
    raise failure(51276, f"$binarySize requires a string or BinData argument, found: {type_name(value)}")


# An undefined value, which `bson` cannot write, takes as many bytes as null.
_SIZED: CodecOptions[Any] = CodecOptions(
    type_registry=TypeRegistry(fallback_encoder=lambda value: None if value is UNDEFINED else value)
)


@single("$bsonSize")
def bson_size(value: Any) -> int:
    """The number of bytes of a document encoded as BSON."""
    if not isinstance(value, dict):
        raise failure(31393, f"$bsonSize requires a document input, found: {type_name(value)}")
    return len(bson.encode(value, codec_options=_SIZED))


@single("$tsSecond")
def timestamp_seconds(value: Any) -> Int64:
    """The seconds of a timestamp."""
    if not isinstance(value, Timestamp):
        raise failure(5687301, f"$tsSecond requires a timestamp argument, found: {type_name(value)}")
    return Int64(value.time)


@single("$tsIncrement")
def timestamp_increment(value: Any) -> Int64:
    """The ordinal of a timestamp within its second."""
    if not isinstance(value, Timestamp):
        raise failure(5687302, f"$tsIncrement requires a timestamp argument, found: {type_name(value)}")
    return Int64(value.inc)


@operator("$function")
def refuse_function(operand: Any, scope: Scope) -> Evaluate:
    """Server-side JavaScript is refused."""
    raise failure(115, "$function needs server-side JavaScript, which is not available; use aggregation operators")
