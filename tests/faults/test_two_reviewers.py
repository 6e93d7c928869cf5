"""Fifty browsers of two people decide the same edit at once."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from syncapp.models import Decision
from tests.faults.reviewer import FORM, Answer, Reviewer
from tests.journeys.story import APPROVED, REJECTED, Edit, Story
from tests.support.people import rita, rob

pytestmark = [pytest.mark.journey, pytest.mark.timeout(600)]

BROWSERS = 50
EDITS = 3


def test_one_of_fifty_submits_wins(story: Story):
    reviewers = [Reviewer(story.stack, rob() if number % 2 else rita()) for number in range(BROWSERS)]
    for edit in story.edited(EDITS):
        answers = decide_at_once(edit, reviewers)
        assert Counter(answer.status for answer in answers) == {303: 1, 409: BROWSERS - 1}
        decisions = Decision.objects.filter(field__in=[field.pk for field in edit.fields.values()])
        assert decisions.count() == len(edit.fields)
        assert len(set(decisions.values_list("decided_by", flat=True))) == 1
        story.wait_until_delivered(edit)
        assert len(story.our_entries_about(edit)) == 1


def decide_at_once(edit: Edit, reviewers: list[Reviewer]) -> list[Answer]:
    """Have all browsers open the page, then decide at once, half of them the other way round."""
    forms = [reviewer.form(edit) for reviewer in reviewers]
    start = threading.Barrier(len(reviewers))

    def submit(number: int, reviewer: Reviewer, form: FORM) -> Answer:
        start.wait(60)
        if number % 2:
            return reviewer.submit(edit, form, approve=REJECTED, reject=APPROVED)
        return reviewer.submit(edit, form)

    with ThreadPoolExecutor(len(reviewers)) as pool:
        return list(pool.map(submit, range(len(reviewers)), reviewers, forms))
