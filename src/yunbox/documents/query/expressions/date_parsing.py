"""Dates from text: the many forms that MongoDB's parser takes, and explicit formats."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from .calendar import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    UTC_ZONE,
    Zone,
    days_from_civil,
    days_from_iso_week,
    days_in_month,
    zone,
)
from .date_formats import MONTHS
from .failures import failure


class DateSyntaxError(ValueError):
    """The text is not a date."""


_MONTHS = {name[:length].lower(): number for number, name in enumerate(MONTHS, 1) for length in (3, len(name))} | {
    "sept": 9
}
_WEEKDAYS = {"mon", "tue", "tues", "wed", "thu", "thur", "thurs", "fri", "sat", "sun"} | {
    f"{day}day" for day in ("mon", "tues", "wednes", "thurs", "fri", "satur", "sun")
}
_ABBREVIATIONS = {
    "utc": 0, "gmt": 0, "z": 0, "wet": 0, "bst": 60, "ist": 330, "cet": 60, "west": 60, "cest": 120, "eet": 120,
    "eest": 180, "msk": 180, "est": -300, "edt": -240, "cst": -360, "cdt": -300, "mst": -420, "mdt": -360,
    "pst": -480, "pdt": -420, "akst": -540, "akdt": -480, "hst": -600, "jst": 540, "kst": 540,
}  # fmt: skip
_MILITARY = {letter: 60 * (index + 1) for index, letter in enumerate("abcdefghiklm")} | {
    letter: -60 * (index + 1) for index, letter in enumerate("nopqrstuvwxy")
}


@dataclass
class _Fields:
    """What has been read of a date so far. ``offset`` is minutes ahead of UTC."""

    year: int | None = None
    month: int | None = None
    day: int | None = None
    time: int = 0
    has_time: bool = False
    offset: int | None = None
    named_zone: Zone | None = None
    day_of_year: int | None = None
    iso: tuple[int, int, int] | None = None
    extra: dict[str, int] = field(default_factory=dict)

    def days(self) -> int:
        """Days since 1970, checked."""
        if self.iso is not None:
            return days_from_iso_week(*self.iso)
        if self.year is None:
            raise DateSyntaxError("an incomplete date/time string has been found, with elements missing")
        if self.day_of_year is not None:
            return days_from_civil(self.year, 1, self.day_of_year)
        month, day = (1 if part is None else part for part in (self.month, self.day))
        if not 1 <= month <= 12 or not 1 <= day <= days_in_month(self.year, month):
            raise DateSyntaxError(f"The parsed date was invalid: {self.year}-{month}-{day}")
        return days_from_civil(self.year, month, day)

    def set_date(self, year: int | None, month: int, day: int | None) -> None:
        """Take a calendar date."""
        if self.month is not None:
            raise DateSyntaxError("Double date specification")
        self.year, self.month, self.day = year if year is not None else self.year, month, day

    def set_time(self, millis: int) -> None:
        """Take a time of day."""
        if self.has_time:
            raise DateSyntaxError("Double time specification")
        self.time, self.has_time = millis, True


def parse_date(text: str, given: Zone | None) -> int:
    """Milliseconds since 1970 of a date in one of the usual forms. Raises `DateSyntaxError`."""
    stripped = text.strip()
    if not stripped:
        raise DateSyntaxError("Error parsing date string ''; 0: Empty string ''")
    if re.fullmatch(r"@-?\d+", stripped):
        return int(stripped[1:]) * SECOND
    fields, place = _Fields(), 0
    while place < len(stripped):
        place = _scan(stripped, place, fields)
    if fields.year is None and fields.month is None and fields.iso is None:
        raise DateSyntaxError(f"an incomplete date/time string has been found, with elements missing: '{text}'")
    return _instant(fields, given)


def _instant(fields: _Fields, given: Zone | None) -> int:
    local = fields.days() * DAY + fields.time
    if fields.offset is None and fields.named_zone is None:
        return (given or UTC_ZONE).utc(local)
    if given is not None:
        raise DateSyntaxError(
            "you cannot pass in a date/time string with time zone information together with a timezone argument"
        )
    if fields.named_zone is not None:
        return fields.named_zone.utc(local)
    return local - (fields.offset or 0) * MINUTE


def _scan(text: str, place: int, fields: _Fields) -> int:
    for pattern, take in _FORMS:
        match = pattern.match(text, place)
        if match is not None and match.end() > place:
            take(fields, match)
            return match.end()
    raise DateSyntaxError(f"Error parsing date string '{text}'; {place}: Unexpected character '{text[place]}'")


def _year(text: str) -> int:
    year = int(text)
    if len(text) == 2:
        return year + (2000 if year < 70 else 1900)
    return year


def _take_ymd(fields: _Fields, match: re.Match[str]) -> None:
    fields.set_date(int(match["y"]), int(match["m"]), int(match["d"]))


def _take_ym(fields: _Fields, match: re.Match[str]) -> None:
    fields.set_date(int(match["y"]), int(match["m"]), 1)


def _take_named(fields: _Fields, match: re.Match[str]) -> None:
    groups = match.groupdict()
    year, day = groups.get("y"), groups.get("d")
    month = _MONTHS.get(match["b"].lower())
    if month is None:
        raise DateSyntaxError(f"Unexpected word '{match['b']}' in a date string")
    fields.set_date(_year(year) if year else None, month, int(day) if day else None)


def _take_slashed(fields: _Fields, match: re.Match[str]) -> None:
    fields.set_date(_year(match["y"]), int(match["m"]), int(match["d"]))


def _take_year(fields: _Fields, match: re.Match[str]) -> None:
    if fields.month is None or fields.year is not None:
        hour, minute = int(match[0][:2]), int(match[0][2:])
        if fields.month is None or hour > 24 or minute > 59:
            raise DateSyntaxError(f"Unexpected number '{match[0]}' in a date string")
        fields.set_time(hour * HOUR + minute * MINUTE)
        return
    fields.year = int(match[0])


def _take_iso_week(fields: _Fields, match: re.Match[str]) -> None:
    fields.iso = (int(match["y"]), int(match["w"]), int(match["d"] or 1))


def _take_ordinal(fields: _Fields, match: re.Match[str]) -> None:
    fields.year, fields.day_of_year = int(match["y"]), int(match["j"])


def _take_time(fields: _Fields, match: re.Match[str]) -> None:
    groups = match.groupdict()
    hour, minute, second = int(groups["h"]), int(groups.get("i") or 0), int(groups.get("s") or 0)
    half = (groups.get("p") or "").lower()
    if half:
        if not 1 <= hour <= 12:
            raise DateSyntaxError(f"Unexpected hour {hour} with {half}m")
        hour = hour % 12 + (12 if half == "p" else 0)
    if hour > 24 or minute > 59 or second > 59:
        raise DateSyntaxError(f"Unexpected time '{match[0].strip()}'")
    millis = int((groups.get("f") or "")[:3].ljust(3, "0"))
    fields.set_time(hour * HOUR + minute * MINUTE + second * SECOND + millis)


def _take_offset(fields: _Fields, match: re.Match[str]) -> None:
    if fields.offset is not None:
        raise DateSyntaxError("Double timezone specification")
    hours, minutes = int(match["oh"]), int(match["om"] or 0)
    fields.offset = (hours * 60 + minutes) * (-1 if match["sign"] == "-" else 1)


def _take_word(fields: _Fields, match: re.Match[str]) -> None:
    word = match[0].strip().rstrip(".").lower()
    if word in ("noon", "midnight"):
        fields.set_time(12 * HOUR if word == "noon" else 0)
    elif word in _WEEKDAYS:
        fields.extra["weekday"] = 1
    elif word == "t" or (word in _MONTHS and fields.month is not None and not fields.extra):
        raise DateSyntaxError(f"Unexpected word '{word}' in a date string")
    else:
        _take_zone(fields, match[0].strip())


def _take_zone(fields: _Fields, name: str) -> None:
    if fields.offset is not None or fields.named_zone is not None:
        raise DateSyntaxError("Double timezone specification")
    known = _ABBREVIATIONS.get(name.lower(), _MILITARY.get(name.lower()))
    if known is not None:
        fields.offset = known
        return
    if "/" not in name:
        raise DateSyntaxError(f"The timezone '{name}' could not be found in the database")
    try:
        fields.named_zone = zone(name)
    except Exception as error:
        raise DateSyntaxError(f"The timezone '{name}' could not be found in the database") from error


def _form(pattern: str, take: Callable[[_Fields, re.Match[str]], None]) -> tuple[re.Pattern[str], Callable[..., None]]:
    return re.compile(pattern, re.IGNORECASE), take


_SUFFIX = r"(?:st|nd|rd|th)?"
_WORD_MONTH = r"(?P<b>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
_FORMS: tuple[tuple[re.Pattern[str], Callable[..., None]], ...] = (
    _form(r"[\s,]+", lambda fields, match: None),
    _form(r"t(?=\d)", lambda fields, match: None),
    _form(r"(?P<y>\d{4})-?W(?P<w>\d{2})(?:-?(?P<d>[0-7]))?", _take_iso_week),
    _form(r"(?P<y>[+-]?\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})(?!\d)", _take_ymd),
    _form(r"(?P<y>\d{4})/(?P<m>\d{1,2})/(?P<d>\d{1,2})(?!\d)", _take_ymd),
    _form(r"(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<y>\d{4}|\d{2})(?!\d)", _take_slashed),
    _form(r"(?P<d>\d{1,2})[.-](?P<m>\d{1,2})[.-](?P<y>\d{4})(?!\d)", _take_slashed),
    _form(rf"(?P<y>\d{{4}})-{_WORD_MONTH}-(?P<d>\d{{1,2}})(?!\d)", _take_named),
    _form(rf"(?P<d>\d{{1,2}}){_SUFFIX}[\s.-]*{_WORD_MONTH}[\s.,-]*(?P<y>\d{{4}})(?![\d:])", _take_named),
    _form(rf"{_WORD_MONTH}[\s.-]*(?P<d>\d{{1,2}}){_SUFFIX}[\s.,-]+(?P<y>\d{{4}})(?![\d:])", _take_named),
    _form(rf"{_WORD_MONTH}[\s.,-]*(?P<y>\d{{4}})(?![\d:])", _take_named),
    _form(rf"(?P<d>\d{{1,2}}){_SUFFIX}[\s.-]*{_WORD_MONTH}", _take_named),
    _form(rf"{_WORD_MONTH}[\s.-]*(?P<d>\d{{1,2}}){_SUFFIX}(?![\d:])", _take_named),
    _form(
        r"t?(?P<h>\d{1,2}):(?P<i>\d{2})(?::(?P<s>\d{2})(?:[.,:](?P<f>\d+))?)?(?:\s*(?P<p>[ap])\.?m\.?(?![a-z]))?(?!\d)",
        _take_time,
    ),
    _form(r"(?P<h>\d{1,2})\s*(?P<p>[ap])\.?m\.?(?![a-z])", _take_time),
    _form(r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})(?!\d)", _take_ymd),
    _form(r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})(?=t?\d{6})", _take_ymd),
    _form(r"t?(?P<h>\d{2})(?P<i>\d{2})(?P<s>\d{2})(?:[.,](?P<f>\d+))?(?!\d)", _take_time),
    _form(r"(?P<y>\d{4})-(?P<j>\d{3})(?!\d)", _take_ordinal),
    _form(r"(?P<y>\d{4})-(?P<m>\d{2})(?!\d)", _take_ym),
    _form(r"(?:GMT|UTC)?(?P<sign>[+-])(?P<oh>\d{1,2}):?(?P<om>\d{2})?(?!\d)", _take_offset),
    _form(r"\d{4}(?!\d)", _take_year),
    _form(r"[a-z]+(?:/[a-z_+-]+)*\.?", _take_word),
)


def parse_with_format(text: str, template: str, given: Zone | None) -> int:
    """Milliseconds since 1970 of ``text`` read by a format of ``%`` fields. Raises `DateSyntaxError`."""
    fields, place = _Fields(), 0
    characters = iter(template)
    for character in characters:
        if character == "%":
            place = _read_field(next(characters, ""), text, place, fields)
        elif place < len(text) and text[place] == character:
            place += 1
        else:
            raise DateSyntaxError(f"Error parsing date string '{text}'; {place}: Format literal not found")
    if place != len(text):
        raise DateSyntaxError(f"Error parsing date string '{text}'; {place}: Trailing data")
    return _instant(_completed(fields), given)


def _read_field(code: str, text: str, place: int, fields: _Fields) -> int:
    if code == "%":
        if text[place : place + 1] != "%":
            raise DateSyntaxError(f"Error parsing date string '{text}'; {place}: Format literal not found")
        return place + 1
    if code not in _READERS:
        number = 18535 if not code else 18536
        raise failure(number, f"Invalid format character '%{code}' in format string")
    pattern, take = _READERS[code]
    match = pattern.match(text, place)
    if match is None:
        raise DateSyntaxError(f"Error parsing date string '{text}'; {place}: could not be read as %{code}")
    take(fields, match)
    return match.end()


def _completed(fields: _Fields) -> _Fields:
    extra = fields.extra
    time = extra.get("H", 0) * HOUR + extra.get("M", 0) * MINUTE + extra.get("S", 0) * SECOND + extra.get("L", 0)
    if extra.get("H", 0) > 24 or extra.get("M", 0) > 59 or extra.get("S", 0) > 59:
        raise DateSyntaxError("The parsed time was invalid")
    fields.time = time
    natural = (fields.year, fields.month, fields.day, fields.day_of_year)
    if not extra.keys().isdisjoint("GVu") and natural != (None, None, None, None):
        raise DateSyntaxError("Mixing of ISO dates with natural dates is not allowed")
    if "G" in extra:
        fields.iso = (extra["G"], extra.get("V", 1), extra.get("u", 1))
    elif fields.year is None or (fields.day_of_year is None and None in (fields.month, fields.day)):
        raise DateSyntaxError("an incomplete date/time string has been found, with elements missing")
    return fields


def _number(name: str) -> Callable[[_Fields, re.Match[str]], None]:
    def take(fields: _Fields, match: re.Match[str]) -> None:
        fields.extra[name] = int(match[0])

    return take


def _attribute(name: str) -> Callable[[_Fields, re.Match[str]], None]:
    def take(fields: _Fields, match: re.Match[str]) -> None:
        setattr(fields, name, int(match[0]))

    return take


def _take_millis(fields: _Fields, match: re.Match[str]) -> None:
    fields.extra["L"] = int(match[0][:3].ljust(3, "0"))


def _take_month_name(fields: _Fields, match: re.Match[str]) -> None:
    fields.month = _MONTHS[match["b"].lower()]


def _take_zone_offset(fields: _Fields, match: re.Match[str]) -> None:
    if match["sign"]:
        _take_offset(fields, match)
    else:
        _take_zone(fields, match[0])


def _take_minutes(fields: _Fields, match: re.Match[str]) -> None:
    fields.offset = int(match[0])


_READERS: dict[str, tuple[re.Pattern[str], Callable[[_Fields, re.Match[str]], None]]] = {
    "Y": (re.compile(r"\d{1,4}"), _attribute("year")),
    "m": (re.compile(r"\d{1,2}"), _attribute("month")),
    "d": (re.compile(r"\d{1,2}"), _attribute("day")),
    "j": (re.compile(r"\d{1,3}"), _attribute("day_of_year")),
    "b": (re.compile(_WORD_MONTH, re.IGNORECASE), _take_month_name),
    "B": (re.compile(_WORD_MONTH, re.IGNORECASE), _take_month_name),
    "H": (re.compile(r"\d{1,2}"), _number("H")),
    "M": (re.compile(r"\d{1,2}"), _number("M")),
    "S": (re.compile(r"\d{1,2}"), _number("S")),
    "L": (re.compile(r"\d{1,3}"), _take_millis),
    "G": (re.compile(r"\d{1,4}"), _number("G")),
    "V": (re.compile(r"\d{1,2}"), _number("V")),
    "u": (re.compile(r"[1-7]"), _number("u")),
    "z": (
        re.compile(r"(?:GMT|UTC)?(?P<sign>[+-])(?P<oh>\d{1,2}):?(?P<om>\d{2})?|[a-z]+(?:/[a-z_+-]+)*", re.IGNORECASE),
        _take_zone_offset,
    ),
    "Z": (re.compile(r"[+-]\d+"), _take_minutes),
}
