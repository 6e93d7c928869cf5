"""Ages in words."""

from __future__ import annotations

import pytest

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
