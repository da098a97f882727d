"""Cron texts: every form that real projects use (real-projects.md §2.3), time zone, impossible dates."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from yunbox.tools.cron import CHINA, Cron, CronError


def china(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        ("* * * * * * *", "2020-04-08 10:22:31", "2020-04-08 10:22:32"),
        ("*/5 * * * * * *", "2020-04-08 10:22:31", "2020-04-08 10:22:35"),
        ("1/5 * * * * * *", "2020-04-08 10:22:57", "2020-04-08 10:23:01"),
        ("* */10 * * * * *", "2020-04-08 10:20:59", "2020-04-08 10:30:00"),
        ("*/5 * 17-21 * * * *", "2020-04-08 21:59:55", "2020-04-09 17:00:00"),
        ("0 * * * * * *", "2020-04-08 10:22:31", "2020-04-08 10:23:00"),
        ("0 0 */1 * * * *", "2020-04-08 10:22:31", "2020-04-08 11:00:00"),
        ("0 0 0 * * * *", "2020-12-31 10:22:31", "2021-01-01 00:00:00"),
        ("0 0 0 * * SUN *", "2020-04-08 10:22:31", "2020-04-12 00:00:00"),
        ("0 0 3 * * 0 *", "2020-04-08 10:22:31", "2020-04-12 03:00:00"),
        ("0 0 3 * * 7 *", "2020-04-08 10:22:31", "2020-04-12 03:00:00"),
        ("0 0 10,14,16,23 * * * *", "2020-04-08 14:00:00", "2020-04-08 16:00:00"),
        ("0 0 2 1 * * *", "2020-04-08 10:22:31", "2020-05-01 02:00:00"),
        ("0 30 8 * * MON-FRI *", "2020-04-10 08:30:00", "2020-04-13 08:30:00"),
        ("0 0 0 29 FEB * *", "2020-03-01 00:00:00", "2024-02-29 00:00:00"),
        ("0 0 12 13 * FRI *", "2020-04-08 10:00:00", "2020-04-10 12:00:00"),
        ("0 0 12 ? * 5 *", "2020-04-08 10:00:00", "2020-04-10 12:00:00"),
        ("0 0 0 31 12 * 2030", "2020-04-08 10:00:00", "2030-12-31 00:00:00"),
        ("0 0 * * * *", "2020-04-08 10:22:31", "2020-04-08 11:00:00"),
        ("0 0 8 ? * 1", "2020-04-08 10:22:31", "2020-04-13 08:00:00"),
    ],
)
def test_next(text: str, after: str, expected: str) -> None:
    assert Cron(text).next(china(after)) == china(expected)


def test_fields_are_chinas_time() -> None:
    following = Cron("0 30 8 * * * *").next(datetime(2020, 4, 8, 0, 0, tzinfo=UTC))
    assert following == datetime(2020, 4, 8, 0, 30, tzinfo=UTC)
    assert following is not None
    assert following.tzinfo is UTC


def test_moments_always_move_on() -> None:
    cron = Cron("*/7 1-59/13 * * * * *")
    moments = [china("2020-04-08 10:00:00")]
    for _ in range(200):
        following = cron.next(moments[-1])
        assert following is not None
        moments.append(following)
    assert all(earlier < later for earlier, later in pairwise(moments))
    assert all(moment.second % 7 == 0 and (moment.minute - 1) % 13 == 0 for moment in moments[1:])


def test_a_date_that_never_comes() -> None:
    assert Cron("0 0 0 30 2 * *").next(china("2020-04-08 10:00:00")) is None
    assert Cron("0 0 0 1 1 * 1999").next(china("2020-04-08 10:00:00")) is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("* * * * *", "5 fields"),
        ("60 * * * * * *", "60 is not a second"),
        ("* * 24 * * * *", "24 is not a hour"),
        ("* * * 0 * * *", "0 is not a day"),
        ("* * * * XYZ * *", "`XYZ` is not a month"),
        ("*/0 * * * * * *", "step of the second field"),
        ("30-10 * * * * * *", "runs backwards"),
        ("1,,2 * * * * * *", "is not a second"),
        ("", "0 fields"),
    ],
)
def test_what_is_not_cron(text: str, fault: str) -> None:
    with pytest.raises(CronError, match=fault):
        Cron(text)
