"""Ages in words."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from syncapp.templatetags import portal
from syncapp.web.base import times

HOUR, DAY = 3600, 86400


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        *((-5, "0 s"), (59, "59 s"), (60, "1 min"), (HOUR, "1 h"), (DAY - 1, "23 h"), (3 * DAY, "3 d")),
        *((59 * DAY, "59 d"), (60 * DAY, "2 mo"), (729 * DAY, "24 mo"), (730 * DAY, "2 y"), (1000 * DAY, "2 y")),
    ],
)
def test_age_uses_its_largest_unit(seconds: int, words: str) -> None:
    assert times.span(seconds) == words


@pytest.mark.parametrize(("seconds", "words"), [(0, ">just now<"), (2, ">just now<"), (20, " s ago<")])
def test_few_seconds_ago_is_just_now(seconds: int, words: str) -> None:
    assert words in portal.ago(timezone.now() - timedelta(seconds=seconds))
