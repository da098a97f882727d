"""A function's settings as project files spell them."""

from __future__ import annotations

from typing import Any

import pytest

from yunbox.errors import InvalidRequest
from yunbox.functions.configuration import merge_settings, plain_json, settings_from
from yunbox.functions.function import FunctionSettings, TriggerSettings


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, FunctionSettings()),
        ({"timeout": "20", "memorySize": 512}, FunctionSettings(timeout=20.0, memory=512)),
        ({"memory": 128, "handler": "app.start"}, FunctionSettings(memory=128, handler="app.start")),
        ({"envVariables": {"A": 1, "B": None}}, FunctionSettings(environment={"A": "1"})),
        ({"environment": {"Variables": [{"Key": "A", "Value": "1"}]}}, FunctionSettings(environment={"A": "1"})),
        ({"envVariables": [{"key": "A", "value": "1"}]}, FunctionSettings(environment={"A": "1"})),
        ({"triggers": [{"name": "t", "type": "timer", "config": "0 0 2 1 * * *"}]},
         FunctionSettings(triggers=(TriggerSettings("t", "0 0 2 1 * * *"),))),
        ({"triggers": [{"config": "cron:0 0 * * * *"}]}, FunctionSettings(triggers=(TriggerSettings("timer1", "0 0 * * * *"),))),
        ({"triggers": [{"type": "cos", "name": "x"}]}, FunctionSettings()),
        ({"triggers": []}, FunctionSettings(triggers=())),
        ({"triggers": {}, "permissions": [], "handler": 3, "unknown": 1, "timeout": "", "memory": None}, FunctionSettings()),
        ({"permissions": {"openapi": ["a.b"]}}, FunctionSettings(permissions={"openapi": ["a.b"]})),
    ],
)  # fmt: skip
def test_spellings(values: dict[str, Any], expected: FunctionSettings) -> None:
    assert settings_from(values) == expected


@pytest.mark.parametrize(
    "values", [{"timeout": -1}, {"timeout": []}, {"memory": 99999}, {"memory": "big"}, {"triggers": [{}]}]
)
def test_values_that_cannot_be(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        settings_from(values)


def test_merging() -> None:
    below = FunctionSettings(
        timeout=3, memory=128, environment={"A": "1", "B": "2"}, triggers=(TriggerSettings("a", "x"),)
    )
    above = FunctionSettings(timeout=5, handler="app.main", environment={"B": "3"})
    assert merge_settings(below, above) == FunctionSettings(
        timeout=5,
        memory=128,
        handler="app.main",
        environment={"A": "1", "B": "3"},
        triggers=(TriggerSettings("a", "x"),),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1, // one\n "b": [1, 2,],}', '{"a": 1, \n "b": [1, 2]}'),
        ('/* head */ {"url": "http://x//y", "c": "/* kept */"}', '{"url": "http://x//y", "c": "/* kept */"}'),
        ('{"a": "quote \\" , } // in text"}', '{"a": "quote \\" , } // in text"}'),
    ],
)
def test_comments_and_trailing_commas(text: str, expected: str) -> None:
    assert plain_json(text) == expected
